"""The fleet: which workers there are, what they hold, and telling them to be quiet, to serve again, or to stop.

An order is left in the broker and announced; the worker reads it with its next upkeep, at once where it hears the
announcement and within a second where it does not.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobctl.broker import keys
from jobctl.broker.connect import translate_errors
from jobctl.broker.server_clock import ask_time
from jobctl.errors import UnknownWorker, UsageError
from jobctl.inspector import audit
from jobctl.inspector.survey import survey
from jobctl.names import did_you_mean
from jobctl.worker.orders import Order

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from jobctl.compiler.plan import Plan
    from jobctl.inspector.status import WorkerStatus

ORDER_LIFE_S = 3600  # for a worker that cannot reach the broker just now
LOOK_S = 0.1
SHORTEST_PREFIX = 4
NOTED_SINGLY = 10  # workers; an order to more of them is one entry of the audit log

ACTIONS = {
    Order.QUIET: audit.Action.WORKER_QUIET,
    Order.SERVE: audit.Action.WORKER_RESUME,
    Order.STOP: audit.Action.WORKER_STOP,
    Order.STOP_NOW: audit.Action.WORKER_STOP,
}
STATES = {
    Order.QUIET: ("quiet", "stopping", "stopped"),
    Order.SERVE: ("running",),
    Order.STOP: ("stopping", "stopped"),
    Order.STOP_NOW: ("stopping", "stopped"),
}
"""What a worker may report once it has obeyed; `stopped`: it reports no more."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What workers report after an order: id -> state, and whether all of them have obeyed."""

    states: Mapping[str, str]
    is_done: bool


class Fleet:
    """Looks at workers and tells them what to do.

    All methods raise `BrokerUnreachable` when no broker answers.

    Args:
        redis: an asyncio client that answers bytes.
        plan: as for `Inspector`.
        actor: whom the audit log names; None = `jobctl.inspector.audit.default_actor`.
    """

    def __init__(self, redis: Redis, plan: Plan | None = None, *, actor: str | None = None) -> None:
        self._redis = redis
        self._plan = plan
        self._actor = actor

    async def workers(self) -> list[WorkerStatus]:
        """Return the workers that reported themselves in the last 20 s, the longest running first."""
        with translate_errors():
            return list((await survey(self._redis, self._plan, workers=True)).workers)

    async def find(self, names: Sequence[str]) -> list[WorkerStatus]:
        """Return the workers that names stand for, each once.

        Args:
            names: ids, beginnings of ids (4 characters or more), hosts (all workers there), or ``host:pid``.

        Raises:
            UnknownWorker: a name stands for none.
            UsageError: the beginning of an id is that of several.
        """
        workers = await self.workers()
        found = [worker for name in names for worker in choose(name, workers)]
        return list({worker.id: worker for worker in found}.values())

    async def leases(self, workers: Sequence[WorkerStatus]) -> dict[tuple[str, str], int | None]:
        """Return how long the leases of their running jobs last, ``(queue, key) -> ms``; None = there is none.

        One round trip. A job that has just ended, or just begun, has none.
        """
        running = [(job.queue, job.key) for worker in workers for job in worker.running]
        with translate_errors():
            pipe = self._redis.pipeline(transaction=False)
            for queue, key in running:
                pipe.zscore(keys.QueueKeys(queue).leases, keys.job_id(queue, key))
            now_s, now_us = await ask_time(self._redis)
            scores = await pipe.execute() if running else []
        now_ms = now_s * 1000 + now_us // 1000
        return {
            place: None if score is None else max(round(score) - now_ms, 0)
            for place, score in zip(running, scores, strict=True)
        }

    async def tell(self, workers: Sequence[WorkerStatus], order: Order) -> None:
        """Leave an order for each of these workers, and announce it."""
        with translate_errors():
            now_s, now_us = await ask_time(self._redis)
            pipe = self._redis.pipeline(transaction=False)
            for worker in workers:
                text = f"{now_s * 1000 + now_us // 1000} {secrets.token_hex(4)} {order}"
                pipe.set(keys.order_for(worker.id), text, ex=ORDER_LIFE_S)
            pipe.publish(keys.WAKE, "")
            await pipe.execute()
        await self._note(workers, order)

    async def _note(self, workers: Sequence[WorkerStatus], order: Order) -> None:
        """Note an order: each worker for itself, many in one entry."""
        now = True if order is Order.STOP_NOW else None
        if len(workers) > NOTED_SINGLY:
            ids = ", ".join(worker.id for worker in workers)
            await audit.record(
                self._redis,
                ACTIONS[order],
                target=f"{len(workers)} workers",
                count=len(workers),
                actor=self._actor,
                detail={"ids": ids, "now": now},
            )
            return
        for worker in workers:
            detail = {"host": worker.host, "pid": worker.pid, "now": now}
            await audit.record(self._redis, ACTIONS[order], target=worker.id, count=1, actor=self._actor, detail=detail)

    async def settle(
        self, workers: Sequence[WorkerStatus], order: Order, *, ended: bool = False, timeout_s: float
    ) -> Settled:
        """Wait until each of these workers reports that it has obeyed.

        Args:
            workers: that were told.
            order: what.
            ended: wait until their running jobs have ended too: quiet and idle, or gone.
            timeout_s: how long.
        """
        until = time.monotonic() + timeout_s
        wanted = ("stopped",) if ended and order in (Order.STOP, Order.STOP_NOW) else STATES[order]
        while True:
            now = {worker.id: worker for worker in await self.workers()}
            states = {worker.id: now[worker.id].state if worker.id in now else "stopped" for worker in workers}
            is_done = all(
                state in wanted and not (ended and one in now and now[one].active) for one, state in states.items()
            )
            if is_done or time.monotonic() >= until:
                return Settled(states, is_done)
            await asyncio.sleep(LOOK_S)


def choose(name: str, workers: Sequence[WorkerStatus]) -> list[WorkerStatus]:
    """Return the workers a name stands for; see `Fleet.find`. Pure.

    Raises:
        UnknownWorker, UsageError: as `Fleet.find`.
    """
    exact = [one for one in workers if name in (one.id, one.host, f"{one.host}:{one.pid}")]
    if exact:
        return exact
    begins = [one for one in workers if len(name) >= SHORTEST_PREFIX and one.id.startswith(name)]
    if len(begins) > 1:
        ids = " or ".join(f"`{one.id}`" for one in begins)
        raise UsageError(f"`{name}` begins the ids of {len(begins)} workers", code="worker.ambiguous", hint=ids)
    if not begins:
        known = [*(one.id for one in workers), *(one.host for one in workers)]
        hint = did_you_mean(name, known) or "`jobctl workers list` shows them"
        raise UnknownWorker(f"no worker `{name}` reports itself", hint=hint)
    return begins
