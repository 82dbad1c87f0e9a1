"""From a trace to figures. What is measured, and what is left out, is decided here.

Of a backlog the middle 80 % of the ends are measured: the start and the end of the workers are paid once, not per job.
Of arrivals, jobs due in the warm-up are left out. A backlog has no latencies: a job's wait is its place in the queue.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from jobctl.bench.journal import Load
from jobctl.bench.scenario import BACKLOG, Scenario
from jobctl.bench.trace import Run, Trace
from jobctl.broker import keys
from jobctl.measure import fairness, starts
from jobctl.measure.latency import Histogram
from jobctl.measure.starts import Tick

EDGE = 0.1  # of a backlog's ends, at either end of the measured time
WINDOWS = 10
NS = 1e9
MS = 1e6
PERCENTS = (50, 95, 99)
LEAST_COST_S = 0.2  # two looks at what processes have used; of a shorter time nothing can be said


COUNTED = ("jobs", "completed", "dead", "cancelled", "lost", "redelivered")
COSTS = ("worker.cpu_per_job", "worker.memory", "broker.cpu_per_job", "broker.memory")
FAIRNESS = ("fairness.max_deviation", "fairness.rms_deviation", "fairness.jain", "fairness.starvation")
OF_BACKLOG = ("broker.bytes_per_job", "broker.bytes_per_ended_job", *FAIRNESS)
OF_ARRIVALS = ("enqueue", "start", "done", "late", "offered", "generator.cpu")


class Span(NamedTuple):
    """The measured time, ns."""

    began: int
    ended: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return max(self.ended - self.began, 1) / NS


def measured_by(scenario: Scenario) -> tuple[str, ...]:
    """Return the metrics that a run of a scenario will have."""
    kinds = {phase.kind for phase in scenario.phases}
    own = (OF_BACKLOG if BACKLOG in kinds else ()) + (OF_ARRIVALS if kinds - {BACKLOG} else ())
    return (*COUNTED, "throughput", "run", *COSTS, *own)


def figures_of(trace: Trace, span: Span | None, *, has_shares: bool) -> dict[str, float]:
    """Return the figures of a phase: metric -> value in its unit.

    Args:
        trace: what was seen.
        span: the measured time; None = too little happened.
        has_shares: whether the queues have weights that were to be followed.
    """
    figures: dict[str, float] = {
        "jobs": len(trace.jobs),
        **trace.ends,
        "redelivered": len(trace.runs) - len({run.key for run in trace.runs}),
    }
    if span is None:
        return figures
    ends = sorted(run.ended for run in trace.runs)
    jobs = bisect_left(ends, span.ended) - bisect_left(ends, span.began)
    figures["throughput"] = jobs / span.seconds
    figures |= costs(trace, span, jobs)
    if trace.phase.kind == BACKLOG:
        stored = trace.filled.memory - trace.before.memory
        figures["broker.bytes_per_job"] = max(stored, 0) / len(trace.jobs)
        if not trace.stopped and trace.moments:
            kept = trace.moments[-1].memory - trace.before.memory
            figures["broker.bytes_per_ended_job"] = max(kept, 0) / len(trace.jobs)
        if has_shares:
            figures |= shares(trace)
    else:
        figures["offered"] = sum(span.began < job.taken <= span.ended for job in trace.jobs.values()) / span.seconds
        figures["generator.cpu"] = busy_share(trace.producer)
    return figures


def latencies_of(trace: Trace, span: Span | None) -> tuple[dict[str, Histogram], dict[str, list[float]]]:
    """Return ``(metric -> histogram, what is compared -> its value in each window)``."""
    if span is None:
        return {}, {}
    windows = {"throughput": window_rates(sorted(run.ended for run in trace.runs), span)}
    run = Histogram((run.ended - run.started) / MS for run in trace.runs if run.started >= span.began)
    if trace.phase.kind == BACKLOG:
        return {"run": run}, windows
    by_metric = waits(trace, span)
    latencies = {name: Histogram(value for _, value in found) for name, found in by_metric.items()}
    return {**latencies, "run": run}, windows | window_percentiles(by_metric["done"], span)


def measured_span(trace: Trace) -> Span | None:
    """Return the measured time; None where too little happened."""
    if trace.phase.kind == BACKLOG:
        ends = sorted(run.ended for run in trace.runs)
        first, last = int(len(ends) * EDGE), int(len(ends) * (1 - EDGE))
        return Span(ends[first], ends[last]) if last - first >= WINDOWS else None
    if not trace.jobs:
        return None
    due = [job.due for job in trace.jobs.values()]
    span = Span(due[0] + int(trace.phase.warm_up_s * NS), due[-1])
    return span if span.ended > span.began else None


def window_rates(ends: Sequence[int], span: Span) -> list[float]:
    """Return the throughput of each tenth of the measured jobs, jobs per second: never 0, so that it has a ratio."""
    measured = ends[bisect_left(ends, span.began) : bisect_left(ends, span.ended)]
    marks = [part * (len(measured) - 1) // WINDOWS for part in range(WINDOWS + 1)]
    if len(measured) <= WINDOWS:
        return []
    return [
        (after - before) / max((measured[after] - measured[before]) / NS, 1 / NS) for before, after in pairwise(marks)
    ]


def waits(trace: Trace, span: Span) -> dict[str, list[tuple[int, float]]]:
    """Return latencies from the intended send: metric -> ``(due ns, ms)`` of each job that is measured."""
    started: dict[str, int] = {}
    ended: dict[str, int] = {}
    for run in trace.runs:  # of a job that is retried, the first start and the last end
        started.setdefault(run.key, run.started)
        ended[run.key] = run.ended
    found: dict[str, list[tuple[int, float]]] = {"enqueue": [], "start": [], "done": [], "late": []}
    for key, job in trace.jobs.items():
        if job.due < span.began:
            continue
        found["enqueue"].append((job.due, (job.taken - job.due) / MS))
        found["late"].append((job.due, (job.sent - job.due) / MS))
        if key in started:
            found["start"].append((job.due, (started[key] - job.due) / MS))
            # a message that was lost on its way: then the end of the handler
            heard = trace.heard.get(keys.job_id(job.queue, key), ended[key])
            found["done"].append((job.due, (heard - job.due) / MS))
    return found


def window_percentiles(done: Sequence[tuple[int, float]], span: Span) -> dict[str, list[float]]:
    """Return percentiles of the latency in each of ten equal parts of the measured time, ms."""
    parts = [Histogram() for _ in range(WINDOWS)]
    for due, took_ms in done:
        part = (due - span.began) * WINDOWS // max(span.ended - span.began, 1)
        parts[min(part, WINDOWS - 1)].record(took_ms)
    return {f"done.p{percent}": [part.percentile(percent) for part in parts if part.count] for percent in PERCENTS}


def costs(trace: Trace, span: Span, jobs: int) -> dict[str, float]:
    """Return what the measured jobs cost workers and broker."""
    found: dict[str, float] = {}
    # every curve is one of CPU seconds; between two looks it is a straight line
    workers = [[(load.at_ns, load.cpu_s) for load in loads] for loads in trace.workers if loads]
    broker = [(moment.at_ns, moment.cpu_s) for moment in trace.moments]
    if jobs and workers and broker and span.seconds >= LEAST_COST_S:
        used_s = sum(_between(curve, span) for curve in workers)
        found["worker.cpu_per_job"] = used_s / jobs * 1000
        found["broker.cpu_per_job"] = _between(broker, span) / jobs * 1000
    if peaks := [max(load.rss for load in loads) for loads in trace.workers if loads]:
        found["worker.memory"] = float(max(peaks))
    found["broker.memory"] = float(max((moment.memory for moment in trace.moments), default=0))
    return found


def shares(trace: Trace) -> dict[str, float]:
    """Return how near the starts were to the weights, while all queues had work."""
    busy = busy_starts(trace)
    if len(busy) < fairness.WINDOW:
        return {}
    ticks = [Tick(run.started / MS, {run.queue: 1}) for run in busy]
    fair = fairness.measure_spans([starts.Span(ticks, ticks[0].at_ms, ticks[-1].at_ms)], trace.weights)
    return {
        "fairness.max_deviation": fair.worst_points / 100,
        "fairness.rms_deviation": fair.rms_points / 100,
        "fairness.jain": fair.jain,
        "fairness.starvation": max(fair.starved_ms.values(), default=0.0),
    }


def busy_starts(trace: Trace) -> Sequence[Run]:
    """Return the runs that started while all queues had work."""
    held = Counter(job.queue for job in trace.jobs.values())
    order = [run.queue for run in trace.runs]
    return trace.runs[: len(fairness.busy_prefix(order, {queue: held[queue] for queue in trace.weights}))]


def busy_share(loads: Sequence[Load]) -> float:
    """Return the share of a core (0 to 1) a process used between its first look and its last."""
    if not loads:
        return 0.0
    seconds = (loads[-1].at_ns - loads[0].at_ns) / NS
    return (loads[-1].cpu_s - loads[0].cpu_s) / seconds if seconds > 0 else 0.0


def _between(curve: Sequence[tuple[int, float]], span: Span) -> float:
    return value_at(curve, span.ended) - value_at(curve, span.began)


def value_at(curve: Sequence[tuple[int, float]], at_ns: int) -> float:
    """Return the value of a curve at a time, on a straight line between two points; beyond its ends, theirs."""
    place = bisect_left(curve, (at_ns, 0.0))
    if place == 0:
        return curve[0][1]
    if place == len(curve):
        return curve[-1][1]
    (t0, v0), (t1, v1) = curve[place - 1], curve[place]
    return v0 + (v1 - v0) * (at_ns - t0) / max(t1 - t0, 1)
