"""The upkeep script: recovers what dead workers held, queues what is due, forgets what is past its retention."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobctl.broker.keys import FAILURES, QueueKeys, order_for
from jobctl.broker.record import encode
from jobctl.broker.scripts import source
from jobctl.compiler.plan import Registration
from jobctl.spec.model import DEFAULT_DEAD_RETENTION_S, DEFAULT_MAX_CRASHES

if TYPE_CHECKING:
    from redis.asyncio import Redis

DEAD_CAP = 10_000  # per queue, as Asynq has it; the oldest go first


@dataclass(frozen=True, slots=True)
class Recovered:
    """A job whose worker was lost: handed out again (``lost``) or given up (``dead``)."""

    id: str
    type: str
    outcome: str
    worker: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What one upkeep found. Times are ms on the server's clock; ``next_due_ms`` 0 = nothing is scheduled.

    ``order`` is what an operator told the worker last, "" = nothing.
    """

    now_ms: int
    next_due_ms: int
    recovered: tuple[Recovered, ...]
    paused: tuple[bool, ...]
    order: str = ""


class Upkeep:
    """The upkeep script of a set of queues.

    Args:
        registrations: jobs whose crash limit or retention may differ from the defaults.
        promote: queue what has become due; False leaves that to somebody who goes by another clock.
        respite_ms: after a time in which nobody did any upkeep (the broker was away, the host slept), the leases that
            have ended live on for so long: their workers may be alive and about to renew them. 0 = no respite.
        worker_id: whose orders to bring along; "" = nobody's.
    """

    def __init__(
        self,
        server: Redis,
        queues: Sequence[QueueKeys],
        registrations: Iterable[Registration] = (),
        *,
        promote: bool = True,
        respite_ms: int = 0,
        worker_id: str = "",
    ) -> None:
        limits = {
            job.type: [job.max_crashes, int(job.dead_retention_s)]
            for job in registrations
            if (job.max_crashes, job.dead_retention_s) != (DEFAULT_MAX_CRASHES, DEFAULT_DEAD_RETENTION_S)
        }
        self._script = server.register_script(source("upkeep"))
        self._names: list[str] = []
        for of in queues:
            self._names += (
                *(of.queued, of.active, of.incomplete, of.leases, of.crashes, of.complete, of.dead, of.cancelled),
                *(of.expiry, of.retrying, of.losses, of.replayed, of.sweep, of.owners),
            )
        for of in queues:
            self._names += (of.cancels, of.interruptions, of.replays, of.paused, of.watched)
        self._names.append(FAILURES)
        if worker_id:
            self._names.append(order_for(worker_id))
        self._args: list[Any] = [
            *(len(queues), DEFAULT_MAX_CRASHES, int(DEFAULT_DEAD_RETENTION_S), DEAD_CAP, encode(limits)),
            *(int(promote), respite_ms),
            *(of.name for of in queues),
        ]

    async def tick(self) -> Findings:
        """Recover, promote and forget once.

        Raises:
            redis.exceptions.RedisError: the broker did not take it.
        """
        now_ms, next_due_ms, flat, paused, order = await self._script(keys=self._names, args=self._args)
        texts = [text.decode(errors="replace") for text in flat]  # a broken record must not end recovery (hazard C18)
        recovered = tuple(Recovered(*texts[i : i + 4]) for i in range(0, len(texts), 4))
        return Findings(now_ms, next_due_ms, recovered, tuple(bool(flag) for flag in paused), order.decode())
