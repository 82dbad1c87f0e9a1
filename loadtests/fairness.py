"""Do the starts follow the weights of the queues?

    locust -f loadtests/fairness.py --headless -u 3 -r 3 -t 30s --threshold "fairness.max_deviation < 2%"

Every queue is kept backlogged (`--jobctl-backlog` jobs), for a weight is a share of starts while all queues have work;
docs/fairness.md defines what is measured. The jobs of the lighter queues take longer, so that the share of starts and
that of the work time differ. Enqueue latencies are of batches, and `start` is the length of the backlog here.
"""

from __future__ import annotations

import time

from jobctl.broker.keys import QueueKeys
from jobctl.client import NewJob
from jobctl.compiler.plan import Registration
from jobctl.loadtest import JobUser
from jobctl.loadtest.spec import NOOP

LOOK_S = 0.02
RUN_S = {"pause-critical": 0.005, "pause-default": 0.01, "pause-low": 0.02}
MOST = 500  # jobs in one call


class Fairness(JobUser):
    """Keeps every queue backlogged."""

    scenario = "fairness"
    spec = NOOP
    jobs = ("pause-critical", "pause-default", "pause-low")
    rate = None
    notes_starts = True

    def send(self) -> None:
        """Fill up the queues that hold too few jobs."""
        is_full = True
        for queue in self.session.queues:
            waiting = int(self.session.server.llen(QueueKeys(queue).queued))
            if waiting < self.options.backlog and not self.session.is_over:
                is_full = False
                self.fill(queue, min(self.options.backlog - waiting, MOST))
        if is_full:
            time.sleep(LOOK_S)

    def fill(self, queue: str, count: int) -> None:
        """Send jobs of one queue."""
        ours = [each for each in self.session.registrations if each.queue == queue]
        numbers = [next(self.numbers) for _ in range(count)]
        jobs = [self.job(ours[number % len(ours)], number) for number in numbers]
        self.session.send(jobs, self.session.clock.now_ms())

    def job(self, registration: Registration, number: int) -> NewJob:
        """Return a job that takes its time; of a spec of yours, one with a payload made up."""
        if registration.name not in RUN_S:
            return super().job(registration, number)
        return NewJob(registration.name, {"number": number, "seconds": RUN_S[registration.name]})
