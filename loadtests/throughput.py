"""How many jobs a second, how long from enqueue to done, and is any lost?

    locust -f loadtests/throughput.py --headless -u 10 -r 10 -t 30s --jobctl-worker

Each user enqueues jobs, `--jobctl-rate` a second. Two rows come out: `enqueue`, the call itself, and `done`, from the
call to the job's end. After the users have stopped, the jobs on their way are waited for; one that is lost, dead or
not done in time is a failure, and Locust exits with 1.

The broker is that of the environment (`REDIS_URL`, ...), or the folder's embedded one. With `--jobctl-worker` the test
runs a worker of its own; without, workers of yours should run with the same spec.
"""

from __future__ import annotations

import itertools
import logging
import time
from argparse import ArgumentTypeError
from contextlib import ExitStack
from typing import Any

from locust import User, constant_throughput, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import WorkerRunner

from jobctl import BlockingClient, load_plan
from jobctl.broker import keys
from jobctl.broker.connect import connect_blocking, open_broker
from jobctl.broker.envelope import new_key
from jobctl.durations import parse_duration
from jobctl.errors import JobctlError
from jobctl.settings import Settings
from loadtests._tracker import Tracker
from loadtests._worker import worker

log = logging.getLogger(__name__)


def duration(text: str) -> float:
    """Read a duration option.

    Raises:
        ArgumentTypeError: what the option parser wants to be told.
    """
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    """Declare this scenario's options."""
    ours = parser.add_argument_group("jobctl")
    ours.add_argument("--jobctl-spec", default="loadtests/_noop.yaml", help="Spec whose jobs are enqueued")
    ours.add_argument("--jobctl-jobs", default="noop-critical,noop-default,noop-low", help="Jobs, in turn")
    ours.add_argument("--jobctl-rate", type=float, default=50.0, help="Jobs per second of each user")
    ours.add_argument("--jobctl-worker", action="store_true", help="Run a worker meanwhile")
    ours.add_argument("--jobctl-concurrency", type=int, default=10, help="Jobs that worker runs at once")
    ours.add_argument("--jobctl-drain", type=duration, default=60.0, help="Longest wait for jobs on their way")


class Run:
    """What one test run holds open: the broker, a worker if asked for, the client, the tracker."""

    def __init__(self, environment: Environment) -> None:
        options: Any = environment.parsed_options
        self.environment = environment
        self.drain_s: float = options.jobctl_drain
        plan = load_plan(options.jobctl_spec)
        self.registrations = [plan.registration(name) for name in options.jobctl_jobs.split(",")]
        with ExitStack() as stack:
            url = stack.enter_context(open_broker(Settings.from_env()))
            # Of several Locust processes, the master runs the worker.
            if options.jobctl_worker and not isinstance(environment.runner, WorkerRunner):
                stack.enter_context(worker(options.jobctl_spec, url, options.jobctl_concurrency))
            self.client = stack.enter_context(BlockingClient(plan, url))
            server = stack.enter_context(connect_blocking(url))
            self.tracker = Tracker(server, {each.queue for each in self.registrations}, self.report_end)
            self._open = stack.pop_all()

    def report_end(self, name: str, took_ms: float, fault: str | None) -> None:
        """Tell Locust how a job ended."""
        self.report("done", name, took_ms, JobctlError(fault) if fault else None)

    def report(self, what: str, name: str, took_ms: float, fault: JobctlError | None) -> None:
        """Tell Locust of one measurement."""
        self.environment.events.request.fire(
            request_type=what, name=name, response_time=took_ms, response_length=0, exception=fault
        )

    def close(self) -> None:
        """Wait for the jobs on their way, settle the exit code, and close all."""
        with self._open:
            faults = self.tracker.drain(self.drain_s)
            if faults:
                log.error("%d jobs did not end well; is a worker running (`--jobctl-worker`)?", faults)
                self.environment.process_exit_code = 1


RUNS: dict[Environment, Run] = {}
"""The run of each Locust environment: one, where Locust is started from the command line."""


@events.test_start.add_listener
def begin(environment: Environment, **_: Any) -> None:
    """Open what the run needs. An error here ends Locust at once, with its text."""
    try:
        RUNS[environment] = Run(environment)
    except JobctlError as error:
        log.error("%s%s", error, f" (hint: {error.hint})" if error.hint else "")
        raise SystemExit(error.exit_code) from None


@events.test_stop.add_listener
def end(environment: Environment, **_: Any) -> None:
    """Settle the run."""
    if run := RUNS.pop(environment, None):
        run.close()


class Producer(User):
    """Enqueues jobs one after the other, at a steady rate."""

    def wait_time(self) -> float:
        """Return the seconds to wait, so that the rate is kept whatever a call takes."""
        return constant_throughput(self.environment.parsed_options.jobctl_rate)(self)

    def on_start(self) -> None:
        """Begin with the first job."""
        self.run_of_all = RUNS[self.environment]
        self.numbers = itertools.count()

    @task
    def enqueue(self) -> None:
        """Enqueue one job, and have its end awaited."""
        run, number = self.run_of_all, next(self.numbers)
        job = run.registrations[number % len(run.registrations)]
        key = new_key()
        job_id = keys.job_id(job.queue, key)
        run.tracker.expect(job_id, job.name)
        began_s = time.perf_counter()
        fault: JobctlError | None = None
        try:
            run.client.enqueue(job.name, {"number": number}, key=key)
        except JobctlError as error:
            fault = error
            run.tracker.forget(job_id)
        except BaseException:
            # Locust ends this user in the middle of the call: nobody was promised anything.
            run.tracker.forget(job_id)
            raise
        run.report("enqueue", job.name, (time.perf_counter() - began_s) * 1000, fault)
