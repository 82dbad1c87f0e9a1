"""The log lines that a job wrote, the latest ones, as its workers left them beside its record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from jobctl.broker.connect import translate_errors
from jobctl.broker.keys import QueueKeys
from jobctl.inspector.inspector import Inspector

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from jobctl.records import JobRecord

LOOK_S = 0.5  # between two looks when following
# Workers flush lines once a second: after so long nothing more comes of a job that has ended.
LATE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line.

    Attributes:
        at_ms: when it was written, ms since the epoch by the clock of the worker's host.
        level: ``debug`` to ``critical``.
        logger: its name.
        attempt: the attempt that wrote it, from 1; 0 = it does not say.
        facts: what the line says besides, by name.
        traceback: of an exception that was logged, as text.
    """

    at_ms: int
    level: str = "info"
    logger: str = ""
    message: str = ""
    attempt: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    traceback: str | None = None


_decode = msgspec.json.Decoder(LogLine).decode


class Lines:
    """Reads the lines of jobs.

    Args:
        redis: an asyncio client that answers bytes.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def of(self, job: JobRecord) -> list[LogLine]:
        """Return the lines of a job, in their order; those of an earlier job of the same key are left out."""
        return (await self._read(job, "-"))[1]

    async def follow(self, job: JobRecord) -> AsyncIterator[Sequence[LogLine]]:
        """Yield the lines of a job as they come, until it has ended and nothing more is to come."""
        loop = asyncio.get_running_loop()
        begin, ended_at = "-", None
        inspector = Inspector(self._redis)
        name = f"{job.queue}:{job.key}"
        while True:
            last, found = await self._read(job, begin)
            if found:
                yield found
            if last:
                begin = f"({last}"
            if ended_at is None and (await inspector.job(name)).state.is_final:
                ended_at = loop.time()
            if ended_at is not None and loop.time() - ended_at > LATE_S:
                return
            await asyncio.sleep(LOOK_S)

    async def _read(self, job: JobRecord, begin: str) -> tuple[str, list[LogLine]]:
        with translate_errors():
            entries = await self._redis.xrange(QueueKeys(job.queue).log(job.key), begin, "+")
        last = entries[-1][0].decode() if entries else ""
        # the stream's ids are the broker's time, as that of the enqueue is
        own = [fields for entry, fields in entries if int(entry.partition(b"-")[0]) >= job.enqueued_ms]
        return last, [line for fields in own if (line := _line(fields.get(b"line", b""))) is not None]


def _line(raw: bytes) -> LogLine | None:
    try:
        return _decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None  # of a version that writes them otherwise
