"""What becomes of a queue that is suddenly full?

    locust -f loadtests/burst.py --headless -u 10 -r 10 -t 30s --threshold "done.max < 2s"

All users send at the same moment: with 10 of them, 5,000 jobs every 5 seconds. `done.max` is the time until the last
job of the worst burst was done, `backlogged` the share of the time in which some job was waiting.
"""

from __future__ import annotations

from jobctl.loadtest import JobUser
from jobctl.loadtest.spec import NOOP


class Burst(JobUser):
    """Sends 500 no-op jobs at once, all users in step, 1,000 a second on average."""

    scenario = "burst"
    spec = NOOP
    jobs = ("noop-critical", "noop-default", "noop-low")
    rate = 1000.0
    arrivals = "together"
    batch = 500
