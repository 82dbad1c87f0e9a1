"""Names: which are allowed, and the nearest one to a misspelt one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

# Queue names become parts of Redis keys: a colon would make queue `a` and queue `a:b` overlap (SAQ hazard E13).
QUEUE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
JOB_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
JOB_TYPE = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]{0,127}")
FIELD_NAME = re.compile(r"[a-z_][a-z0-9_]*")
TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/=-]{0,63}")
TAG_FORM = "letters, digits and `_.:/=-`, at most 64"
FLAG_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name a reader most likely meant, or None when nothing is near.

    Example:
        >>> nearest("mial", ["mail", "sms"])
        'mail'
    """
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Return ``did you mean `mail`?`` or None."""
    match = nearest(name, known)
    return f"did you mean `{match}`?" if match else None
