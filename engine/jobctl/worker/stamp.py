"""Whose a log line is: written on lines that say it not themselves, while a handler runs."""

from __future__ import annotations

import logging

from jobctl.worker.context import current

IDENTITY = ("job", "key", "type", "queue", "attempt")
OURS = "jobctl."
HANDLERS = "jobctl.handler"


class Stamp(logging.Filter):
    """Adds to a line that is written while a handler runs whose it is: its job, key, type, queue and attempt.

    For any handler of any logger; `jobctl run` has it on its own.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Stamp a record; all pass."""
        stamp(record)
        return True


def stamp(record: logging.LogRecord) -> None:
    """Add to a record whose it is, unless it says so or is the worker's own."""
    context = current.get()
    if context is None or hasattr(record, "key"):
        return
    if record.name.startswith(OURS) and record.name != HANDLERS:
        return
    facts = vars(record)
    facts.setdefault("job", context.name)
    facts["key"], facts["type"] = context.key, context.type
    facts["queue"], facts["attempt"] = context.queue, context.attempt
