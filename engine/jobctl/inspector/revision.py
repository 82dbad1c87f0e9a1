"""What a replay changes of the job it repeats: fields of its payload, its queue. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jobctl.compiler.payload import PayloadSchema
from jobctl.compiler.plan import Plan, Registration
from jobctl.errors import PayloadError, UsageError
from jobctl.names import did_you_mean


class Revision:
    """Changes to the jobs of a replay, checked against their declarations.

    Args:
        plan: the declarations; without them no payload can be changed.
        changes: payload field -> its new value as text, read as a command line's.
        queue: the queue the new jobs go to; None = each to that of its origin.
    """

    def __init__(self, plan: Plan | None, changes: Mapping[str, str] | None = None, queue: str | None = None) -> None:
        self.changes = dict(changes or {})
        self.queue = queue
        self._plan = plan
        self._known: dict[str, tuple[Registration, PayloadSchema, dict[str, Any]]] = {}

    def check(self, types: Iterable[str]) -> None:
        """Make sure, before anything is done, that these job types can be changed so.

        Raises:
            PayloadError: a field is not declared, or cannot have its value.
            UsageError: no spec declares one of the types.
        """
        if self.changes:
            for kind in sorted(set(types)):
                self._learn(kind)

    def payload(self, kind: str, payload: Mapping[str, Any]) -> tuple[Registration, dict[str, Any]] | None:
        """Return a job's declaration and its new payload, checked as at an enqueue; None where nothing is changed.

        Raises:
            PayloadError, UsageError: as for `check`, or the payload as a whole is not valid.
        """
        if not self.changes:
            return None
        registration, schema, values = self._known.get(kind) or self._learn(kind)
        return registration, schema.normalise({**payload, **values})

    def _learn(self, kind: str) -> tuple[Registration, PayloadSchema, dict[str, Any]]:
        registration = self._plan.by_type.get(kind) if self._plan else None
        if registration is None:
            raise UsageError(
                f"no spec declares jobs of type `{kind}`, so that its payload cannot be changed",
                hint="name the specs by `--spec`",
            )
        schema = PayloadSchema(registration.name, registration.payload)
        fields = {field.name: field for field in registration.payload}
        values: dict[str, Any] = {}
        problems = []
        hint = None
        for name, text in self.changes.items():
            if name not in fields:
                problems.append((name, "is not declared"))
                hint = did_you_mean(name, fields) or f"declared fields: {', '.join(fields) or 'none'}"
                continue
            try:
                values[name] = schema.read_flag(fields[name], text)
            except ValueError as error:
                problems.append((name, str(error)))
        if problems:
            raise PayloadError(registration.name, problems, hint=hint)
        self._known[kind] = (registration, schema, values)
        return self._known[kind]


UNCHANGED = Revision(None)
