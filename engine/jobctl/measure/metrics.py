"""The metrics of a load test: name, unit, meaning. The one table behind thresholds and reports."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from jobctl.durations import UNITS_S, parse_duration
from jobctl.measure.latency import Histogram


class Unit(StrEnum):
    """What a figure counts; the value says how it is kept."""

    DURATION = "ms"
    SHARE = "share"  # 0 to 1, written in %
    RATE = "per second"
    COUNT = "count"
    INDEX = "index"  # 0 to 1, written as it is
    SIZE = "bytes"

    @property
    def example(self) -> str:
        """How a limit in this unit is written."""
        return _EXAMPLES[self]

    def parse(self, text: str) -> float:
        """Return a limit as written by a person, in the unit it is kept in.

        Raises:
            ValueError: it is not written in this unit.
        """
        return _PARSERS[self](text)

    def write(self, value: float) -> str:
        """Return a figure for a reader, in the form that `parse` takes.

        Example:
            >>> Unit.DURATION.write(1234.5), Unit.SHARE.write(0.0213), Unit.RATE.write(5123.4)
            ('1.23s', '2.13%', '5,123/s')
        """
        return _WRITERS[self](value)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        summary: what it means, one line.
        has_stats: it is a distribution: asked for as `done.p95`, `done.mean`, `done.max`.
        scope: what `{...}` may narrow it to: "job", "queue", or "" = nothing.
    """

    name: str
    unit: Unit
    summary: str
    has_stats: bool = False
    scope: str = ""


def _distribution(name: str, summary: str, scope: str = "job") -> Metric:
    return Metric(name, Unit.DURATION, summary, has_stats=True, scope=scope)


METRICS: Final = {
    metric.name: metric
    for metric in (
        _distribution("enqueue", "the enqueue call"),
        _distribution("start", "from the intended send to the start of the job"),
        _distribution("done", "from the intended send to the end of the job"),
        _distribution("run", "from the start of the job to its end"),
        _distribution("late", "from the intended send to the actual one: how far the generator is behind", scope=""),
        Metric("throughput", Unit.RATE, "jobs completed, per second of the measured time"),
        Metric("offered", Unit.RATE, "jobs enqueued, per second of the measured time"),
        Metric("jobs", Unit.COUNT, "jobs enqueued"),
        Metric("completed", Unit.COUNT, "jobs that ended well"),
        Metric("lost", Unit.COUNT, "acknowledged jobs without a record, or not done in time"),
        Metric("dead", Unit.COUNT, "jobs that ended dead"),
        Metric("cancelled", Unit.COUNT, "jobs that ended cancelled"),
        Metric("refused", Unit.COUNT, "enqueues that were refused or got no answer"),
        Metric("redelivered", Unit.COUNT, "deliveries beyond the first: retries, lost workers, shutdowns"),
        Metric("fairness.max_deviation", Unit.SHARE, "furthest any queue's share of starts was off in any window"),
        Metric("fairness.rms_deviation", Unit.SHARE, "root mean square of the same over all queues and windows"),
        Metric("fairness.work_deviation", Unit.SHARE, "furthest any queue's share of the work time is off its weight"),
        Metric("fairness.jain", Unit.INDEX, "Jain's index of starts per weight: 1 = exactly by weight"),
        Metric("fairness.starvation", Unit.DURATION, "longest time a queue with work had no start", scope="queue"),
        Metric("generator.cpu", Unit.SHARE, "processor time of the busiest generator process"),
        Metric("worker.cpu_per_job", Unit.DURATION, "processor time of all workers, per job"),
        Metric("worker.memory", Unit.SIZE, "most resident memory of any worker process"),
        Metric(
            "worker.growth", Unit.SHARE, "by how much more memory a worker held in the last third than in the first"
        ),
        Metric("broker.growth", Unit.SHARE, "the same of the server's data"),
        Metric("broker.cpu_per_job", Unit.DURATION, "processor time of the server, per job"),
        Metric("broker.memory", Unit.SIZE, "most data the server held"),
        Metric("broker.bytes_per_job", Unit.SIZE, "what a waiting job adds to the server's memory"),
        Metric("broker.bytes_per_ended_job", Unit.SIZE, "what an ended job takes there while its record is kept"),
        Metric("backlogged", Unit.SHARE, "share of the measured time in which some job was waiting"),
    )
}

STATS: Final = ("p50", "p90", "p95", "p99", "p99.9", "mean", "min", "max")
"""Statistics of a distribution as documents name them; any percentile from p0 to p100 is good."""
_PERCENTILE = re.compile(r"p(\d{1,3}(?:\.\d+)?)")
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|\.\d+")
_SIZES = {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9}


def statistic(name: str) -> Callable[[Histogram], float] | None:
    """Return how a statistic such as `p95` or `mean` is read off a histogram, ms; None = there is no such statistic."""
    if match := _PERCENTILE.fullmatch(name):
        percent = float(match[1])
        return (lambda histogram: histogram.percentile(percent)) if percent <= 100 else None
    readers: dict[str, Callable[[Histogram], float]] = {
        "mean": lambda histogram: histogram.mean_ms,
        "min": lambda histogram: histogram.low_ms,
        "max": lambda histogram: histogram.high_ms,
    }
    return readers.get(name)


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return float(text.replace(",", ""))


def _parse_ms(text: str) -> float:
    if text == "0":
        return 0.0
    return parse_duration(text) * 1000


def _parse_share(text: str) -> float:
    return _number(text.removesuffix("%")) / 100 if text.endswith("%") else _zero(text)


def _parse_rate(text: str) -> float:
    return _number(text.removesuffix("/s")) if text.endswith("/s") else _zero(text)


def _parse_size(text: str) -> float:
    for unit in sorted(_SIZES, key=len, reverse=True):
        if text.endswith(unit):
            return _number(text.removesuffix(unit)) * _SIZES[unit]
    return _zero(text)


def _zero(text: str) -> float:
    """Read a nought, which needs no unit."""
    if _number(text) != 0:
        raise ValueError(text)
    return 0.0


def _short(value: float) -> str:
    """Write a number with three digits that count, or all of a larger one."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _write_ms(value: float) -> str:
    if value < 1000:
        return f"{_short(value)}ms"
    if value < UNITS_S["h"] * 1000:
        return f"{_short(value / 1000).replace(',', '')}s"
    return f"{_short(value / 1000 / UNITS_S['h']).replace(',', '')}h"


def _write_size(value: float) -> str:
    unit = max((name for name in _SIZES if value >= _SIZES[name]), key=_SIZES.__getitem__, default="B")
    return f"{_short(value / _SIZES[unit])}{unit}"


_EXAMPLES = {
    Unit.DURATION: "200ms",
    Unit.SHARE: "2%",
    Unit.RATE: "5000/s",
    Unit.COUNT: "0",
    Unit.INDEX: "0.99",
    Unit.SIZE: "200MB",
}
_PARSERS: dict[Unit, Callable[[str], float]] = {
    Unit.DURATION: _parse_ms,
    Unit.SHARE: _parse_share,
    Unit.RATE: _parse_rate,
    Unit.COUNT: _number,
    Unit.INDEX: _number,
    Unit.SIZE: _parse_size,
}
_WRITERS: dict[Unit, Callable[[float], str]] = {
    Unit.DURATION: _write_ms,
    Unit.SHARE: lambda value: f"{_short(value * 100)}%",
    Unit.RATE: lambda value: f"{_short(value)}/s",
    Unit.COUNT: lambda value: f"{value:,.0f}",
    Unit.INDEX: lambda value: f"{value:.4f}",
    Unit.SIZE: _write_size,
}
