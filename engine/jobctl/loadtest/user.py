"""The base of all users: subclass it for jobs of your own."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from random import Random
from typing import TYPE_CHECKING, ClassVar

from locust import User, events, task
from locust.exception import StopUser

from jobctl.client import NewJob
from jobctl.compiler.plan import Registration
from jobctl.loadtest import hooks
from jobctl.loadtest.options import Options
from jobctl.loadtest.payloads import made_up
from jobctl.loadtest.result import MEMORY
from jobctl.measure.arrivals import Arrivals, Even, Poisson, Together
from jobctl.measure.metrics import METRICS
from jobctl.settings import Settings

if TYPE_CHECKING:
    from jobctl.loadtest.owner import Owner

IDLE_S = 0.2  # between looks whether a run is over, and of a sender that has nothing to send
CLOSED_TIMEOUT_S = 600.0  # a sender that waits for its jobs gives them up after so long
FAIRNESS = tuple(name for name in METRICS if name.startswith("fairness."))


class JobUser(User):
    """Enqueues jobs and has each followed to its end. What a class does not say, the options of the run do.

    Attributes:
        spec: path of the specs; "" = that of the environment, `jobspecs`.
        jobs: names of the jobs to send in turn; empty = all of the spec.
        rate: jobs per second of all users together, at constant arrival; None = each waits for its jobs to end.
        arrivals: `even`, `poisson`, or `together`: all users at the same moment, every `batch * users / rate` seconds.
        batch: jobs in one call.
        backlog: jobs kept waiting in every queue, by scenarios that keep some.
        limit_s: longest run, seconds.
        workers: worker processes that the test runs; None = one with the embedded broker, none with a broker of yours.
        lease: time until jobs of a killed worker run again, for workers the test runs; None = the worker's own.
        thresholds: what must hold beside what is asked for.
        scenario: name of a shipped scenario: of several, one runs at a time.
        notes_starts: whether fairness is measured.
    """

    abstract = True
    spec: ClassVar[str] = ""
    jobs: ClassVar[tuple[str, ...]] = ()
    rate: ClassVar[float | None] = 50.0
    arrivals: ClassVar[str] = "even"
    batch: ClassVar[int] = 1
    backlog: ClassVar[int] = 1000
    limit_s: ClassVar[float] = 3600.0
    workers: ClassVar[int | None] = None
    lease: ClassVar[str | None] = None
    thresholds: ClassVar[tuple[str, ...]] = ()
    scenario: ClassVar[str] = ""
    notes_starts: ClassVar[bool] = False

    @classmethod
    def defaults(cls) -> Options:
        """Return the options of a run where nothing else is said."""
        return Options(
            spec=cls.spec or Settings.from_env().spec,
            jobs=cls.jobs,
            rate_per_s=cls.rate,
            arrivals=cls.arrivals,
            batch=cls.batch,
            backlog=cls.backlog,
            limit_s=cls.limit_s,
            workers=cls.workers,
            thresholds=cls.thresholds,
        )

    @classmethod
    def measured(cls) -> frozenset[str]:
        """Return the metrics that thresholds may be about."""
        common = {name for name in METRICS if "." not in name} | {"generator.cpu", *MEMORY}
        return frozenset({*common, *(FAIRNESS if cls.notes_starts else ())})

    @classmethod
    def world(cls) -> AbstractContextManager[Mapping[str, str]]:
        """Open what the jobs need around them, and yield environment variables for the workers the test runs."""
        return nullcontext({})

    @classmethod
    def beside(cls, owner: Owner) -> None:
        """Run beside the users, once a run, where the workers are. Return when `owner.is_over`."""

    def next_job(self) -> NewJob:
        """Return the next job to send: each of `jobs` in turn, with a payload made up from its declaration."""
        number = next(self.numbers)
        return self.job(self.session.registrations[number % len(self.session.registrations)], number)

    def job(self, registration: Registration, number: int) -> NewJob:
        """Return a job with a payload made up from its declaration.

        Args:
            number: different for every job of a run.
        """
        return NewJob(registration.name, made_up(registration, number))

    def on_start(self) -> None:
        """Take part in the run."""
        session = hooks.session_of(self.environment)
        if session is None:
            raise StopUser  # Locust deals out users once more to processes that are ending
        self.session = session
        self.options = self.session.options
        # Different numbers for every user of every process: ids are made of them. All stay below 2 ** 53.
        self.numbers = itertools.count(Random().getrandbits(28) << 24)
        self._due_s: float | None = None

    def wait_time(self) -> float:
        """Return the seconds until the next send is meant to happen; none if that is past."""
        if self.session.is_over:
            return IDLE_S
        return 0.0 if self._due_s is None else max(self._due_s - self.session.clock.now_ms() / 1000, 0.0)

    @task
    def turn(self) -> None:
        """Send, while the run lasts. Override `send`: Locust would run a second task beside this one."""
        if not self.session.is_over:
            self.send()

    def send(self) -> None:
        """Send the next jobs."""
        arrivals = self._arrivals()
        if arrivals is None:
            self._send_and_wait()
        elif self._due_s is None:
            self._due_s = arrivals.first(self.session.clock.now_ms() / 1000)
        else:
            self._send(self._due_s * 1000)
            self._due_s = arrivals.next(self._due_s)

    def _send(self, intended_ms: float) -> None:
        self.session.send([self.next_job() for _ in range(self.options.batch)], intended_ms)

    def _send_and_wait(self) -> None:
        jobs = [self.next_job() for _ in range(self.options.batch)]
        batch = self.session.send(jobs, self.session.clock.now_ms(), is_waiting=True)
        if batch is None:
            time.sleep(IDLE_S)  # refused: a broker that is away is not hammered
            return
        deadline_s = time.perf_counter() + CLOSED_TIMEOUT_S
        while not batch.wait(IDLE_S) and not self.session.is_over and time.perf_counter() < deadline_s:
            pass

    def _arrivals(self) -> Arrivals | None:
        """Return when this user sends: its part of the rate, whatever the number of users is by now."""
        rate_per_s = self.options.rate_per_s
        if rate_per_s is None:
            return None
        interval_s = self.options.batch * hooks.users_of(self.environment) / rate_per_s
        if self.options.arrivals == "together":
            return Together(interval_s)
        return (Poisson if self.options.arrivals == "poisson" else Even)(interval_s, Random())


hooks.install(events)
