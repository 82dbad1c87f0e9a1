"""How long does a job wait, and how long until it is done, when there is time to spare?

    locust -f loadtests/latency.py --headless -u 10 -r 10 -t 30s --threshold "start.p99 < 20ms"

Jobs arrive one by one, independent of each other, at a rate far below what a worker can do. Three rows for each job:
`enqueue` is the call; `start` and `done` count from the moment the job was meant to be sent, by the broker's clock.
"""

from __future__ import annotations

from jobctl.loadtest import JobUser
from jobctl.loadtest.spec import NOOP


class Latency(JobUser):
    """Sends single no-op jobs, 100 a second as a Poisson process."""

    scenario = "latency"
    spec = NOOP
    jobs = ("noop-critical", "noop-default", "noop-low")
    rate = 100.0
    arrivals = "poisson"
