"""What a worker reports about itself, and the counters it flushes."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import jobctl
from jobctl.broker import keys
from jobctl.broker.record import encode
from jobctl.broker.scripts import source
from jobctl.worker.run import Run
from jobctl.worker.tally import DAY_TTL_S, RATE_BUCKET_S, RATE_TTL_S, Tally

if TYPE_CHECKING:
    from redis.asyncio import Redis

REPORT_TTL_S = 20
RUNNING_SHOWN = 100  # a report stays small whatever the concurrency


class Reporter:
    """Writes one worker's report (`keys.worker`) and counters.

    Args:
        facts: what does not change: concurrency, weights, scheduling, fingerprint.
    """

    def __init__(self, server: Redis, worker_id: str, facts: Mapping[str, Any]) -> None:
        self._server = server
        self._id = worker_id
        self._facts = {
            "id": worker_id,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "version": jobctl.__version__,
            **facts,
        }
        self._started_ms: int | None = None
        self._count = server.register_script(source("count"))

    def tell(self, **facts: Any) -> None:
        """Report other facts from now on."""
        self._facts.update(facts)

    async def report(self, now_ms: int, running: Mapping[str, Run], starts: Mapping[str, int], state: str) -> None:
        """Write the report; it expires unless written again within 20 s."""
        if self._started_ms is None:
            self._started_ms = now_ms
        now_at = time.monotonic()
        shown = [
            {
                "key": run.wire.key,
                "queue": run.wire.queue,
                "type": run.wire.function,
                "started_ms": run.started_ms,
                "attempt": run.attempt,
                "progress": getattr(run.context, "fraction", None),
                "overdue": run.overdue,
                "ran_ms": int((now_at - run.started_at) * 1000),
            }
            for run in list(running.values())[:RUNNING_SHOWN]
        ]
        report = {
            **self._facts,
            "started_ms": self._started_ms,
            "seen_ms": now_ms,
            "skew_ms": int(time.time() * 1000) - now_ms,
            "state": state,
            "active": len(running),
            "running": shown,
            "starts": dict(starts),
        }
        async with self._server.pipeline(transaction=False) as pipe:
            pipe.set(keys.worker(self._id), encode(report), ex=REPORT_TTL_S)
            pipe.zadd(keys.WORKERS, {self._id: now_ms + REPORT_TTL_S * 1000})
            pipe.zremrangebyscore(keys.WORKERS, "-inf", now_ms)
            await pipe.execute()

    async def retire(self) -> None:
        """Take the report away: this worker is gone on purpose."""
        async with self._server.pipeline(transaction=False) as pipe:
            pipe.delete(keys.worker(self._id))
            pipe.zrem(keys.WORKERS, self._id)
            await pipe.execute()

    async def flush(self, tally: Tally, now_ms: int, is_known: Callable[[str], bool]) -> None:
        """Add the counters to the broker's.

        Args:
            is_known: whether a handler is there for a type; the others share one name in what is kept for ever.
        """
        counted, sums = tally.take(is_known)
        if not counted:
            return
        day = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%d")
        bucket = now_ms // (RATE_BUCKET_S * 1000)
        names: list[str] = []
        args: list[str | int] = []
        for queue, found in sums.items():
            of = keys.QueueKeys(queue)
            for name, life_s, counts in (
                (of.day(day), DAY_TTL_S, found.day),
                (of.rate(bucket), RATE_TTL_S, found.rate),
                (of.totals, 0, found.totals),
            ):
                names.append(name)
                args += (life_s, len(counts))
                for field, count in counts.items():
                    args += (field, count)
        try:
            await self._count(keys=names, args=args)
        except BaseException:
            tally.put_back(counted)
            raise
