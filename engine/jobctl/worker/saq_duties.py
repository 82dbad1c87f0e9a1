"""What a worker does so that stock SAQ gets on beside it.

It looks after the jobs of SAQ's workers, whose own sweep is switched off, stops what SAQ has aborted, and reports to
SAQ's web page and `saq --check`.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jobctl
from jobctl.broker.keys import QueueKeys, abort_mark
from jobctl.broker.record import encode
from jobctl.broker.scripts import Script
from jobctl.broker.sweep import Sweep
from jobctl.worker.execution import Execution
from jobctl.worker.run import Cause, Run

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from saq.types import WorkerInfo

log = logging.getLogger(__name__)

SWEEP_S = 10.0
INFO_S = 10.0
INFO_SPARE_S = 5.0  # a report outlives its period by this: one late upkeep must not make a worker vanish


class SaqDuties:
    """Ticks beside the worker's upkeep.

    Args:
        server: the broker.
        queues: what the worker serves.
        poke: called when the upkeep has something to do at once.
        metadata: what SAQ's page shows of the worker.
        message: the error of a stuck job that was stopped.
        sweep_s, info_s: seconds between sweeps and between reports.
    """

    def __init__(
        self,
        server: Redis,
        worker_id: str,
        queues: Sequence[QueueKeys],
        execution: Execution,
        *,
        poke: Callable[[], None],
        metadata: dict[str, Any] | None = None,
        message: str = "swept",
        sweep_s: float = SWEEP_S,
        info_s: float = INFO_S,
    ) -> None:
        self._server = server
        self._queues = queues
        self._execution = execution
        self._poke = poke
        self._sweeps = [Sweep(server, of, message) for of in queues]
        self._sweep_s, self._info_s = sweep_s, info_s
        self._swept_at = self._told_at = float("-inf")
        self._script = Script(server, "worker_info")
        self._names = [name for of in queues for name in (of.worker_info(worker_id), of.stats)]
        own = {"host": socket.gethostname(), "pid": os.getpid(), "jobctl": jobctl.__version__}
        self._metadata = own if metadata is None else metadata
        self._began_at = time.monotonic()

    async def tick(self) -> None:
        """Do what is due.

        Raises:
            redis.exceptions.RedisError: the broker did not take it.
        """
        await self._apply_aborts()
        now_at = time.monotonic()
        if now_at - self._swept_at >= self._sweep_s:
            self._swept_at = now_at
            await self._sweep()
        if now_at - self._told_at >= self._info_s:
            self._told_at = now_at
            await self.tell()

    async def tell(self, life_s: float | None = None) -> WorkerInfo:
        """Report the worker in each of its queues; return the report in the first.

        Args:
            life_s: seconds the reports live.
        """
        life_s = self._info_s + INFO_SPARE_S if life_s is None else life_s
        infos = [self._info(of.name) for of in self._queues]
        await self._script(self._names, [max(round(life_s), 1), *map(encode, infos)])
        return infos[0]

    async def retire(self) -> None:
        """Take the reports away: this worker is gone on purpose."""
        await self._script(self._names, [0])

    def _info(self, queue: str) -> WorkerInfo:
        ends = self._execution.tally.ends
        return {
            "stats": {
                "complete": ends[queue, "complete"],
                "failed": ends[queue, "dead"],
                "retried": ends[queue, "retry"] + ends[queue, "interrupted"],
                "aborted": ends[queue, "cancelled"],
                "uptime": int((time.monotonic() - self._began_at) * 1000),
            },
            "queue_key": queue,
            "metadata": self._metadata,
        }

    async def _sweep(self) -> None:
        lost = False
        for sweep, of in zip(self._sweeps, self._queues, strict=True):
            for job_id, done in (await sweep.tick()).items():
                log.warning(
                    "a job of another worker was dealt with", extra={"id": job_id, "queue": of.name, "by": done}
                )
                lost = lost or done == "lost"
        if lost:
            self._poke()

    async def _apply_aborts(self) -> None:
        """Stop running jobs that someone has cancelled: through jobctl, or through SAQ's own abort."""
        by_queue: defaultdict[int, list[Run]] = defaultdict(list)
        for run in self._execution.running.values():
            by_queue[run.queue].append(run)
        if not by_queue:
            return
        async with self._server.pipeline(transaction=False) as pipe:
            for queue, runs in by_queue.items():
                ids = [run.id for run in runs]
                pipe.hmget(self._queues[queue].cancels, ids)
                pipe.zmscore(self._queues[queue].incomplete, ids)
            answers = await pipe.execute()
        for position, runs in enumerate(by_queue.values()):
            for run, reason, score in zip(runs, answers[2 * position], answers[2 * position + 1], strict=True):
                if reason is not None:
                    self._execution.cancel(run.id, Cause.CANCEL, reason.decode(errors="replace"))
                elif score is None:  # SAQ's abort takes a job out of the unfinished, our own leaves a reason
                    self._execution.cancel(run.id, Cause.CANCEL, await self._reason(run))

    async def _reason(self, run: Run) -> str:
        mark: bytes | None = await self._server.get(abort_mark(run.wire.key))
        return mark.decode(errors="replace") if mark else "aborted"
