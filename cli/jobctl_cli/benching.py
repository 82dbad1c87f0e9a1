"""`jobctl bench SCENARIO`: everything that can be wrong is found before anything runs; then run, judge, report."""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from jobctl.errors import UsageError
from jobctl_cli.exit_status import ExitStatus
from jobctl_cli.progress import Progress

if TYPE_CHECKING:
    from jobctl.bench.results import Report
    from jobctl.bench.run import Setup
    from jobctl.bench.scenario import Portion, Scenario
    from jobctl.measure.comparison import Comparison
    from jobctl.measure.thresholds import Threshold, Verdict
    from jobctl_cli.environment import Environment

FOLDER = "bench-report"
FLAGS = {"jobs": "--jobs", "rate_per_s": "--rate", "duration_s": "--duration"}
FRAME = len('{"padding":""}')  # bytes of a payload around its padding


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options of the command line; None = the scenario's own."""

    scenario: str
    jobs: int | None
    rate_per_s: float | None
    duration_s: float | None
    payload: int | None
    concurrency: int | None
    processes: int
    repeats: int
    against: str | None
    spec: str | None
    file: str | None
    thresholds: tuple[str, ...]
    baseline: str | None
    tolerance: float | None
    junit: str | None
    report: str | None
    has_plots: bool
    may_share: bool
    limit_s: float


def bench(env: Environment, asked: Asked, output: str) -> int:
    """Run a scenario, write its report, and return the exit code.

    Raises:
        UsageError: options do not go together, or what they name cannot be used; nothing has been run.
        JobctlError: the broker, a worker or the specs cannot be used.
    """
    from jobctl.bench.report.write import check_folder, write_report
    from jobctl.bench.results import read_report
    from jobctl.bench.session import run_scenario
    from jobctl.bench.summary import compare_sides, join_repeats, measured_names
    from jobctl.bench.trace import INTERRUPTED
    from jobctl.measure.junit import junit
    from jobctl.measure.thresholds import judge_all
    from jobctl_cli.screens import bench as screen
    from jobctl_cli.screens import comparison

    scenario = _scenario(asked)
    thresholds = _thresholds(env, asked, scenario)
    earlier = read_report(Path(asked.baseline)) if asked.baseline else None
    if asked.tolerance is not None and earlier is None:
        raise UsageError("`--tolerance` goes with `--baseline`", hint="name the report to compare with")
    setup = _setup(env, asked)
    sides = ["jobctl", *([asked.against] if asked.against else [])]
    folder = Path(asked.report) if asked.report else _new_folder(env, scenario.name)
    check_folder(folder, has_plots=asked.has_plots)
    began_at = env.clock.time()
    bar = _Bar(env)
    command = shlex.join(["jobctl", *env.arguments])
    try:
        with _stopping():
            report = run_scenario(scenario, sides, asked.repeats, setup, command=command, watch=bar.watch)
    finally:
        bar.clear()
    if report.stopped and not measured_names(report):
        env.note(f"{report.stopped} before anything was measured: there is no report")
        return _status(env, report, (), {}, None, INTERRUPTED)
    verdicts = judge_all(thresholds, join_repeats(report.sides[0]))
    report.verdicts = [{**verdict.to_json(), "measured": verdict.measured} for verdict in verdicts]
    against = None
    if earlier is not None:
        found, has_windows = compare_sides(earlier.sides[0], report.sides[0])
        against = (f"{asked.baseline}", found, comparison.basis(has_windows))
    try:
        files = write_report(report, folder, has_plots=asked.has_plots, baseline=against)
    except UsageError:
        screen.show(env, output, report, verdicts, [])  # what was measured is not lost with the disk
        raise
    screen.show(env, output, report, verdicts, files)
    for text in report.warnings:
        env.note(f"warning: {text}")
    if earlier is not None and against is not None:
        for text in comparison.beware(earlier, report):
            env.note(f"note: {text}")
        env.note(comparison.render(env, against[1], has_windows))
    if asked.junit:
        text = junit(verdicts, suite=scenario.name, took_s=env.clock.time() - began_at)
        _write(Path(asked.junit), text)
    env.note(f"report: {files[0]}")
    return _status(env, report, verdicts, against[1] if against else {}, asked.tolerance, INTERRUPTED)


