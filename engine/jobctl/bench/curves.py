"""From a trace to the curves of a report's plots: some sixty values each, whatever the length of a phase."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from jobctl.bench.figures import NS, PERCENTS, Span, busy_starts, value_at, waits
from jobctl.bench.journal import Load
from jobctl.bench.results import Series
from jobctl.bench.sampling import Moment
from jobctl.bench.scenario import BACKLOG
from jobctl.bench.trace import Trace
from jobctl.measure import fairness
from jobctl.measure.latency import Histogram

POINTS = 60
MOST_LOOKS = 100
LEAST_BIN_S = 0.05
MIB = 2**20


def curves(trace: Trace, span: Span | None, *, has_shares: bool) -> dict[str, Series]:
    """Return what the plots show: name of a plot -> its curves.

    Args:
        trace: what was seen.
        span: the measured time.
        has_shares: whether the queues have weights that were to be followed.
    """
    if not trace.runs or not trace.jobs or span is None:
        return {}
    is_backlog = trace.phase.kind == BACKLOG
    zero_ns = trace.runs[0].started if is_backlog else next(iter(trace.jobs.values())).due
    found = {
        "throughput": _rates(trace, zero_ns),
        "depth": _depths(trace, zero_ns),
        "cpu": _cpu(trace, zero_ns),
        "memory": _memory(trace, zero_ns),
    }
    if is_backlog and has_shares:
        found["shares"] = _shares(trace)
    if not is_backlog:
        found["latency"] = _latencies(trace, span, zero_ns)
    return {name: series for name, series in found.items() if series.at}


def _rates(trace: Trace, zero_ns: int) -> Series:
    ends = [(run.ended - zero_ns) / NS for run in trace.runs]
    width_s = max(max(ends) / POINTS, LEAST_BIN_S)
    counts = Counter(int(at_s / width_s) for at_s in ends)
    bins = range(max(counts) + 1)
    if len(bins) > 1:
        bins = bins[:-1]  # the last one is cut off somewhere: its rate would be too low

    at = _rounded([(b + 0.5) * width_s for b in bins])
    return Series(at=at, lines={"jobs/s": [round(counts[b] / width_s, 1) for b in bins]})


def _depths(trace: Trace, zero_ns: int) -> Series:
    moments = _looks(trace, zero_ns)
    queues = moments[0].waiting if moments else {}
    return Series(
        at=_rounded([(moment.at_ns - zero_ns) / NS for moment in moments]),
        lines={trace.name_of(queue): [float(moment.waiting[queue]) for moment in moments] for queue in queues},
    )


def _cpu(trace: Trace, zero_ns: int) -> Series:
    """Return cores used by all workers together, and by the broker, between two looks at the broker."""
    looks = _looks(trace, zero_ns)
    if len(looks) < 2:
        return Series(at=[], lines={})
    at, workers, broker = [], [], []
    for before, after in pairwise(looks):
        seconds = (after.at_ns - before.at_ns) / NS
        if seconds <= 0:
            continue
        at.append(((before.at_ns + after.at_ns) / 2 - zero_ns) / NS)
        broker.append(round((after.cpu_s - before.cpu_s) / seconds, 3))
        used_s = [_used_s(loads, before.at_ns, after.at_ns) for loads in trace.workers]
        known = [used for used in used_s if used is not None]
        workers.append(round(sum(known) / seconds, 3) if known else None)
    return Series(at=_rounded(at), lines={"workers": workers, "broker": broker})


def _looks(trace: Trace, zero_ns: int) -> list[Moment]:
    """Return the looks at the broker since a time; of many, evenly chosen ones."""
    found = [moment for moment in trace.moments if moment.at_ns >= zero_ns]
    return found[:: math.ceil(len(found) / MOST_LOOKS) or 1]


def _used_s(loads: Sequence[Load], began_ns: int, ended_ns: int) -> float | None:
    """Return CPU seconds used in a stretch of time; None outside of what was seen."""
    curve = [(load.at_ns, load.cpu_s) for load in loads]
    if not curve or ended_ns > curve[-1][0] or began_ns < curve[0][0]:
        return None
    return value_at(curve, ended_ns) - value_at(curve, began_ns)


def _memory(trace: Trace, zero_ns: int) -> Series:
    """Return resident memory of the largest worker, and what the broker holds, MiB, at each look at the broker."""
    looks = _looks(trace, zero_ns)
    grown = [[(load.at_ns, float(load.rss)) for load in loads] for loads in trace.workers if loads]
    return Series(
        at=_rounded([(moment.at_ns - zero_ns) / NS for moment in looks]),
        lines={
            "worker": [round(max(value_at(curve, moment.at_ns) for curve in grown) / MIB, 2) for moment in looks]
            if grown
            else [],
            "broker": [round(moment.memory / MIB, 2) for moment in looks],
        },
    )


def _shares(trace: Trace) -> Series:
    """Return each queue's share of starts, window by window."""
    order = [run.queue for run in busy_starts(trace)]
    # a whole number of rounds: in any other window not even exact shares are whole numbers of starts
    round_size = sum(trace.weights.values())
    size = math.ceil(max(fairness.WINDOW, len(order) / POINTS) / round_size) * round_size
    windows = [order[at : at + size] for at in range(0, len(order) - size + 1, size)]
    counts = [Counter(window) for window in windows]
    return Series(
        at=[float((number + 1) * size) for number in range(len(windows))],
        lines={trace.name_of(queue): [round(count[queue] / size, 4) for count in counts] for queue in trace.weights},
    )


def _latencies(trace: Trace, span: Span, zero_ns: int) -> Series:
    """Return percentiles of the time to done, by when jobs were due."""
    done = waits(trace, span)["done"]
    width_ns = max((span.ended - span.began) // POINTS, int(LEAST_BIN_S * NS))
    parts: dict[int, Histogram] = {}
    for due, took_ms in done:
        parts.setdefault(min((due - span.began) // width_ns, POINTS - 1), Histogram()).record(took_ms)
    bins = sorted(parts)
    return Series(
        at=_rounded([(span.began - zero_ns + (b + 0.5) * width_ns) / NS for b in bins]),
        lines={f"p{percent}": [round(parts[b].percentile(percent), 4) for b in bins] for percent in PERCENTS},
    )


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 3) for value in values]
