"""How the cost of a job grows: `python -m bench.scale [--repeats 2] [--only backlog,rate] [--quick] [--out FOLDER]`.

One thing at a time is changed: the backlog, the worker processes, the size of the payload, the rate at which jobs
arrive. Each point is measured as `jobctl bench` does it, on a private server; the repeats go through all points in
turn, and the best of each counts. Writes `scale.json`, a table (`scale.md`) and a plot (`scale.svg`).
`docs/capacity.md` reckons with them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from jobctl.bench.findings import find
from jobctl.bench.machine import describe
from jobctl.bench.report.plots import HUES, MUTED, require_matplotlib
from jobctl.bench.run import Setup, run_phase
from jobctl.bench.scenario import ARRIVALS, BACKLOG, SCENARIOS, Phase
from jobctl.measure.metrics import METRICS

MIX = SCENARIOS["throughput"].mix
QUICK = 20  # `--quick` divides the jobs by this: for trying it, not for its figures
COSTS = ("worker.cpu_per_job", "broker.cpu_per_job")
SIZES = ("broker.bytes_per_job", "broker.bytes_per_ended_job")
PERCENTILES = (50, 99)
LIMIT_S = 240.0


@dataclass(kw_only=True)
class Point:
    """One measured point.

    Attributes:
        kind: what is changed: backlog, processes, payload or rate.
        value: to what; jobs, count, bytes, jobs per second.
        repeats: figures of each repeat.
    """

    kind: str
    value: int
    phase: Phase
    setup: Setup
    repeats: list[dict[str, float]] = field(default_factory=list)

    def best(self, name: str) -> float | None:
        """Return the best of a figure's repeats; None = it was not measured.

        What else a machine does can only add to a cost: the lowest is nearest to what the work itself takes.
        """
        values = [repeat[name] for repeat in self.repeats if name in repeat]
        if not values:
            return None
        return max(values) if name == "throughput" else min(values)


def points(divisor: int) -> Iterator[Point]:
    """Yield every point to measure."""

    def backlog(kind: str, value: int, jobs: int, setup: Setup) -> Point:
        phase = Phase(kind=BACKLOG, jobs=max(jobs // divisor, 200))
        return Point(kind=kind, value=value, phase=phase, setup=setup)

    for jobs in (1_000, 10_000, 100_000, 1_000_000):
        yield backlog("backlog", jobs, jobs, Setup(limit_s=LIMIT_S))
    for processes in (1, 2, 4):
        yield backlog("processes", processes, 60_000, Setup(processes=processes, limit_s=LIMIT_S))
    for size, jobs in ((100, 40_000), (1_000, 40_000), (10_000, 10_000), (100_000, 2_000)):
        yield backlog("payload", size, jobs, Setup(padding=size, limit_s=LIMIT_S))
    for rate in (100, 300, 1_000, 3_000, 10_000):
        phase = Phase(kind=ARRIVALS, rate_per_s=float(rate), duration_s=max(8.0 / divisor, 1.0), warm_up_s=0.2)
        yield Point(kind="rate", value=rate, phase=phase, setup=Setup(limit_s=LIMIT_S))


def measure(point: Point) -> dict[str, float]:
    """Measure a point once; return its figures and percentiles."""
    trace = run_phase("jobctl", point.phase, MIX, point.setup, lambda *_: None)
    if trace.stopped == "interrupted":
        raise KeyboardInterrupt
    found = find(trace, has_shares=True)
    for text in found.warnings:
        print(f"{point.kind} {point.value}: {text}", file=sys.stderr)
    done = found.histograms.get("done")
    return {**found.figures, **({f"done.p{n}": done.percentile(n) for n in PERCENTILES} if done else {})}


def table(measured: Sequence[Point]) -> str:
    """Return the best of the repeats as a Markdown table."""
    lines = [
        "| what | value | jobs/s | worker CPU, ms a job | broker CPU, ms a job | bytes a waiting job "
        "| bytes an ended job | done p50 | done p99 |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for point in measured:
        cells = [f"{point.best('throughput') or 0:,.0f}"]
        cells += [_cell(point, name, "{:.4f}") for name in COSTS]
        cells += [_cell(point, name, "{:,.0f}") for name in SIZES]
        cells += [_cell(point, f"done.p{n}", "{:.2f} ms") for n in PERCENTILES]
        lines.append(f"| {point.kind} | {point.value:,} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(point: Point, name: str, form: str) -> str:
    value = point.best(name)
    return "" if value is None else form.format(value)


def draw(measured: Sequence[Point], path: Path) -> None:
    """Draw CPU per job over each thing that was changed, and throughput over processes."""
    mpl = require_matplotlib()
    mpl.use("Agg")
    mpl.rcParams.update({"svg.fonttype": "none", "font.size": 9, "axes.edgecolor": MUTED, "axes.grid": True})
    from matplotlib.figure import Figure  # noqa: PLC0415 - of the extra `load`

    figure = Figure(figsize=(9.5, 6), layout="constrained")
    grid: Any = figure.subplots(2, 2)
    titles = {
        "backlog": "jobs in the backlog",
        "payload": "bytes of payload",
        "rate": "jobs arriving per second",
        "processes": "worker processes",
    }
    for axes, (kind, title) in zip(grid.flat, titles.items(), strict=True):
        found = [point for point in measured if point.kind == kind]
        at = [point.value for point in found]
        if kind == "processes":
            axes.plot(at, [point.best("throughput") or 0 for point in found], "o-", color=HUES[2], label="jobs/s")
            axes.set_ylim(bottom=0)
            axes.set_xticks(at)
        else:
            for hue, side in zip(HUES, ("worker", "broker"), strict=False):
                name = f"{side}.cpu_per_job"
                costs = [(point.value, cost * 1000) for point in found if (cost := point.best(name)) is not None]
                axes.plot(*zip(*costs, strict=True), "o-", color=hue, label=f"{side}: µs of CPU a job")
            axes.set_xscale("log")
            axes.set_ylim(bottom=0)
        axes.set_xlabel(title)
        axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})


def main() -> int:
    """Measure, the points in turn, and write table, plot and figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--repeats", type=int, default=2, help="measurements of each point (default 2)")
    parser.add_argument("--only", default="", help="kinds of points, with commas between (default: all)")
    parser.add_argument("--quick", action="store_true", help="a few jobs only: to try it, not for figures")
    parser.add_argument("--out", type=Path, default=Path("build/scale"), help="folder (default build/scale)")
    options = parser.parse_args()
    kinds = set(filter(None, options.only.split(",")))
    measured = [point for point in points(QUICK if options.quick else 1) if not kinds or point.kind in kinds]
    machine = describe(None)
    for repeat in range(options.repeats):
        for point in measured:
            point.repeats.append(measure(point))
            rate = point.repeats[-1].get("throughput", 0.0)
            print(f"{repeat + 1}/{options.repeats} {point.kind} {point.value:,}: {rate:,.0f}/s", file=sys.stderr)
    options.out.mkdir(parents=True, exist_ok=True)
    units = {name: str(METRICS[name].unit) for name in ("throughput", *COSTS, *SIZES)}
    data = {"machine": machine, "units": units, "points": [asdict(point) for point in measured]}
    (options.out / "scale.json").write_text(json.dumps(data, indent=1) + "\n")
    (options.out / "scale.md").write_text(table(measured))
    draw(measured, options.out / "scale.svg")
    print(table(measured), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
