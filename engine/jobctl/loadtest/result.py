"""The result of a run: as text, as JSON, as JUnit, and beside that of an earlier run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jobctl.errors import UsageError
from jobctl.loadtest.options import Options
from jobctl.measure.comparison import Comparison, compare
from jobctl.measure.fairness import Fairness
from jobctl.measure.junit import junit
from jobctl.measure.latency import Histogram
from jobctl.measure.metrics import METRICS, Unit
from jobctl.measure.runlog import COUNTS, LATENCIES, Interval, RunLog
from jobctl.measure.thresholds import Figures, Verdict

FORMAT = 1
WINDOWS = 10  # that a run is cut into, to tell a change from noise
HIGHER_IS_BETTER = frozenset({"throughput"})
SLOW_SENDER_MS = 10.0  # behind its schedule, p95: more than what a busy machine does now and then
BUSY_SENDER = 0.9  # of a core
MEMORY = ("broker.memory", "broker.growth", "worker.memory", "worker.growth")
ONE_RUN_EACH = """\
Windows of one run each: a machine that was busier during one of them shows as
well. `jobctl bench --repeats` knows how far runs differ from each other."""
SHOWN = ("p50", "p90", "p95", "p99", "max")


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What is kept of an earlier run's result.

    Attributes:
        samples: metric -> what runs are compared by.
        setting: of that run, its scenario included; empty = its file does not say.
    """

    samples: Mapping[str, Sequence[float]]
    setting: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run measured, and what came of its thresholds.

    Attributes:
        setting: what was measured, name -> text: the broker, the workers, what was sent.
    """

    scenario: str
    setting: Mapping[str, str]
    run: str
    interval: Interval
    warmup_s: float
    is_closed: bool
    log: RunLog
    figures: Figures
    fair: Fairness | None
    verdicts: tuple[Verdict, ...]
    kills: int
    baseline: Baseline | None

    @property
    def missed(self) -> int:
        """Thresholds missed."""
        return sum(not verdict.is_kept for verdict in self.verdicts)

    @property
    def judged(self) -> frozenset[str]:
        """Metrics that thresholds were about."""
        return frozenset(verdict.threshold.metric.name for verdict in self.verdicts)

    @cached_property
    def changes(self) -> dict[str, Comparison]:
        """Metric -> how it compares with the baseline; nothing without one."""
        now, before = samples(self.log, self.interval), self.baseline.samples if self.baseline else {}
        return {
            name: compare(before[name], now[name], is_higher_better=name in HIGHER_IS_BETTER)
            for name in now
            if now[name] and before.get(name)
        }

    @property
    def saturation(self) -> str | None:
        """What of the figures may be the generator's and not the worker's; None = nothing."""
        late, cpu = self.figures.get("late"), self.log.generator_cpu
        behind_ms = late.percentile(95) if isinstance(late, Histogram) and not self.is_closed else 0.0
        why = [f"{_write('late', behind_ms)} behind its schedule (p95)"] if behind_ms > SLOW_SENDER_MS else []
        why += [f"{cpu:.0%} of a core busy"] if cpu > BUSY_SENDER else []
        return f"the generator was {' and '.join(why)}" if why else None

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain data; `read_baseline` reads it."""
        return {
            "format": FORMAT,
            "scenario": self.scenario,
            "setting": dict(self.setting),
            "run": self.run,
            "from_ms": self.interval.from_ms,
            "to_ms": self.interval.to_ms,
            "warmup_s": self.warmup_s,
            "figures": {name: _figure(figure) for name, figure in sorted(self.figures.items())},
            "fairness": _fairness(self.fair, self.log) if self.fair is not None else None,
            "thresholds": [verdict.to_json() for verdict in self.verdicts],
            "kept": not self.missed,
            "kills": self.kills,
            "saturated": self.saturation,
            "samples": samples(self.log, self.interval),
            "changes": {name: asdict(change) for name, change in self.changes.items()},
        }

    def write(self, options: Options) -> None:
        """Write the files that were asked for.

        Raises:
            UsageError: one of them cannot be written.
        """
        if options.result:
            _write_file(options.result, json.dumps(self.to_json(), indent=1) + "\n")
        if options.junit:
            _write_file(options.junit, junit(self.verdicts, suite=self.scenario, took_s=self.interval.seconds))

    def text(self) -> str:
        """Return the result for a reader, 80 columns wide."""
        head = f"{self.scenario}: {self.interval.seconds:.1f} s measured, after {self.warmup_s:g} s of warm-up"
        head += " (counts include it)" if self.warmup_s else ""
        setting = [list(each) for each in self.setting.items()]
        parts = [head, *map(_columns, (setting, self._latencies(), self._counts()))]
        if self.fair is not None:
            parts.append(_columns(_fair_rows(self.fair, self.log)))
        if self.verdicts:
            parts.append(_columns(_verdict_rows(self.verdicts)))
        if self.changes:
            parts.append(_columns(_change_rows(self.changes)))
            parts.append("\n".join([*self._differences(), ONE_RUN_EACH]))
        if self.saturation:
            hint = "hint: latencies hold that delay; give it more users (-u), --processes, or a larger --jobctl-batch"
            parts.append(f"warning: {self.saturation}\n{hint}")
        return "\n\n".join(part for part in parts if part) + "\n"

    def _differences(self) -> list[str]:
        """Return how the baseline was measured otherwise, a line each."""
        before = self.baseline.setting if self.baseline else {}
        now = {"scenario": self.scenario, **self.setting}
        return [
            f"warning: not the same test: {name} was `{before[name]}`, is `{now[name]}`"
            for name in now
            if before.get(name, now[name]) != now[name]
        ]

    def _latencies(self) -> list[list[str]]:
        rows = [["LATENCY", *SHOWN]]
        for name in LATENCIES:
            histogram = self.figures.get(name)
            if isinstance(histogram, Histogram) and histogram.count and not (name == "late" and self.is_closed):
                values = [histogram.percentile(float(stat[1:])) for stat in SHOWN[:-1]] + [histogram.high_ms]
                rows.append([name, *(_write(name, value) for value in values)])
        return rows if len(rows) > 1 else []

    def _counts(self) -> list[list[str]]:
        names = ("throughput", "offered", *COUNTS, "backlogged", "generator.cpu", *MEMORY)
        rows = [[name, _write(name, value)] for name in names if isinstance(value := self.figures.get(name), float)]
        return rows + ([["workers killed", str(self.kills)]] if self.kills else [])


