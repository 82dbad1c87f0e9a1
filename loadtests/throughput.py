"""How many jobs a second, how long from enqueue to start and to done, and is any lost?

    locust -f loadtests/throughput.py --headless -u 10 -r 10 -t 30s

At a constant arrival rate (`--jobctl-rate 500`), whatever the workers make of it; or `--jobctl-rate closed`, where each
user sends its next jobs (`--jobctl-batch 100`) when the last ones have ended: as many as the workers can do.
"""

from __future__ import annotations

from jobctl.loadtest import JobUser
from jobctl.loadtest.spec import NOOP


class Throughput(JobUser):
    """Sends no-op jobs to three queues in turn."""

    scenario = "throughput"
    spec = NOOP
    jobs = ("noop-critical", "noop-default", "noop-low")
