"""The fingerprint of a plan: equal for equal meaning, whatever the files, their order, places and comments."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, is_dataclass
from typing import Any

from jobctl.compiler.plan import Plan
from jobctl.spec.model import NO_DEFAULT

# Lists whose order means nothing; all others (of values in payloads, say) count as they stand.
_UNORDERED = frozenset(
    {"queues", "registrations", "schedules", "alerts", "payload", "fields", "choices", "alert", "tags", "by"}
)
# A place is no meaning, what load tests must keep changes nothing that runs, a fingerprint does not contain itself.
_IGNORED = frozenset({"location", "thresholds", "fingerprint"})
# Came later: a plan without them is the plan it was.
_LEFT_OUT_EMPTY = frozenset({"alerts"})


def fingerprint(plan: Plan) -> str:
    """Return 16 hex digits of SHA-256 over the plan's canonical JSON."""
    return hashlib.sha256(_dump(canonical(plan)).encode()).hexdigest()[:16]


def _dump(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def canonical(value: Any) -> Any:
    """Return a part of a plan as JSON holds it, without places, and with lists sorted whose order means nothing."""
    if is_dataclass(value):
        return {
            field.name: _member(field.name, getattr(value, field.name))
            for field in fields(value)
            if field.name not in _IGNORED
            and getattr(value, field.name) is not NO_DEFAULT
            and not (field.name in _LEFT_OUT_EMPTY and not getattr(value, field.name))
        }
    if isinstance(value, dict):
        return {key: canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    return value


def _member(name: str, value: Any) -> Any:
    plain = canonical(value)
    return sorted(plain, key=_dump) if name in _UNORDERED and isinstance(plain, list) else plain
