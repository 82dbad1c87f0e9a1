"""What a load test found, as it is kept: the JSON that reports are drawn from and comparisons read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from jobctl.bench.scenario import Scenario
from jobctl.errors import UsageError
from jobctl.measure.latency import Histogram

_NUMBER = re.compile(r"\d[\d,.]*")
SCHEMA = 1
"""Of the JSON. A reader refuses any other."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """Values over time.

    Attributes:
        at: of each value: seconds from the phase's first job, or its number among all starts.
        lines: name -> values, as many as ``at``; None = nothing was measured there.
    """

    at: Sequence[float]
    lines: Mapping[str, Sequence[float | None]]


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What one phase of one repeat found.

    Attributes:
        kind: of the phase.
        figures: metric of `jobctl.measure.metrics` -> value, in the metric's unit.
        latencies: metric -> its histogram, as `Histogram.to_json` writes it.
        windows: what is compared -> its value in each tenth of what was measured.
        series: name of a plot -> what it shows.
        targets: queue -> the share of starts that its weight asks for.
        warnings: what a reader must know before believing the rest.
    """

    kind: str
    figures: Mapping[str, float]
    latencies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    windows: Mapping[str, Sequence[float]] = field(default_factory=dict)
    series: Mapping[str, Series] = field(default_factory=dict)
    targets: Mapping[str, float] = field(default_factory=dict)
    warnings: Sequence[str] = ()

    @property
    def histograms(self) -> dict[str, Histogram]:
        """The latencies, to be read."""
        return {name: Histogram.from_json(data) for name, data in self.latencies.items()}


@dataclass(kw_only=True)
class Side:
    """All repeats of one side.

    Attributes:
        name: `jobctl` or `saq`.
        version: of that software.
        repeats: the findings of each, phase by phase.
    """

    name: str
    version: str
    repeats: list[list[Findings]] = field(default_factory=list)


@dataclass(kw_only=True)
class Report:
    """One load test.

    Attributes:
        began_at: ISO 8601, UTC.
        command: how to run it again.
        machine: facts of machine and software, name -> text.
        setup: what was set, name -> text.
        verdicts: of the thresholds, as `Verdict.to_json` writes them.
        stopped: "" = it went to its end; else why not (`jobctl.bench.trace`): the figures are of what there was.
    """

    schema: int = SCHEMA
    scenario: Scenario
    began_at: str
    command: str
    machine: Mapping[str, str]
    setup: Mapping[str, str]
    sides: list[Side] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    stopped: str = ""

    @property
    def warnings(self) -> list[str]:
        """What a reader must know first; what several repeats say with other numbers, once."""
        found: dict[str, list[str]] = {}
        for side in self.sides:
            for phase in (phase for repeat in side.repeats for phase in repeat):
                for text in phase.warnings:
                    said = f"{side.name}: {text}" if len(self.sides) > 1 else text
                    found.setdefault(_NUMBER.sub("0", said), []).append(said)
        return [said[0] + (f" (and so in {len(said)} repeats)" if len(said) > 1 else "") for said in found.values()]

    def to_json(self) -> bytes:
        """Return what `read_report` reads."""
        return msgspec.json.encode(self) + b"\n"


def read_report(path: Path) -> Report:
    """Read a report.

    Raises:
        UsageError: there is none, or it is no report of this version.
    """
    place = path / "report.json" if path.is_dir() else path
    try:
        raw = place.read_bytes()
    except OSError as error:
        raise UsageError(
            f"`{place}` cannot be read: {error.strerror}",
            code="file.unreadable",
            hint="give the folder of a report, or its report.json",
        ) from error
    try:
        report = msgspec.json.decode(raw, type=Report)
    except msgspec.MsgspecError as error:
        raise UsageError(
            f"`{place}` is no report of `jobctl bench`: {error}", code="report.invalid", hint="it writes report.json"
        ) from error
    if report.schema != SCHEMA:
        raise UsageError(
            f"`{place}` has schema {report.schema}, and this jobctl reads {SCHEMA}",
            code="report.invalid",
            hint="run the older test again",
        )
    return report
