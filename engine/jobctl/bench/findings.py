"""From a trace to findings: all that is kept of a phase."""

from __future__ import annotations

from jobctl.bench.curves import curves
from jobctl.bench.figures import figures_of, latencies_of, measured_span
from jobctl.bench.results import Findings
from jobctl.bench.trace import Trace
from jobctl.bench.warnings import warnings


def find(trace: Trace, *, has_shares: bool) -> Findings:
    """Return what a phase found.

    Args:
        trace: what was seen.
        has_shares: whether the queues have weights that were to be followed. Stock SAQ has all jobs in one.
    """
    has_shares = has_shares and not trace.is_coarse
    span = measured_span(trace)
    figures = figures_of(trace, span, has_shares=has_shares)
    latencies, windows = latencies_of(trace, span)
    total = sum(trace.weights.values())
    return Findings(
        kind=trace.phase.kind,
        figures=figures,
        latencies={name: histogram.to_json() for name, histogram in latencies.items()},
        windows=windows,
        series=curves(trace, span, has_shares=has_shares),
        targets={trace.name_of(queue): weight / total for queue, weight in trace.weights.items()} if has_shares else {},
        warnings=warnings(trace, figures, latencies),
    )