@contextmanager
def _stopping() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does: with a summary, and nothing left running."""

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def missed_tolerance(env: Environment, found: Mapping[str, Comparison], tolerance: float | None) -> bool:
    """Say which figures are worse by more than is tolerated, and whether any is."""
    if tolerance is None:
        return False
    worse = [name for name, one in found.items() if one.is_worse_by(tolerance)]
    for name in worse:
        env.note(f"error[bench.worse]: `{name}` is worse by more than {tolerance:.0%}, beyond noise")
    return bool(worse)


def _status(
    env: Environment,
    report: Report,
    verdicts: Sequence[Verdict],
    found: Mapping[str, Comparison],
    tolerance: float | None,
    interrupted: str,
) -> int:
    if report.stopped == interrupted:
        return ExitStatus.INTERRUPTED
    missed = sum(not verdict.is_kept for verdict in verdicts)
    if missed:
        env.note(f"error[threshold.missed]: {missed} of {len(verdicts)} thresholds missed")
    if missed_tolerance(env, found, tolerance) or missed:
        return ExitStatus.THRESHOLD_MISSED
    return ExitStatus.FAILED if report.stopped else ExitStatus.OK


def _scenario(asked: Asked) -> Scenario:
    from jobctl.bench.scenario import SCENARIOS

    changes = {name: getattr(asked, name) for name in FLAGS}
    try:
        scenario = SCENARIOS[asked.scenario].adjusted(**changes)
    except ValueError as error:
        flag = FLAGS[str(error)]
        raise UsageError(
            f"`{flag}` does not go with `jobctl bench {asked.scenario}`",
            hint="a backlog has `--jobs`, arrivals have `--rate` and `--duration`",
        ) from None
    if (asked.spec is None) != (asked.file is None):
        raise UsageError(
            "jobs of your own need both `--spec` and `--file`",
            hint='`--file` holds what to enqueue, a JSON object a line: {"job": "tenant-init", "payload": {...}}',
        )
    if asked.file is None:
        return scenario
    for flag, value in (("--against", asked.against), ("--payload", asked.payload)):
        if value:
            raise UsageError(f"`{flag}` goes with the shipped jobs only", hint="leave `--spec` and `--file` out")
    return replace(scenario, mix=_mix(asked.file))


def _mix(name: str) -> tuple[Portion, ...]:
    """Read the jobs to enqueue.

    Raises:
        UsageError: the file cannot be read, or has no jobs; `BadLine` for one that is none.
    """
    from jobctl.bench.scenario import Portion
    from jobctl_cli.bulk import lines, read_line

    try:
        with Path(name).open("rb") as file:
            jobs = [read_line(line) for _, line in lines(file)]
    except OSError as error:
        raise UsageError(f"`{name}` cannot be read: {error.strerror}", code="file.unreadable") from error
    except ValueError as error:
        raise UsageError(f"`{name}`: {error}", code="file.invalid") from error
    if not jobs:
        raise UsageError(f"`{name}` has no jobs", code="file.invalid")
    return tuple(Portion(job=job.job, payload=dict(job.payload)) for job in jobs)


def _thresholds(env: Environment, asked: Asked, scenario: Scenario) -> tuple[Threshold, ...]:
    """Return the thresholds of the command line, and those of the spec that this scenario measures.

    Raises:
        BadThreshold: one of the command line cannot be judged by this run.
    """
    from jobctl.bench.figures import measured_by
    from jobctl.compiler import load_plan
    from jobctl.measure.thresholds import BadThreshold, parse_thresholds

    measured = measured_by(scenario)
    found = parse_thresholds(asked.thresholds, measured=measured)
    declared = parse_thresholds(load_plan(asked.spec).thresholds) if asked.spec else ()
    for threshold in declared:
        if threshold.scope or threshold.metric.name not in measured:
            env.note(f"note: `{threshold.text}` of the specs is left out: `bench {scenario.name}` does not measure it")
        else:
            found += (threshold,)
    for threshold in found:
        if threshold.scope:
            raise BadThreshold(
                f"`{threshold.text}`: this run measures all jobs together", hint=f"leave `{{{threshold.scope}}}` out"
            )
    return found


def _setup(env: Environment, asked: Asked) -> Setup:
    from jobctl.bench.run import Setup
    from jobctl.settings import DEFAULT_CONCURRENCY

    return Setup(
        url=env.settings.redis_url,
        may_share=asked.may_share,
        spec=asked.spec,
        processes=asked.processes,
        concurrency=asked.concurrency or env.settings.concurrency or DEFAULT_CONCURRENCY,
        weights=env.settings.weights,
        padding=max(asked.payload - FRAME, 0) if asked.payload else 0,
        apart=asked.scenario == "fairness",
        limit_s=asked.limit_s,
    )


def _new_folder(env: Environment, scenario: str) -> Path:
    from datetime import datetime

    return Path(FOLDER) / f"{scenario}-{datetime.fromtimestamp(env.clock.time()):%Y%m%d-%H%M%S}"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"`{path}` cannot be written: {error.strerror}", code="file.unwritable") from error


class _Bar:
    """One progress bar after another, one for each thing that is done."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._now: tuple[str, str] | None = None
        self._bar: Progress | None = None

    def watch(self, where: str, what: str, done: int, total: int) -> None:
        """Draw how far it has come."""
        if self._now != (where, what):
            self.clear()
            self._now, self._bar = (where, what), Progress(self._env, f"{where}: {what}", total)
        if self._bar is not None:
            self._bar.show(done)

    def clear(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.clear()
