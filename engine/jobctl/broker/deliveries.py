"""Deliveries: jobs claimed through SAQ's `dequeue`, whose callers know neither leases nor tokens.

They are claimed with a lease and a token, as our worker's are, and the leases renewed for as long as the process lives
and the caller's worker reports. The renewal runs on the event loop: a caller that blocks it for longer than a lease
loses its jobs to others (our own worker renews from a thread).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis import exceptions
from saq.utils import now as caller_ms

from jobctl.broker.cycle import LEASE_MS
from jobctl.broker.keys import QueueKeys
from jobctl.broker.scripts import Script

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = logging.getLogger(__name__)

PEEK_S = 5.0
SILENT_S = 30.0  # a worker that has reported before and not for so long is taken for dead
STALE = "stale"  # a token that owns nothing


@dataclass(slots=True)
class Held:
    """A delivery's token, and the worker that runs it once it has said so."""

    token: str
    worker_id: str | None = None


class Deliveries:
    """What one `JobQueue` has claimed for its callers.

    One of them claims or waits at a time, whatever their number: two connections, not one each (hazard B14).
    """

    def __init__(self, redis: Redis, of: QueueKeys, *, lease_ms: int = LEASE_MS) -> None:
        self._redis = redis
        self._of = of
        self._lease_ms = lease_ms
        self._claim = Script(redis, "claim")
        self._give_back = Script(redis, "giveback")
        self._renew = Script(redis, "renew")
        # the first part of every token; `scripts/sweep.lua` tells deliveries like these by it
        self._name = f"dequeue-{secrets.token_hex(4)}"
        self._claims = 0
        self._held: dict[str, Held] = {}
        self._heard_at: dict[str, float] = {}
        self._waiting = asyncio.Lock()
        self._background: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()
        self._renewal: asyncio.Task[None] | None = None
        self._away_since: float | None = None
        limit_s = redis.connection_pool.connection_kwargs.get("socket_timeout")
        self._peek_s = PEEK_S if limit_s is None else min(PEEK_S, limit_s / 2)

    async def claim(self, timeout_s: float) -> tuple[str, str, bytes] | None:
        """Claim the next job; None after so many seconds (0 = wait for ever).

        Returns:
            ``(id, token, record)``, the record as it was before the claim.

        Raises:
            redis.exceptions.RedisError: the time is over and the broker cannot be used.
        """
        until = time.monotonic() + timeout_s if timeout_s else float("inf")
        try:
            async with asyncio.timeout(timeout_s or None):
                await self._waiting.acquire()
        except TimeoutError:
            return None
        try:
            return await self._claim_until(until)
        finally:
            self._waiting.release()

    async def _claim_until(self, until: float) -> tuple[str, str, bytes] | None:
        of = self._of
        while True:
            try:
                answer = await self._claim_one()
                self._note_answer()
                if isinstance(answer, tuple):
                    return answer
                left_s = min(until - time.monotonic(), self._peek_s)
                if left_s <= 0:
                    return None
                if answer == "paused":
                    await asyncio.sleep(min(left_s, 1.0))
                else:
                    await self._redis.blmove(of.queued, of.queued, max(left_s, 0.01), "LEFT", "LEFT")  # type: ignore[arg-type]
            except (exceptions.RedisError, OSError) as error:
                if time.monotonic() >= until:
                    raise
                await self._back_off(error, until)

    async def _claim_one(self) -> tuple[str, str, bytes] | str:
        """Return a job, or why there is none."""
        of = self._of
        self._claims += 1
        token = f"{self._name}:{self._claims:x}"
        names = [of.queued, of.active, of.incomplete, of.leases, of.owners, of.poison, of.paused]
        work = asyncio.ensure_future(self._claim(names, [token, self._lease_ms, caller_ms(), of.name]))
        try:
            answer = await asyncio.shield(work)
        except asyncio.CancelledError:
            self._start(self._return(work, token))
            raise
        if answer == b"paused":
            return "paused"
        if not answer:
            return "empty"
        job_id, record = answer[0].decode(), answer[1]
        self._held[job_id] = Held(token)
        self._keep_renewing()
        return job_id, token, record

    async def _return(self, work: asyncio.Future[Any], token: str) -> None:
        """Hand back what a cancelled call of `claim` still brings (hazards B3, C16)."""
        of = self._of
        with contextlib.suppress(exceptions.RedisError, OSError):
            if await work:
                await self._give_back([of.queued, of.active, of.leases, of.owners], [token])

    def token(self, job_id: str, worker_id: str | None) -> str:
        """Return the token of a delivery, "" if it was not claimed here, one that owns nothing if it is another's."""
        held = self._held.get(job_id)
        if held is None:
            return ""
        if worker_id and held.worker_id and worker_id != held.worker_id:
            return STALE
        return held.token

    def started(self, job_id: str, worker_id: str | None) -> None:
        """Note the worker that runs a delivery."""
        held = self._held.get(job_id)
        if held is not None and worker_id:
            held.worker_id = worker_id

    def ended(self, job_id: str, token: str) -> None:
        """Forget a delivery."""
        held = self._held.get(job_id)
        if held is not None and held.token == token:
            del self._held[job_id]

    def heard_of(self, worker_id: str) -> None:
        """Note that a worker has reported."""
        self._heard_at[worker_id] = time.monotonic()

    def _lives(self, held: Held) -> bool:
        # behind a proxy the process that claims is not the one that runs the job
        heard_at = self._heard_at.get(held.worker_id or "")
        return heard_at is None or time.monotonic() - heard_at < SILENT_S

    def _keep_renewing(self) -> None:
        if self._renewal is None or self._renewal.done():
            self._closing.clear()
            self._renewal = self._start(self._keep())

    async def _keep(self) -> None:
        while not await self._is_closing(self._lease_ms / 3000):
            args: list[str | int] = [self._lease_ms]
            for job_id, held in self._held.items():
                if self._lives(held):
                    args += (0, job_id, held.token)
            if len(args) == 1:
                continue
            sent = dict(zip(args[2::3], args[3::3], strict=True))
            try:
                lost = await self._renew([self._of.leases, self._of.owners], args)
            except (exceptions.RedisError, OSError) as error:
                log.debug("leases cannot be renewed", extra={"error": str(error)})
                continue
            for job_id in map(bytes.decode, lost):
                log.warning("a job's lease was lost to another delivery", extra={"id": job_id})
                self.ended(job_id, str(sent[job_id]))

    async def _is_closing(self, wait_s: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._closing.wait()
        return self._closing.is_set()

    async def _back_off(self, error: Exception, until: float) -> None:
        """Pause before the next try: SAQ's worker would ask again at once, for ever (hazard B6)."""
        now_at = time.monotonic()
        if self._away_since is None:
            self._away_since = now_at
            log.error("the broker cannot be used; trying again", extra={"error": str(error), "queue": self._of.name})
        if isinstance(error, exceptions.ReadOnlyError):
            await self._redis.connection_pool.disconnect()  # demoted: its name may lead to the new primary by now
        pause_s = min(0.05 * 2 ** min(now_at - self._away_since, 6), 3.0) * (0.5 + random.random())
        await asyncio.sleep(max(min(pause_s, until - now_at), 0.0))

    def _note_answer(self) -> None:
        if self._away_since is not None:
            log.info("the broker is back", extra={"away_s": round(time.monotonic() - self._away_since)})
            self._away_since = None

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def close(self) -> None:
        """Stop renewing, hand back what came too late. It may be used again."""
        self._closing.set()
        if self._background:
            await asyncio.wait(self._background)
