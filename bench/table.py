"""Samples to a table a person reads: medians, their spread, and the ratio between the sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from bench.sample import Sample

HEAD = ("", "jobctl", "stock SAQ", "ratio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """All samples of one trial, by side."""

    title: str
    ours: list[Sample] = field(default_factory=list)
    theirs: list[Sample] = field(default_factory=list)

    def add(self, subject: str, sample: Sample) -> None:
        """Keep a sample of ``jobctl`` or ``saq``."""
        (self.ours if subject == "jobctl" else self.theirs).append(sample)

    @property
    def ratio(self) -> float:
        """Our median rate to theirs."""
        return median(sample.rate_per_s for sample in self.ours) / median(sample.rate_per_s for sample in self.theirs)

    def lines(self) -> list[tuple[str, ...]]:
        """Return this trial's lines of the table."""
        lines = [
            self._compare("jobs/s", lambda sample: sample.rate_per_s, "{:,.0f}"),
            self._compare("CPU s per 1,000 jobs", lambda sample: sample.cpu_s_per_1000, "{:.3f}"),
        ]
        if all(sample.reads for sample in (*self.ours, *self.theirs)):
            lines.append(
                self._compare("socket reads per job", lambda sample: (sample.reads or 0) / sample.jobs, "{:.3f}")
            )
        for size in (10, 100):
            worst = [value for sample in self.ours if (value := getattr(sample, f"worst_of_{size}")) is not None]
            if worst:
                # not a median: the promise is about every window
                lines.append((f"  worst window of {size} starts, off by", f"{max(worst):g}", "", ""))
        return lines

    def _compare(self, what: str, value: Callable[[Sample], float], form: str) -> tuple[str, ...]:
        cells, medians = [], []
        for samples in (self.ours, self.theirs):
            values = sorted(map(value, samples))
            medians.append(median(values))
            cells.append(f"{form.format(medians[-1])} ({form.format(values[0])} - {form.format(values[-1])})")
        return (f"  {what}", *cells, f"{medians[0] / medians[1]:.2f}")


def render(rows: list[Row]) -> str:
    """Return the table as text. Values are medians (lowest - highest)."""
    table: list[tuple[str, ...]] = [HEAD]
    for row in rows:
        table += [(row.title, "", "", ""), *row.lines()]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    )
