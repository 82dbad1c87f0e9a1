"""The log lines of jobs: each says whose it is, and the latest of each job are kept with its record.

A line belongs to a job when it says so (`ctx.log` does), or when it is written while the handler runs, by whatever
library. Kept lines are those that the process's own level lets through. They are flushed once a second; a job that
writes nothing costs nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Container, Mapping
from typing import TYPE_CHECKING, Any

from jobctl.broker.keys import QueueKeys, job_id
from jobctl.broker.record import encode
from jobctl.broker.scripts import source
from jobctl.worker.stamp import IDENTITY, stamp
from jobctl.worker.tracebacks import encodable

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = logging.getLogger(__name__)

MOST_LINES = 200  # of a job, the latest ones
MOST_BYTES = 64 * 1024  # of a job
LINE_LIMIT = 2_000  # characters of a message, and of a traceback
MOST_WAITING = 2_000  # lines of one worker between two flushes; what comes after is not kept
FALLBACK_MS = 90 * 86_400_000  # kept for so long after the latest line, where the record itself has no end yet
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LineKeeper(logging.Handler):
    """Keeps the lines of jobs until they are flushed.

    Args:
        held: ids of the jobs whose leases this worker keeps: a job that is not there any more has ended here.
    """

    def __init__(self, held: Container[str]) -> None:
        super().__init__()
        self._held = held
        self._lines: dict[str, list[bytes]] = {}
        self._log_keys: dict[str, str] = {}
        self._waiting = 0
        self._dropped = 0
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line if it is a job's."""
        stamp(record)
        key, queue = getattr(record, "key", None), getattr(record, "queue", None)
        if not isinstance(key, str) or not isinstance(queue, str):
            return
        if self._waiting >= MOST_WAITING:
            self._dropped += 1
            return
        try:
            line = self._encoded(record)
        except Exception:  # a message whose arguments do not fit it, a fact that is no JSON
            self.handleError(record)
            return
        self._waiting += 1
        self._log_keys[job_id(queue, key)] = QueueKeys(queue).log(key)
        self._lines.setdefault(job_id(queue, key), []).append(line)

    async def flush_to(self, server: Redis) -> None:
        """Store the lines; those of jobs that have ended live as long as their records from then on.

        Raises:
            redis.exceptions.RedisError: the broker did not take them; they are stored with the next.
        """
        self.acquire()  # handlers write from threads too
        taken, self._lines = self._lines, {}
        dropped, self._waiting, self._dropped = self._dropped, 0, 0
        self.release()
        ended = [job for job in self._log_keys if job not in self._held]
        if dropped:
            log.warning("jobs write more lines than are kept", extra={"dropped": dropped})
        if not taken and not ended:
            return
        args: list[Any] = [MOST_LINES, MOST_BYTES, FALLBACK_MS]
        for job in {**taken, **dict.fromkeys(ended)}:
            lines = taken.get(job, [])
            args += (job, self._log_keys[job], len(lines), *lines)
        try:
            await server.register_script(source("keep_lines"))(args=args)
        except BaseException:
            self.acquire()
            for job, lines in taken.items():
                self._lines[job] = [*lines, *self._lines.get(job, ())]
                self._waiting += len(lines)
            self.release()
            raise
        for job in ended:
            if job not in self._lines:
                self._log_keys.pop(job, None)  # a stopping worker flushes beside its upkeep

    def _encoded(self, record: logging.LogRecord) -> bytes:
        error = self._formatter.formatException(record.exc_info) if record.exc_info else record.exc_text
        return encode(
            {
                "at_ms": int(record.created * 1000),
                "level": record.levelname.lower(),
                "logger": record.name,
                "message": encodable(record.getMessage()[:LINE_LIMIT]),
                "attempt": getattr(record, "attempt", 0),
                "facts": _facts(vars(record)),
                **({"traceback": encodable(error[-LINE_LIMIT:])} if error else {}),
            }
        )


def _facts(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a line says beside its message, as JSON can hold it, within bounds."""
    facts: dict[str, Any] = {}
    left = LINE_LIMIT
    for name, value in found.items():
        if name in STANDARD or name in IDENTITY:
            continue
        is_plain = value is None or isinstance(value, bool | int | float)
        facts[name] = value if is_plain else encodable(str(value)[: max(left, 0)])
        left -= len(name) + (8 if is_plain else len(facts[name]))
        if left <= 0:
            break
    return facts
