"""What a subject, a process of its own, is told to do, and how it answers.

The order comes as the first line of its standard input. The end of that input means that whoever gave it is gone: the
subject then stops as on SIGTERM. It says `ready` on its standard output when it serves.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from jobctl.bench.scenario import Phase, Portion
from jobctl.compiler.build import load_plan
from jobctl.compiler.plan import Plan
from jobctl.worker.lifeline import end_with_input

JOBS = Path(__file__).with_name("jobs.yaml")
READY = "ready"


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a subject does.

    Attributes:
        task: `work` or `produce`.
        url: the broker.
        spec: path of the specs; None = the shipped `jobs.yaml`.
        prefix: in front of every queue's name: the run's own key space.
        phase: what is enqueued.
        mix: of which jobs, in turn.
        padding: bytes added to the payload of the shipped jobs.
        concurrency: jobs a worker runs at once (count).
        weights: of queues, instead of the spec's.
        apart: stock SAQ only: every queue has a worker with its share of the slots; else one queue holds all jobs.
        journal: file the subject writes down what it saw in.
    """

    task: str
    url: str
    spec: str | None = None
    prefix: str
    phase: Phase
    mix: tuple[Portion, ...]
    padding: int = 0
    concurrency: int = 10
    weights: Mapping[str, int] = field(default_factory=dict)
    apart: bool = False
    journal: str = ""

    def to_line(self) -> str:
        """Return the order as one line."""
        return msgspec.json.encode(self).decode() + "\n"


def take_order() -> Order:
    """Read the order from standard input, and stop when that input ends.

    Raises:
        msgspec.DecodeError: the line is no order.
    """
    order = msgspec.json.decode(sys.stdin.readline(), type=Order)
    end_with_input()
    return order


def say_ready(worker_id: str = "") -> None:
    """Tell whoever gave the order that this subject serves, and under which id."""
    sys.stdout.write(f"{READY} {worker_id}\n")
    sys.stdout.flush()


def plan_of(spec: str | None, prefix: str, weights: Mapping[str, int]) -> Plan:
    """Compile the specs, with every queue under a name of this run's own, and without schedules and alerts.

    Raises:
        SpecErrors: the specs have problems.
    """
    plan = load_plan(spec or JOBS, weights=weights, strict=False)
    return replace(
        plan,
        queues=tuple(replace(queue, name=f"{prefix}{queue.name}") for queue in plan.queues),
        registrations=tuple(replace(each, queue=f"{prefix}{each.queue}", unique=None) for each in plan.registrations),
        schedules=(),
        alerts=(),
        fingerprint=f"{prefix}{plan.fingerprint}",
    )
