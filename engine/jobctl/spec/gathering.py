"""The files of a spec put together, and the checks that need all of them."""

from __future__ import annotations

from typing import Any

from jobctl.errors import Location
from jobctl.measure.thresholds import parse_threshold
from jobctl.spec.alerts import Alerts
from jobctl.spec.diagnostics import quote
from jobctl.spec.fields import DEFAULTS, HOOKS, JOB_NAME_KIND, QUEUE, QUEUE_NAME_KIND, SPEC, WEIGHT_KIND
from jobctl.spec.jobs import Declared, read_defaults, read_job
from jobctl.spec.kinds import INVALID, reject_shape
from jobctl.spec.model import ALERTS_QUEUE, DEFAULT_QUEUE, Hooks, QueueSpec, Scheduling
from jobctl.spec.nodes import Mapping, Node, Problems, Scalar, Sequence, Value
from jobctl.spec.sections import Reading
from jobctl.spec.source import SourceFile
from jobctl.spec.tree import parse_tree

ONCE = ("queues", "scheduling", "hooks", "thresholds")  # keys that only one file of a spec may hold


class Gathering:
    """Collects what the files declare. ``problems`` holds everything found so far."""

    def __init__(self) -> None:
        self.problems = Problems()
        self.queues: dict[str, QueueSpec] = {}
        self.jobs: list[Declared] = []
        self.scheduling = Scheduling.WEIGHTED
        self.hooks = Hooks()
        self.hook_locations: dict[str, Location] = {}
        self.alerts = Alerts(self.problems)
        self.thresholds: tuple[str, ...] = ()
        self._thresholds_node: Value | None = None
        self._queue_places: dict[str, Scalar] = {}
        self._once: dict[str, Scalar] = {}
        self._knows_queues = True
        self._first: SourceFile | None = None

    def add(self, source: SourceFile) -> None:
        """Read one file."""
        self._first = self._first or source
        root = parse_tree(source, self.problems)
        if root is None:
            self._knows_queues = False  # they may stand in the part that could not be read
            return
        reading = SPEC.read(root, "", self.problems, owner=Node(source, 1, 1))
        if reading is INVALID:
            self._knows_queues = False
            return
        self._refuse_second(reading)
        if "queues" in reading.keys:
            self._read_queues(reading.values.get("queues"))
        self.scheduling = reading.values.get("scheduling", self.scheduling)
        if "hooks" in reading.values:
            self._read_hooks(reading.values["hooks"])
        if "alerts" in reading.values:
            self.alerts.read(reading.values["alerts"])
        if "thresholds" in reading.values:
            self.thresholds = reading.values["thresholds"]
            self._thresholds_node = reading.nodes["thresholds"]
        self._read_jobs(reading)

    def check_across(self, *, is_complete: bool) -> None:
        """Check what holds between files. ``is_complete``: none of them was left out."""
        self._check_names()
        self._check_types()
        if is_complete and self._knows_queues:
            self._check_queues()
        if is_complete:
            queues = [*(self.queues or (DEFAULT_QUEUE,)), ALERTS_QUEUE] if self._knows_queues else None
            self._check_thresholds()
            self.alerts.check([declared.job.name for declared in self.jobs], queues)
        if is_complete and not self.jobs and not self.problems.found and self._first is not None:
            hint = "add e.g. `jobs: {send-mail: {handler: shop.mail:send}}`"
            self.problems.report("no-jobs", "no job is declared", Node(self._first, 1, 1), hint=hint)

    def _refuse_second(self, reading: Reading) -> None:
        for name in ONCE:
            key = reading.keys.get(name)
            if key is None:
                continue
            first = self._once.setdefault(name, key)
            if first is not key:
                self.problems.report(
                    "declared-again",
                    f"`{name}` is declared in two files",
                    key,
                    hint="keep it in one file; it holds for all",
                    related=[(first, "first declared here")],
                )

    def _read_queues(self, node: Value | None) -> None:
        if not isinstance(node, Mapping):
            self._knows_queues = False
            if node is not None:
                expected = "a mapping of queue name to weight, such as `{critical: 6, default: 3}`"
                reject_shape(node, "queues", expected, self.problems)
            return
        for name, (key, value) in node.pairs.items():
            path = f"queues.{name}"
            if not QUEUE_NAME_KIND.read_key(key, self.problems):
                continue
            values: dict[str, Any] = {}
            if isinstance(value, Scalar):
                weight = WEIGHT_KIND.read(value, path, self.problems)
                if weight is not INVALID:
                    values = {"weight": weight}
            else:
                reading = QUEUE.read(value, path, self.problems)
                if reading is not INVALID:
                    values = reading.values
                    self._check_slots(name, reading)
            first = self._queue_places.setdefault(name, key)
            if first is not key:
                text = f"queue {quote(name)} is declared twice"
                self.problems.report("duplicate-queue", text, key, related=[(first, "first declared here")])
                continue
            self.queues[name] = QueueSpec(name=name, location=key.location, **values)

    def _check_slots(self, name: str, reading: Reading) -> None:
        reserved, most = reading.values.get("reserved", 0), reading.values.get("max_running")
        if most is not None and reserved > most:
            text = f"queue {quote(name)} reserves {reserved} slots and may run {most}"
            hint = "a reserved slot it may not use is idle for ever; raise `max_running` or lower `reserved`"
            self.problems.report("slots", text, reading.nodes["reserved"], hint=hint)

    def _read_hooks(self, node: Value) -> None:
        reading = HOOKS.read(node, "hooks", self.problems)
        if reading is not INVALID:
            self.hooks = Hooks(**reading.values)
            self.hook_locations = {name: value.location for name, value in reading.nodes.items()}

    def _read_jobs(self, reading: Reading) -> None:
        section: Reading | None = None
        if "defaults" in reading.values:
            result = DEFAULTS.read(reading.values["defaults"], "defaults", self.problems)
            section = None if result is INVALID else result
        defaults = read_defaults(section, reading.values.get("lint"), self.problems)
        node = reading.values.get("jobs")
        if node is None:
            return
        if not isinstance(node, Mapping):
            reject_shape(node, "jobs", "a mapping of job name to job", self.problems, hint=_jobs_hint(node))
            return
        for key, value in node.pairs.values():
            JOB_NAME_KIND.read_key(key, self.problems)
            declared = read_job(key, value, defaults, self.problems)
            if declared is not None:
                self.jobs.append(declared)

    def _check_names(self) -> None:
        first: dict[str, Declared] = {}
        for declared in self.jobs:
            other = first.setdefault(declared.job.name, declared)
            if other is not declared:
                self.problems.report(
                    "duplicate-job",
                    f"job {quote(declared.job.name)} is declared twice",
                    declared.key,
                    related=[(other.key, "first declared here")],
                )

    def _check_types(self) -> None:
        first: dict[str, Declared] = {}
        by_name = {declared.job.name: declared for declared in self.jobs}
        for declared in self.jobs:
            job = declared.job
            other = first.setdefault(job.type, declared)
            if other is declared:
                other = by_name.get(job.type, declared)
                if other is not declared and other.job.type != job.type:
                    self.problems.report(
                        "duplicate-type",
                        f"type {quote(job.type)} of job {quote(job.name)} is the name of another job",
                        declared.type,
                        hint="a job is found by name or by type: one word must not mean two jobs",
                        related=[(other.key, "the other job")],
                    )
            elif other.job.name != job.name:
                self.problems.report(
                    "duplicate-type",
                    f"jobs {quote(other.job.name)} and {quote(job.name)} have the same type {quote(job.type)}",
                    declared.type,
                    hint="a worker finds the handler by the type; give each job its own",
                    related=[(other.type, "first here")],
                )

    def _check_thresholds(self) -> None:
        """Report thresholds that are narrowed to a job or a queue there is none of."""
        known = [*(declared.job.name for declared in self.jobs), *self.queues, DEFAULT_QUEUE]
        node = self._thresholds_node
        places = node.items if isinstance(node, Sequence) else [node]
        for text, place in zip(self.thresholds, places, strict=False):
            scope = parse_threshold(text).scope
            if scope and scope not in known and place is not None:
                hint = self.problems.suggest(scope, known, "name a job or a queue of this spec")
                told = f"threshold {quote(text)} is about {quote(scope)}, which is neither a job nor a queue"
                self.problems.report("unknown-scope", told, place, hint=hint)

    def _check_queues(self) -> None:
        known = self.queues or {DEFAULT_QUEUE: QueueSpec(name=DEFAULT_QUEUE)}
        everything = f"declared queues: {', '.join(f'`{name}`' for name in list(known)[:20])}"
        reported: set[int] = set()
        for declared in self.jobs:
            job = declared.job
            if job.queue in known:
                continue
            if declared.queue is None:
                self.problems.report(
                    "unknown-queue",
                    f"job {quote(job.name)} names no queue, and there is no queue `{DEFAULT_QUEUE}`",
                    declared.key,
                    hint=f"add `queue:`; {everything}",
                )
            elif id(declared.queue) not in reported:  # a default stands for many jobs and is reported once
                reported.add(id(declared.queue))
                self.problems.report(
                    "unknown-queue",
                    f"job {quote(job.name)} names queue {quote(job.queue)}, which is not declared",
                    declared.queue,
                    hint=self.problems.suggest(job.queue, known, everything),
                    label="no such queue",
                )


def _jobs_hint(node: Value) -> str | None:
    return None if isinstance(node, Scalar) else "write `name:` and its keys indented below, without `- `"
