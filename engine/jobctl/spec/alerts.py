"""Reading alerts: each for itself, then against the jobs and queues they name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from jobctl.spec.diagnostics import quote
from jobctl.spec.fields import ALERT, ALERT_NAME_KIND
from jobctl.spec.kinds import INVALID, reject_shape
from jobctl.spec.model import Alert, AlertCondition
from jobctl.spec.nodes import Mapping, Problems, Scalar, Sequence, Value
from jobctl.spec.sections import Reading

# keys that mean something to some conditions only
_OF: Final = {
    "ratio": (AlertCondition.FAILURES,),
    "least": (AlertCondition.FAILURES,),
    "window": (AlertCondition.FAILURES,),
    "above": (AlertCondition.AGE, AlertCondition.MISSED),
    "jobs": (AlertCondition.DEAD, AlertCondition.FAILURES, AlertCondition.MISSED),
}


@dataclass(frozen=True, slots=True)
class DeclaredAlert:
    """An alert, and the nodes of what it names."""

    alert: Alert
    key: Scalar
    jobs: Value | None
    queues: Value | None


class Alerts:
    """The alerts of all files."""

    def __init__(self, problems: Problems) -> None:
        self.declared: list[DeclaredAlert] = []
        self._problems = problems

    def read(self, node: Value) -> None:
        """Read the alerts of one file."""
        if not isinstance(node, Mapping):
            reject_shape(node, "alerts", "a mapping of alert name to alert", self._problems)
            return
        for name, (key, value) in node.pairs.items():
            if not ALERT_NAME_KIND.read_key(key, self._problems):
                continue
            first = next((one for one in self.declared if one.alert.name == name), None)
            if first is not None:
                text = f"alert {quote(name)} is declared twice"
                self._problems.report("duplicate-alert", text, key, related=[(first.key, "first declared here")])
                continue
            reading = ALERT.read(value, f"alerts.{name}", self._problems, owner=key)
            if reading is not INVALID and {"when", "to"} <= reading.values.keys():
                self._check_keys(name, reading)
                alert = Alert(name=name, location=key.location, **reading.values)
                jobs, queues = reading.nodes.get("jobs"), reading.nodes.get("queues")
                self.declared.append(DeclaredAlert(alert, key, jobs, queues))

    def check(self, jobs: Iterable[str], queues: Iterable[str] | None) -> None:
        """Check that the jobs and queues they name are declared; None = not known, for files are missing."""
        known_jobs = list(jobs)
        for one in self.declared:
            self._check_names(one.alert.name, "job", one.alert.jobs, one.jobs, known_jobs)
            if queues is not None:
                self._check_names(one.alert.name, "queue", one.alert.queues, one.queues, list(queues))

    def _check_keys(self, name: str, reading: Reading) -> None:
        when = reading.values["when"]
        for key, conditions in _OF.items():
            if key in reading.keys and when not in conditions:
                self._problems.report(
                    "alert-key",
                    f"`{key}` means nothing to alert {quote(name)}, which watches {quote(when)}",
                    reading.keys[key],
                    hint=f"leave it out; it belongs to {' or '.join(f'`when: {one}`' for one in conditions)}",
                )

    def _check_names(self, alert: str, what: str, names: tuple[str, ...], node: Value | None, known: list[str]) -> None:
        nodes = node.items if isinstance(node, Sequence) else [node] * len(names)
        for name, place in zip(names, nodes, strict=True):
            if name not in known and place is not None:
                everything = f"declared {what}s: {', '.join(f'`{one}`' for one in known[:20])}"
                self._problems.report(
                    f"unknown-{what}",
                    f"alert {quote(alert)} names {what} {quote(name)}, which is not declared",
                    place,
                    hint=self._problems.suggest(name, known, everything),
                    label=f"no such {what}",
                )
