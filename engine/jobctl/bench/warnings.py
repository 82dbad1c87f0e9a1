"""What a reader must know before believing a phase's figures, above all: was it the generator that was measured?"""

from __future__ import annotations

from collections.abc import Mapping

from jobctl.bench.scenario import BACKLOG
from jobctl.bench.trace import INTERRUPTED, Trace
from jobctl.measure.latency import Histogram

BUSY = 0.8
"""Share of a core from which a generator, one thread, is called saturated: bursts leave it no room."""
ACHIEVED = 0.98
"""Share of the asked rate below which the arrivals were not the ones asked for."""
LATE_MS = 5.0
"""Lateness (p99) at which the arrivals' regularity is in doubt."""


def warnings(trace: Trace, figures: Mapping[str, float], latencies: Mapping[str, Histogram]) -> list[str]:
    """Return what must be said of a phase, most important first; nothing if all is well."""
    said = []
    phase = trace.phase
    if trace.stopped:
        said.append(f"{trace.stopped} before its end: the figures are of what there was until then")
    if phase.kind != BACKLOG and not trace.stopped:
        offered, asked = figures.get("offered", 0.0), phase.rate_per_s  # bursts come on top
        busy = figures.get("generator.cpu", 0.0)
        late = latencies["late"].percentile(99) if "late" in latencies else 0.0
        if busy > BUSY:
            said.append(
                f"the generator is saturated ({busy:.0%} of a core): latencies are its own; ask for a lower rate, "
                "or drive the load from several machines with Locust"
            )
        elif offered < asked * ACHIEVED or (late > LATE_MS and not phase.burst_jobs):
            said.append(
                f"jobs were sent late ({late:.1f} ms at the 99th percentile, {offered:,.0f} of {asked:,.0f} a second) "
                f"though the generator used {busy:.0%} of a core: the broker answered slowly, or the machine is busy"
            )
    if trace.is_coarse:
        said.append("isolated jobs are timed by their records, to a millisecond; shares of starts are not measured")
    if "throughput" not in figures:
        said.append("too few jobs ended to measure a rate")
    for name, words in (("lost", "were lost or not done in time"), ("dead", "ended dead")):
        if (count := int(figures.get(name, 0))) and trace.stopped != INTERRUPTED:  # nobody waited for them
            said.append(f"{count:,} jobs {words}")
    return said
