"""Does anything grow, slow down or get lost over hours?

    locust -f loadtests/soak.py --headless -u 10 -r 10 -t 8h --threshold "broker.growth < 10%"

A moderate, even load. The result says by how much more memory broker and workers held in the last third of the run than
in the first. Whatever has been measured is removed from the broker meanwhile, so that a run of any length needs no more
room than its jobs on the way, and the index of what expires: that one grows for ten minutes, the retention of these
jobs, so give it an hour at least. It ends after 24 hours at the latest (`--jobctl-limit`).
"""

from __future__ import annotations

from jobctl.loadtest import JobUser
from jobctl.loadtest.spec import NOOP


class Soak(JobUser):
    """Sends jobs that take 5 ms, 200 a second."""

    scenario = "soak"
    spec = NOOP
    jobs = ("pause-critical", "pause-default", "pause-low")
    rate = 200.0
    limit_s = 24 * 3600.0
    thresholds = ("lost == 0", "dead == 0")
