"""The feed: one turn after another, two of them under way at a time.

A turn ends what has finished and claims what is next (`jobctl.broker.cycle`). While the broker works on one, the jobs
claimed ahead run and the next turn is put together and sent, so that neither side waits for the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Sequence

from redis import exceptions

from jobctl.broker.cycle import Cycle, Turn
from jobctl.durations import format_duration
from jobctl.errors import BrokerUnreachable
from jobctl.worker.execution import Execution
from jobctl.worker.waiting import Peek

log = logging.getLogger(__name__)

LANES = 2  # turns under way at once; a third brings nothing, the broker is never idle with two
WORTH_A_TURN = 50  # ended jobs that are worth a second turn beside the first, whatever the concurrency
STOPPING_PAUSE_S = 0.2


class Feed:
    """Feeds an execution from a cycle.

    Args:
        cycle: the broker's side.
        execution: runs what is claimed and keeps what has ended.
        wake: set when there may be something to do.
        stopping: set when no more jobs shall be claimed.
        peeks: one per queue, armed while there is nothing to claim.
        expect: told in how many seconds a retry of ours becomes due.
        burst: set ``stopping`` when nothing is due and nothing runs.
        patience_s: seconds without the broker after which ``exit_code`` is set and the worker stops.

    Attributes:
        ready: what the latest turn saw, see `jobctl.broker.cycle.Turn`.
    """

    def __init__(
        self,
        cycle: Cycle,
        execution: Execution,
        wake: asyncio.Event,
        stopping: asyncio.Event,
        peeks: Sequence[Peek],
        *,
        expect: Callable[[float], None],
        burst: bool,
        patience_s: float,
    ) -> None:
        self.exit_code = 0
        self.ready: Sequence[int] = ()
        self._cycle = cycle
        self._execution = execution
        self._wake = wake
        self._stopping = stopping
        self._peeks = peeks
        self._expect = expect
        self._burst = burst
        self._patience_s = patience_s
        self._under_way = 0
        self._is_called = False  # woken while a turn was under way that may have been sent too early to know of it
        self._away_since: float | None = None

    async def run(self) -> None:
        """Take turns until stopping. The hot path."""
        self._wake.set()
        async with asyncio.TaskGroup() as group:
            for _ in range(LANES):
                group.create_task(self._lane())

    async def _lane(self) -> None:
        execution, wake = self._execution, self._wake
        while True:
            await wake.wait()
            if not wake.is_set():
                continue  # the other lane, woken by the same call, sees to it
            wake.clear()
            # Let everything that ends in this round of the loop share the turn.
            await asyncio.sleep(0)
            if self._stopping.is_set():
                wake.set()  # for the other lane
                return
            if self._under_way and not self._is_worth_a_turn():
                self._is_called = True
                continue  # the turn that is under way wakes us when it is back
            # Also with nothing to tell and no slot free: the turn is how a broker that went away is noticed.
            self._use(await self.turn(*execution.allowance()))

    def _is_worth_a_turn(self) -> bool:
        execution = self._execution
        if self._under_way >= LANES or execution.has_limits:
            return False
        return 2 * len(execution.ended) >= min(execution.concurrency, WORTH_A_TURN) and self._away_since is None

    def _use(self, turn: Turn | None) -> None:
        execution, wake = self._execution, self._wake
        is_called, self._is_called = self._is_called, False
        if turn is None:
            wake.set()
            return
        self.ready = turn.ready
        if self._stopping.is_set():
            execution.decline(turn)  # claimed by a turn that was under way
        else:
            execution.accept(turn)
        if is_called or execution.ended.values or turn.is_full:
            wake.set()
        elif not self._under_way and execution.free > 0:
            if self._burst and execution.is_idle and not turn.claims:
                self._stopping.set()
                wake.set()
            for peek, left in zip(self._peeks, turn.ready, strict=True):
                if left == 0:
                    peek.arm()
        if execution.next_retry_s is not None:
            self._expect(execution.next_retry_s)
            execution.next_retry_s = None

    async def turn(self, want: int, limits: list[tuple[int, int]] | None = None) -> Turn | None:
        """Take one turn; None when the broker is away, after a pause."""
        execution = self._execution
        self._under_way += 1
        execution.asked += want
        try:
            turn = await self._cycle.turn(execution.ended, want, limits)
        except (exceptions.RedisError, OSError) as error:
            await self._wait_for_broker(error)
            return None
        finally:
            self._under_way -= 1
            execution.asked -= want
        if self._away_since is not None:
            log.info("the broker is back", extra={"away": format_duration(round(time.monotonic() - self._away_since))})
            self._away_since = None
        if turn.told:
            execution.told(turn)
        return turn

    async def _wait_for_broker(self, error: Exception) -> None:
        now_at = time.monotonic()
        if self._away_since is None:
            self._away_since = now_at
            log.error(
                "the broker cannot be used; trying again",
                extra={"error": str(error).splitlines()[0] if str(error) else type(error).__name__},
            )
        away_s = now_at - self._away_since
        stopping = self._stopping.is_set()
        if away_s > self._patience_s and not stopping:
            log.error("giving up on the broker", extra={"away": format_duration(round(away_s))})
            self.exit_code = BrokerUnreachable.exit_code
            self._stopping.set()
            return
        # Backoff with jitter: all workers of a fleet lose the broker in the same instant.
        pause_s = min(0.05 * 2 ** min(away_s, 6), 3.0) * (0.5 + random.random())
        if stopping:
            await asyncio.sleep(min(pause_s, STOPPING_PAUSE_S))
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._stopping.wait()

    async def tell_until_cancelled(self) -> None:
        """Tell the broker of what ends, and claim nothing."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._execution.ended.values and await self.turn(0) is None:
                self._wake.set()

    async def flush(self) -> None:
        """Tell the broker of everything that has ended, however often it takes."""
        while self._execution.ended.values:
            await self.turn(0)
