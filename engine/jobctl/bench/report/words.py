"""What a report says in words: phases, and how the figures came about."""

from __future__ import annotations

from collections.abc import Iterator

from jobctl.bench.results import Report
from jobctl.bench.scenario import BACKLOG, Phase


def describe_phase(phase: Phase) -> str:
    """Return what happens in a phase, one line."""
    if phase.kind == BACKLOG:
        return f"Backlog: {phase.jobs:,} jobs are enqueued, then the workers start and drain them."
    text = f"Arrivals: {phase.rate_per_s:,.0f} jobs a second for {phase.duration_s:g} s, whatever the workers do"
    if phase.burst_jobs:
        text += f", and {phase.burst_jobs:,} more at once every {phase.burst_every_s:g} s"
    return f"{text}; jobs due in the first {phase.warm_up_s:g} s do not count."


def method(report: Report) -> Iterator[str]:
    """Yield what a reader must know to believe the figures, a paragraph each."""
    yield (
        "Generator, workers and broker run on this machine, each in processes of its own. Handlers write down when "
        "they begin and end; ends are heard where the broker publishes them; one monotonic clock serves all. How each "
        "job ended was looked up in its record afterwards: a job without one, or not done in time, is lost."
    )
    kinds = {phase.kind for phase in report.scenario.phases}
    if BACKLOG in kinds:
        yield (
            "Of a backlog the middle 80 % of the ends are measured, so that the start and the end of the workers do "
            "not count. The generator has ended before they start, so it cannot be the bottleneck. Shares are "
            "measured in every window of 100 consecutive starts, while all queues have work."
        )
    if kinds - {BACKLOG}:
        yield (
            "Jobs arrive at a constant rate (an open workload). Latency counts from when a job was due, also if it "
            "was sent late: waiting for a slow answer hides nothing (no coordinated omission). The generator's own "
            "processor use and lateness are measured; where they could have shaped the figures, a note at the top "
            "says so."
        )
    if len(report.sides) > 1:
        yield (
            "The sides take turns in going first. Stock SAQ runs on uvloop with its defaults, the same handlers, "
            "payloads and concurrency; all its jobs are in one queue, its best case, except in the scenario "
            "`fairness`, where each queue has a SAQ worker with its share of the slots."
        )
