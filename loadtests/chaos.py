"""Is a job lost, or done late, when workers are killed under load?

    locust -f loadtests/chaos.py --headless -u 10 -r 10 -t 30s

Runs workers of its own, two unless `--jobctl-workers` says otherwise, and kills one (SIGKILL) every 3 seconds; another
takes its place. Their leases are short, 2 seconds, so that what they held runs again soon. `redelivered` counts the
deliveries beyond the first; `done.max` shows how long the unluckiest job took.
"""

from __future__ import annotations

import logging

from jobctl.client import NewJob
from jobctl.compiler.plan import Registration
from jobctl.loadtest import JobUser
from jobctl.loadtest.owner import Owner
from jobctl.loadtest.spec import NOOP

log = logging.getLogger(__name__)

KILL_EVERY_S = 3.0
RUN_S = 0.05  # of a job: so that a worker that is killed holds some


class Chaos(JobUser):
    """Sends jobs that take 50 ms, 100 a second, while workers die."""

    scenario = "chaos"
    spec = NOOP
    jobs = ("pause-critical", "pause-default", "pause-low")
    rate = 100.0
    workers = 2
    lease = "2s"
    thresholds = ("lost == 0", "dead == 0")

    @classmethod
    def beside(cls, owner: Owner) -> None:
        """Kill workers, one after the other."""
        while owner.sleep(KILL_EVERY_S):
            log.info("killed worker %d", owner.workers.kill_one())

    def job(self, registration: Registration, number: int) -> NewJob:
        """Return a job that takes its time."""
        return NewJob(registration.name, {"number": number, "seconds": RUN_S})
