"""The options that a load test adds to Locust's own: on the command line, in the environment and in the browser."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobctl.durations import parse_duration
from jobctl.errors import UsageError
from jobctl.settings import DEFAULT_CONCURRENCY

if TYPE_CHECKING:
    from locust.argument_parser import LocustArgumentParser

DEFAULT_SCENARIO = "throughput"
ARRIVALS = ("even", "poisson", "together")
IN_BROWSER = tuple(
    f"--jobctl-{name}"
    for name in (
        "scenario",
        "jobs",
        "rate",
        "arrivals",
        "batch",
        "backlog",
        "workers",
        "concurrency",
        "warmup",
        "limit",
    )
)


def _duration(text: str) -> str:
    """Check a duration, or nothing; it stays text, so that the browser shows it as it is written."""
    try:
        parse_duration(text or "0s")
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
    return text


def add_options(parser: LocustArgumentParser, scenarios: Sequence[str]) -> None:
    """Declare the options. Those of a run stand in the browser's form as well.

    Args:
        scenarios: names of those that are loaded, of which one runs; none where users have classes of their own.
    """
    ours = parser.add_argument_group("jobctl", "what is enqueued, how, by which workers it runs, and what must hold")

    def add(name: str, text: str, **more: Any) -> None:
        action = ours.add_argument(name, help=text, **more)
        action.include_in_web_ui = name.startswith(IN_BROWSER)

    first = DEFAULT_SCENARIO if DEFAULT_SCENARIO in scenarios else next(iter(scenarios), "")
    add("--jobctl-scenario", "Which of the loaded scenarios runs", default=first, choices=scenarios or ("",))
    add("--jobctl-spec", "Spec whose jobs are enqueued, instead of the scenario's", default="")
    add("--jobctl-jobs", "Jobs to enqueue in turn: names with commas between them", default="")
    add(
        "--jobctl-rate",
        "Jobs per second of all users together, at constant arrival; `closed`: users wait for their jobs to end",
        default="",
    )
    add("--jobctl-arrivals", "How the arrivals of a rate are spread", default="", choices=("", *ARRIVALS))
    add("--jobctl-batch", "Jobs a user sends in one call", type=int, default=0)
    add("--jobctl-backlog", "Jobs to keep waiting in every queue (scenario fairness)", type=int, default=0)
    add(
        "--jobctl-workers",
        "Worker processes to run; -1: as the scenario says, mostly one with the embedded broker and none with yours",
        type=int,
        default=-1,
    )
    add("--jobctl-concurrency", "Jobs each of them runs at once", type=int, default=DEFAULT_CONCURRENCY)
    add("--jobctl-warmup", "Time at the start that is not measured", type=_duration, default="2s")
    add("--jobctl-drain", "Longest wait for jobs on their way", type=_duration, default="60s")
    add("--jobctl-limit", "Longest run, whatever else is said", type=_duration, default="")
    add("--jobctl-outstanding", "Jobs on their way at most; senders then hold", type=int, default=100_000)
    add("--jobctl-shared", "The broker may hold other jobs, which feel the test", action="store_true", default=False)
    add(
        "--threshold",
        "What must hold, e.g. `done.p95 < 200ms`, `lost == 0`; may be repeated. Missed: exit code 6",
        action="append",
        default=[],
        metavar="LIMIT",
    )
    add("--baseline", "Result of an earlier run to compare with", default="", metavar="FILE")
    add("--jobctl-result", "Write the result as JSON", default="", metavar="FILE")
    add("--jobctl-junit", "Write the thresholds as JUnit", default="", metavar="FILE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of one run; those that were not given are the scenario's.

    Attributes:
        spec: path of the specs.
        jobs: names of jobs, in turn; empty = all of the spec.
        rate_per_s: jobs per second of all users; None = closed.
        batch: jobs in one call.
        workers: worker processes; None = by the broker.
        limit_s: longest run.
        outstanding: most jobs on their way of one process.
    """

    spec: str
    jobs: tuple[str, ...] = ()
    rate_per_s: float | None = 50.0
    arrivals: str = "even"
    batch: int = 1
    backlog: int = 1000
    workers: int | None = None
    concurrency: int = DEFAULT_CONCURRENCY
    warmup_s: float = 2.0
    drain_s: float = 60.0
    limit_s: float = 3600.0
    outstanding: int = 100_000
    is_shared: bool = False
    thresholds: tuple[str, ...] = ()
    baseline: str = ""
    result: str = ""
    junit: str = ""

    @property
    def described(self) -> str:
        """What is sent, and when, in words."""
        when = "when the last have ended"
        if self.rate_per_s is not None:
            how = {"even": "evenly", "poisson": "a Poisson process", "together": "all users together"}[self.arrivals]
            when = f"{self.rate_per_s:g}/s, {how}"
        return f"{when}, {self.batch} in a call" if self.batch > 1 else when


def read_options(given: Namespace, defaults: Options) -> Options:
    """Return what was given, completed by a scenario's defaults.

    Raises:
        UsageError: a value that cannot be.
    """
    return Options(
        spec=given.jobctl_spec or defaults.spec,
        jobs=tuple(name.strip() for name in given.jobctl_jobs.split(",") if name.strip()) or defaults.jobs,
        rate_per_s=_rate(given.jobctl_rate) if given.jobctl_rate else defaults.rate_per_s,
        arrivals=given.jobctl_arrivals or defaults.arrivals,
        batch=_positive("--jobctl-batch", given.jobctl_batch) if given.jobctl_batch else defaults.batch,
        backlog=_positive("--jobctl-backlog", given.jobctl_backlog) if given.jobctl_backlog else defaults.backlog,
        workers=defaults.workers if given.jobctl_workers < 0 else given.jobctl_workers,
        concurrency=_positive("--jobctl-concurrency", given.jobctl_concurrency),
        warmup_s=_seconds("--jobctl-warmup", given.jobctl_warmup),
        drain_s=_seconds("--jobctl-drain", given.jobctl_drain),
        limit_s=_seconds("--jobctl-limit", given.jobctl_limit) if given.jobctl_limit else defaults.limit_s,
        outstanding=_positive("--jobctl-outstanding", given.jobctl_outstanding),
        is_shared=given.jobctl_shared,
        thresholds=(*defaults.thresholds, *given.threshold),
        baseline=given.baseline,
        result=given.jobctl_result,
        junit=given.jobctl_junit,
    )


def _rate(text: str) -> float | None:
    if text == "closed":
        return None
    try:
        rate = float(text.removesuffix("/s").replace(",", ""))
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise UsageError(
            f"--jobctl-rate is `{text}`", hint="write jobs per second, such as `200`, or `closed` to wait for each job"
        )
    return rate


def _positive(option: str, value: int) -> int:
    if value < 1:
        raise UsageError(f"{option} is {value}", hint="give a whole number of 1 or more")
    return value


def _seconds(option: str, text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None
