"""The lines above the rows: what all workers do, sparklines of rates and times, what is wrong, the tabs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.style import Style
from rich.text import Text

from jobctl.durations import format_elapsed
from jobctl_cli.screens.top import compact, held_slots, summary
from jobctl_cli.text import clip, columns, plural
from jobctl_cli.top.spark import spark

if TYPE_CHECKING:
    from jobctl.inspector import Rates
    from jobctl_cli.top.feed import Feed
    from jobctl_cli.top.tabs.base import Tab

LABEL_COLUMNS = 7
NUMBER_COLUMNS = 7
MOST_BARS = 60  # ten minutes


def headline(feed: Feed, where: str, width: int) -> Text:
    """Return the first line.

    Args:
        feed: what was read.
        where: what is special: the context, read-only, held.
        width: columns of the screen.
    """
    told = summary(feed.overview) if feed.overview else "reading"
    line = Text("jobctl top", style="bold")
    if where:
        line.append(f"  {where}", style="yellow")
    line.append("  " + clip(told, max(width - columns(line.plain) - 2, 0)), style="not bold")
    return line


def rates(feed: Feed, queue: str | None, width: int) -> Text:
    """Return two lines of sparklines: starts and failures a second, mean waits and runs, of one queue or of all.

    The number at the end of each is of the last minute.
    """
    names = [queue] if queue else feed.queue_names()
    history, overview = feed.history, feed.overview
    found = [overview.rates[name] for name in names if name in overview.rates] if overview else []
    started, ended = sum(one.started for one in found), sum(one.complete + one.failed for one in found)
    wait_ms = sum((one.wait_ms or 0) * one.started for one in found) / started if started else None
    run_ms = sum((one.run_ms or 0) * (one.complete + one.failed) for one in found) / ended if ended else None
    bars = min(max((width - 4) // 2 - LABEL_COLUMNS - NUMBER_COLUMNS - 1, 4), MOST_BARS)
    parts = (
        _spark("starts", history.per_s("started", names), _rate(found, "started_per_s"), "green", bars),
        _spark("fails", history.per_s("failed", names), _rate(found, "failed_per_s"), "red", bars),
        _spark("wait", history.mean_ms("wait_ms", ["started"], names), _time(wait_ms), "cyan", bars),
        _spark("run", history.mean_ms("run_ms", ["complete", "failed"], names), _time(run_ms), "blue", bars),
    )
    lines = [parts[0] + Text("    ") + parts[1], parts[2] + Text("    ") + parts[3]]
    return Text("\n", no_wrap=True, overflow="crop").join(lines)


def alerts(feed: Feed) -> list[str]:
    """Return what an operator should know whatever tab is open."""
    overview = feed.overview
    if overview is None:
        return []
    told = [f"overdue: {', '.join(overview.overdue)}"] if overview.overdue else []
    for worker in overview.workers:
        if held := held_slots(worker):
            told.append(f"{plural(held, 'slot')} held past timeout on {worker.host}:{worker.pid}")
    return told


def tab_line(tabs: Sequence[Tab], chosen: Tab, width: int) -> Text:
    """Return the tabs, the chosen one reversed; counts are left out where they do not fit."""
    for with_counts, gap in ((True, "  "), (True, " "), (False, "  "), (False, " ")):
        line = Text(no_wrap=True, overflow="crop")
        for place, tab in enumerate(tabs, start=1):
            count = tab.count() if with_counts else None
            label = f"{place} {tab.title}" + (f" {compact(count)}" if count is not None else "")
            style = Style(bold=tab is chosen, reverse=tab is chosen)
            line.append(label, style=style + Style.from_meta({"@click": f"app.tab({place})"}))
            line.append(gap)
        line.rstrip()
        if columns(line.plain) <= width:
            return line
    return line


def _spark(label: str, values: Sequence[float | None], number: str, style: str, bars: int) -> Text:
    line = Text(label.ljust(LABEL_COLUMNS), style="dim")
    line.append(spark(values, bars).rjust(bars), style=f"not dim {style}")
    return line.append(number.rjust(NUMBER_COLUMNS + 1), style="not dim bold")


def _rate(found: Sequence[Rates], name: str) -> str:
    return f"{compact(sum(getattr(rates, name) for rates in found))}/s"


def _time(ms: float | None) -> str:
    return "-" if ms is None else format_elapsed(ms / 1000)
