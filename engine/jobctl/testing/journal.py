"""A journal: side effects written outside the broker, so that the broker cannot be wrong about them.

One line an entry, appended in one write: entries of many processes do not mix, and a SIGKILL leaves no half of one.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

START, DONE = "start", "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One side effect.

    Attributes:
        event: `START`, `DONE`, or any other word.
        key: the job's key.
        at: epoch seconds on this host's clock.
        pid: the process that did it.
    """

    event: str
    key: str
    at: float
    pid: int


class Journal:
    """A file of entries, shared by the handlers that write it and the test that reads it."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def write(self, event: str, key: str) -> None:
        """Append one entry."""
        line = json.dumps({"event": event, "key": key, "at": time.time(), "pid": os.getpid()}) + "\n"
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(fd, line.encode())
        finally:
            os.close(fd)

    def read(self) -> list[Entry]:
        """Return all entries, oldest first."""
        if not self.path.exists():
            return []
        return [Entry(**json.loads(line)) for line in self.path.read_text().splitlines()]

    def entries(self, event: str, key: str | None = None) -> list[Entry]:
        """Return the entries of one event, of one job or of all."""
        return [entry for entry in self.read() if entry.event == event and key in (None, entry.key)]


def count(entries: Iterable[Entry], event: str) -> Counter[str]:
    """Return key -> how many entries of one event."""
    return Counter(entry.key for entry in entries if entry.event == event)
