"""The log of a worker process, as the test that started it reads it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobctl.compiler.plan import Plan
from jobctl.durations import parse_duration
from jobctl.records import JobRecord
from jobctl.testing.broker import HarnessBroker
from jobctl.testing.ran import Ran

OUTCOMES = {
    "job complete": "complete",
    "job failed": "retry",
    "job dead": "dead",
    "job cancelled": "cancelled",
    "job handed back": "interrupted",
}
STARTED = "worker started"


class WorkerLog:
    """JSON lines, written by one worker process after the other.

    Args:
        path: the file.
        plan: what they serve.
    """

    def __init__(self, path: Path, plan: Plan) -> None:
        self.path = path
        self._plan = plan
        self._read = 0

    @property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text(errors="replace") if self.path.exists() else ""

    def starts(self) -> int:
        """Return how many workers have come up."""
        return sum(line.get("message") == STARTED for line in self._lines())

    def worker_id(self) -> str:
        """Return the id of the latest worker that has come up."""
        return str([line["worker"] for line in self._lines() if line.get("message") == STARTED][-1])

    def take(self, broker: HarnessBroker) -> list[Ran]:
        """Return the deliveries that the log has told of since this was last asked; results come from their records."""
        lines = self._lines()
        new, self._read = lines[self._read :], len(lines)
        told = [line for line in new if line.get("message") in OUTCOMES]
        records = {record.key: record for record in broker.records()} if told else {}
        return [self._ran(line, records.get(line["key"]), broker) for line in told]

    def _lines(self) -> list[dict[str, Any]]:
        found = []
        for text in self.text.splitlines():
            with contextlib.suppress(ValueError):  # the last words of a crash are no JSON
                found.append(json.loads(text))
        return found

    def _ran(self, line: Mapping[str, Any], record: JobRecord | None, broker: HarnessBroker) -> Ran:
        outcome = OUTCOMES[line["message"]]
        registration = self._plan.by_type.get(line["type"])
        known = record.max_attempts if record else registration.attempts if registration else line["attempt"]
        retry_in = line.get("retry_in")
        return Ran(
            job=line["job"],
            key=line["key"],
            type=line["type"],
            queue=line["queue"],
            outcome=outcome,
            attempt=line["attempt"],
            max_attempts=line.get("max_attempts", known),
            at=broker.clock.now(),
            payload=record.payload if record else {},
            result=record.result if record and outcome == "complete" else None,
            text=line.get("error", ""),
            retry_in_s=parse_duration(retry_in) if retry_in else None,
        )