def samples(log: RunLog, interval: Interval) -> dict[str, list[float]]:
    """Return what runs are compared by: the figures of ten windows of the measured time, and counts of all of it."""
    seconds = interval.whole_seconds(log)
    count = min(WINDOWS, len(seconds))
    windows = [seconds[at * len(seconds) // count : (at + 1) * len(seconds) // count] for at in range(count)]
    found = {"throughput": [sum(each.completed for each in window) / len(window) for window in windows]}
    latencies = [Histogram() for _ in windows]
    for histogram, window in zip(latencies, windows, strict=True):
        for second in window:
            histogram.merge(second.done)
    for stat in (50, 95, 99):
        found[f"done.p{stat}"] = [each.percentile(stat) for each in latencies if each.count]
    return {**found, **{name: [float(log.counts[name])] for name in ("lost", "dead")}}


def read_baseline(path: str) -> Baseline:
    """Return what an earlier run is compared by.

    Raises:
        UsageError: there is none in that file.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise UsageError(f"`{path}` is a result of another version of jobctl", hint="measure the baseline anew")
        setting = {"scenario": data["scenario"], **data["setting"]} if "setting" in data else {}
        return Baseline(
            samples={str(name): [float(value) for value in values] for name, values in data["samples"].items()},
            setting={str(name): str(text) for name, text in setting.items()},
        )
    except OSError as error:
        raise UsageError(f"the baseline `{path}` cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"`{path}` is no result of a load test", hint="`--jobctl-result FILE` writes one") from error


def _fair_rows(fair: Fairness, log: RunLog) -> list[list[str]]:
    work = log.starts.work_shares(fair.expected)
    rows = [["QUEUE", "WEIGHT SHARE", "OF STARTS", "OF WORK TIME", "LONGEST WAIT", "GAP"]]
    for queue, share in fair.expected.items():
        starved = Unit.DURATION.write(fair.starved_ms.get(queue, 0.0))
        gap = str(fair.longest_gap[queue])
        rows.append([queue, f"{share:.1%}", f"{fair.achieved[queue]:.1%}", f"{work[queue]:.1%}", starved, gap])
    rows.append([""])
    figures = f"max {fair.worst_points:.2f}, rms {fair.rms_points:.2f} percentage points; Jain {fair.jain:.5f}"
    rows.append([f"{fair.starts:,} starts, windows of {fair.window}: deviation {figures}"])
    return rows


def _verdict_rows(verdicts: Sequence[Verdict]) -> list[list[str]]:
    rows = [["", "THRESHOLD", "MEASURED"]]
    rows += [["ok" if each.is_kept else "MISSED", each.threshold.text, each.measured] for each in verdicts]
    return rows


def _change_rows(changes: Mapping[str, Comparison]) -> list[list[str]]:
    rows = [["METRIC", "BASELINE", "NOW", "CHANGE", "95 % INTERVAL", "FINDING"]]
    for name, each in changes.items():
        write = METRICS[name.partition(".")[0]].unit.write
        change = "" if each.ratio is None else f"{each.ratio - 1:+.1%}"
        sure = "" if each.low is None or each.high is None else f"{each.low - 1:+.1%} to {each.high - 1:+.1%}"
        rows.append([name, write(each.before), write(each.after), change, sure, str(each.outcome)])
    return rows


def _write_file(path: str, text: str) -> None:
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"`{path}` cannot be written: {error.strerror}") from error


def _write(name: str, value: float) -> str:
    return METRICS[name].unit.write(value)


def _figure(figure: float | Histogram) -> Any:
    if not isinstance(figure, Histogram):
        return figure
    stats = {f"p{percent:g}": figure.percentile(percent) for percent in (50, 90, 95, 99, 99.9)}
    return {**stats, "mean": figure.mean_ms, "histogram": figure.to_json()}


def _fairness(fair: Fairness, log: RunLog) -> dict[str, Any]:
    return {
        "starts": fair.starts,
        "window": fair.window,
        "expected": dict(fair.expected),
        "achieved": dict(fair.achieved),
        "work": log.starts.work_shares(fair.expected),
        "max_deviation": fair.worst_points / 100,
        "rms_deviation": fair.rms_points / 100,
        "jain": fair.jain,
        "longest_gap": dict(fair.longest_gap),
        "starved_ms": dict(fair.starved_ms),
    }


def _columns(rows: Sequence[Sequence[str]]) -> str:
    """Align rows: words of the first column to the left, all else to the right of the column before."""
    tables = [row for row in rows if len(row) > 1]
    widths = [max(len(row[at]) for row in tables if at < len(row)) for at in range(max(map(len, tables), default=0))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()
             if len(row) > 1 else row[0] for row in rows]  # fmt: skip
    return "\n".join(lines)
