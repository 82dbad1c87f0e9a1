"""A whole load test: every repeat, every side, every phase, and the report of what there was when it ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import jobctl
from jobctl.bench.findings import find
from jobctl.bench.machine import describe, package
from jobctl.bench.order import plan_of
from jobctl.bench.results import Findings, Report, Side
from jobctl.bench.run import Setup, run_phase
from jobctl.bench.scenario import Scenario
from jobctl.bench.trace import INTERRUPTED
from jobctl.client import NewJob, Preparer

Watcher = Callable[[str, str, int, int], None]
"""Told while it runs: where it is, what is done, how many so far, of how many."""


def run_scenario(
    scenario: Scenario, sides: Sequence[str], repeats: int, setup: Setup, *, command: str, watch: Watcher
) -> Report:
    """Run a scenario, the sides taking turns in going first, and return the report.

    What else the machine does meets all sides alike that way. Ctrl-C, or a phase's limit, ends it early; the report
    then holds what there was.

    Args:
        scenario: what is measured.
        sides: of `jobctl.bench.processes.MODULES`, each once.
        repeats: measurements of each side (count).
        setup: what stays the same.
        command: how to run it again, for the report.
        watch: is told how far it has come.

    Raises:
        JobctlError: a broker, a worker or the specs cannot be used.
    """
    plan = plan_of(setup.spec, "", setup.weights)
    preparer = Preparer(plan)
    for portion in scenario.mix:
        preparer.prepare(NewJob(portion.job, portion.payload))  # a wrong one shows itself before anything runs
    report = Report(
        scenario=scenario,
        began_at=datetime.now(UTC).isoformat(timespec="seconds"),
        command=command,
        machine=describe(setup.url),
        setup=_told(setup, repeats),
        sides=[Side(name=name, version=_version(name)) for name in sides],
    )
    for number in range(repeats):
        ordered = report.sides if number % 2 == 0 else list(reversed(report.sides))
        for side in ordered:
            found: list[Findings] = []
            side.repeats.append(found)
            for phase in scenario.phases:
                where = f"{side.name} {number + 1}/{repeats}"

                def tell(what: str, done: int, total: int, where: str = where) -> None:
                    watch(where, what, done, total)

                apart = side.name == "saq" and setup.apart
                try:
                    trace = run_phase(side.name, phase, scenario.mix, replace(setup, apart=apart), tell)
                    found.append(find(trace, has_shares=len(plan.queues) > 1 and (side.name == "jobctl" or apart)))
                except KeyboardInterrupt:  # while it was being prepared, looked up or reckoned: it has no figures
                    report.stopped = INTERRUPTED
                    return report
                if trace.stopped:
                    report.stopped = trace.stopped
                    return report
    return report


def _told(setup: Setup, repeats: int) -> dict[str, str]:
    told = {
        "worker processes": str(setup.processes),
        "concurrency": f"{setup.concurrency} jobs at once in each",
        "repeats": str(repeats),
        "broker": "configured"
        if setup.url
        else "a private server for each phase, TCP on loopback, append-only file (everysec)",
        "specs": setup.spec or "shipped with jobctl",
    }
    if setup.padding:
        told["payload"] = f"{setup.padding:,} bytes more"
    if setup.weights:
        told["weights"] = ", ".join(f"{queue} {weight}" for queue, weight in setup.weights.items())
    return told


def _version(side: str) -> str:
    return jobctl.__version__ if side == "jobctl" else package(side)
