"""The plots of a report, drawn with matplotlib (extra `load`), which is imported only here and only when drawing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobctl.bench.results import Findings, Report
from jobctl.bench.scenario import BACKLOG
from jobctl.bench.summary import median_repeat
from jobctl.errors import UsageError
from jobctl.measure.latency import Histogram

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, LINE = "#24292f", "#57606a", "#d0d7de"
"""Text, axes, grid. A page replaces them by its own, for its dark mode."""
HUES = ("#2f7fd1", "#d9722e", "#2a9d76", "#a259c4", "#c9a227", "#7a8794")
"""Of curves: told apart by people who see few colours, on white and on black."""
SIZE_IN = (7.4, 3.1)
PERCENTS = tuple(range(1, 100)) + tuple(99 + n / 10 for n in range(1, 10)) + (99.95, 99.99)
COUNTS = ("jobs/s", "jobs waiting", "jobs")
"""Axes of whole numbers."""
SECONDS = "seconds since the first job"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One plot.

    Attributes:
        name: of its files.
        caption: how to read it, one or two sentences.
    """

    name: str
    title: str
    caption: str
    figure: Figure


Shown = list[tuple[str, Findings]]
"""The phase of one kind, of each side: ``(side, findings)``."""


def draw(report: Report) -> Iterator[Plot]:
    """Draw every plot the report has figures for, of the repeat with the middle throughput.

    Raises:
        UsageError: matplotlib is not installed.
    """
    _set_up()
    middle = [(side.name, median_repeat(side)) for side in report.sides]
    are_named = len(middle) > 1
    for kind in dict.fromkeys(phase.kind for phase in report.scenario.phases):
        shown = [(name, phase) for name, repeat in middle for phase in repeat if phase.kind == kind]
        backlog = kind == BACKLOG
        prefix = "backlog" if backlog else "arrivals"
        if _has(shown, "throughput"):
            yield Plot(
                name=f"{prefix}-throughput",
                title="Throughput of a backlog" if backlog else "Throughput of arrivals",
                caption="Jobs ended per second. "
                + ("Nothing is enqueued meanwhile." if backlog else "It should be the rate at which jobs were sent."),
                figure=_panels(shown, "throughput", "jobs/s", are_named=are_named),
            )
        if _has(shown, "latency"):
            yield Plot(
                name="latency-histogram",
                title="Latency: intended send to done",
                caption="How many jobs took how long, on a logarithmic scale. The clock starts when a job was to be "
                "sent, also if it was sent late.",
                figure=_histogram(shown, are_named=are_named),
            )
            yield Plot(
                name="latency-percentiles",
                title="Latency by percentile",
                caption="The share of jobs at the bottom were done within the time at the left.",
                figure=_percentiles(shown, are_named=are_named),
            )
            yield Plot(
                name="latency-over-time",
                title="Latency over time",
                caption="Median, 95th and 99th percentile of the jobs that were due in each moment.",
                figure=_panels(shown, "latency", "milliseconds", are_named=are_named),
            )
        if _has(shown, "shares"):
            yield Plot(
                name="shares",
                title="Share of starts, window by window",
                caption="Each queue's share of consecutive starts while all queues had work; dashed: its weight.",
                figure=_panels(shown, "shares", "share of starts", xlabel="starts", are_named=are_named),
            )
        if _has(shown, "depth"):
            yield Plot(
                name=f"{prefix}-depth",
                title="Queue depths" + (" of a backlog" if backlog else ""),
                caption="Jobs that are due and wait, ten looks a second.",
                figure=_panels(shown, "depth", "jobs waiting", are_named=are_named),
            )
        if _has(shown, "cpu"):
            yield Plot(
                name=f"{prefix}-cpu",
                title="Processor use" + (" under a backlog" if backlog else " under arrivals"),
                caption="Cores used by all worker processes together, and by the broker. 1 = one core.",
                figure=_panels(shown, "cpu", "cores", are_named=are_named),
            )
        if _has(shown, "memory"):
            yield Plot(
                name=f"{prefix}-memory",
                title="Memory" + (" under a backlog" if backlog else " under arrivals"),
                caption="Resident memory of the largest worker process, and what the broker holds. "
                "Ended jobs stay in the broker for their retention.",
                figure=_panels(shown, "memory", "MiB", are_named=are_named),
            )


