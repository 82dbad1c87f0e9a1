"""Jobs as a plan has them, in a line."""

from __future__ import annotations

from typing import Any

from jobctl.compiler.plan import Registration
from jobctl.spec.model import Backoff, PayloadField


def registration(name: str, *payload: PayloadField, **fields: Any) -> Registration:
    """A job with these fields of a `Registration`; those that are left out do not matter to the test."""
    unsaid = {
        "type": name.replace("-", ":"), "handler": "app:run", "queue": "default", "summary": "", "attempts": 4,
        "timeout_s": 300.0, "heartbeat_s": 0.0, "retention_s": 3600.0, "dead_retention_s": 86_400.0, "max_crashes": 3,
        "backoff": Backoff(), "unique": None, "alert": (), "tags": (),
    }  # fmt: skip
    return Registration(**{**unsaid, **fields}, name=name, payload=payload)