def require_matplotlib() -> Any:
    """Return the library that draws.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise UsageError(
            "plots need matplotlib, which is not installed",
            code="bench.no-plots",
            hint="`pip install 'jobctl[load]'`, or `--no-plots` for the figures alone",
        ) from error
    return mpl


def _set_up() -> None:
    mpl = require_matplotlib()
    mpl.use("Agg")
    mpl.rcParams.update(
        {
            "svg.fonttype": "none",  # text stays text: smaller, searchable, in the page's own font
            "axes.edgecolor": MUTED,
            "axes.labelcolor": MUTED,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.axisbelow": True,
            "axes.grid": True,
            "grid.color": LINE,
            "grid.linewidth": 0.6,
            "text.color": INK,
            "xtick.color": MUTED,
            "ytick.color": MUTED,
            "font.size": 9.5,
            "legend.frameon": False,
            "lines.linewidth": 1.6,
        }
    )


def _has(shown: Shown, name: str) -> bool:
    return any(name in phase.series for _, phase in shown)


def _canvas(panels: int = 1) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure as Canvas

    figure = Canvas(figsize=SIZE_IN, layout="constrained")
    axes: Any = figure.subplots(1, panels, sharey=True, squeeze=False)
    return figure, list(axes[0])


def _panels(shown: Shown, name: str, ylabel: str, *, are_named: bool, xlabel: str = SECONDS) -> Figure:
    """Draw a panel for each side that has the series: a curve for each of its lines, and its target if it has one."""
    having = [(side, phase) for side, phase in shown if name in phase.series]
    figure, all_axes = _canvas(len(having))
    for axes, (side, phase) in zip(all_axes, having, strict=True):
        series = phase.series[name]
        for hue, (line, values) in zip(HUES, series.lines.items(), strict=False):
            known: Any = [float("nan") if value is None else value for value in values]
            axes.plot(list(series.at), known, color=hue, label=line)
            if name == "shares" and line in phase.targets:
                axes.axhline(phase.targets[line], color=hue, linestyle=":", linewidth=1.1)
        if are_named:
            axes.set_title(side, fontsize=10)
        axes.set_xlabel(xlabel)
        axes.margins(x=0.01)
        if xlabel == "starts":
            axes.xaxis.set_major_formatter(_thousands())
    first = all_axes[0]
    _scale(first, ylabel)
    if ylabel == "share of starts":
        first.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    _legend(figure, first)
    return figure


def _histogram(shown: Shown, *, are_named: bool) -> Figure:
    import numpy as np

    figure, (axes,) = _canvas()
    found = [(side, phase.histograms["done"]) for side, phase in shown if "done" in phase.latencies]
    low = max(min(histogram.low_ms for _, histogram in found), 1e-3)
    high = max(*(histogram.high_ms for _, histogram in found), low * 2)
    edges = np.geomspace(low, high * 1.001, 50)
    for hue, (side, histogram) in zip(HUES, found, strict=False):
        middles = [(begin + end) / 2 for begin, end, _ in histogram.bars()]
        counts = [count for *_, count in histogram.bars()]
        axes.hist(middles, bins=list(edges), weights=counts, color=hue, alpha=0.65, label=side)
    axes.set_xscale("log")
    _plain_log(axes.xaxis)
    axes.set_xlabel("milliseconds")
    _scale(axes, "jobs")
    _legend(figure, axes, least=1 if are_named else 2)
    return figure


def _percentiles(shown: Shown, *, are_named: bool) -> Figure:
    figure, (axes,) = _canvas()
    stages = ("enqueue", "start", "done")
    hues = iter(HUES)
    for side, phase in shown:
        found: Mapping[str, Histogram] = phase.histograms
        for stage in ("done",) if are_named else stages:
            if stage not in found:
                continue
            beyond = [1 / (1 - percent / 100) for percent in PERCENTS]
            times = [found[stage].percentile(percent) for percent in PERCENTS]
            axes.plot(beyond, times, color=next(hues), label=side if are_named else stage)
    ticks = (50, 90, 99, 99.9, 99.99)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks([1 / (1 - percent / 100) for percent in ticks], [f"{percent:g} %" for percent in ticks])
    axes.xaxis.set_minor_locator(_no_ticks())
    _plain_log(axes.yaxis)
    axes.set_ylabel("milliseconds")
    axes.set_xlabel("share of jobs")
    _legend(figure, axes, least=1 if are_named else 2)
    return figure


def _scale(axes: Axes, ylabel: str) -> None:
    """Label the vertical axis and let it begin at 0; called once all curves of all panels are there."""
    axes.set_ylabel(ylabel)
    axes.set_ylim(bottom=0, top=axes.get_ylim()[1] * 1.04)
    axes.yaxis.set_major_locator(_few_ticks(whole=ylabel in COUNTS))
    if ylabel in COUNTS:
        axes.yaxis.set_major_formatter(_thousands())


def _legend(figure: Figure, axes: Axes, *, least: int = 2) -> None:
    """Name the curves above the plot, if there are so many."""
    handles, labels = axes.get_legend_handles_labels()
    if len(handles) >= least:
        figure.legend(handles, labels, loc="outside upper center", ncols=6, handlelength=1.6, columnspacing=1.4)


def _thousands() -> Callable[[float, Any], str]:
    return lambda value, _: f"{value:,.0f}"


def _few_ticks(*, whole: bool) -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(6, integer=whole)


def _plain_log(axis: Any) -> None:
    """Label a logarithmic axis with 1, 2 and 5 of each power of ten, written out."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(NullFormatter())


def _no_ticks() -> Any:
    from matplotlib.ticker import NullLocator

    return NullLocator()
