"""The cycle: one script call ends the runs that have finished and claims the next jobs over all queues by weight.

This is the hot path. It keeps one connection of its own and speaks to it without the client library's per-command
machinery, which would cost more than the script. `scripts/cycle.lua` documents the protocol.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from redis import exceptions

from jobctl.broker.connect import connect
from jobctl.broker.keys import FAILURES, QueueKeys
from jobctl.broker.scripts import source

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.connection import AbstractConnection

log = logging.getLogger(__name__)

LEASE_MS = 15_000  # a dead worker's jobs run again this much later; renewed every third of it
MAX_CLAIM = 500  # jobs a turn: bounds the time the script holds the server

EndOp = Literal["c", "d", "x", "r", "b", "p"]
ENDED_WIDTH = 8


@dataclass(slots=True)
class Turn:
    """What one turn brought.

    Attributes:
        claims: ``(queue position, id, record)`` in the order to start them. The record is as it was before the
            claim: the marks of the claim (active, started, worker) are spliced on in Redis only.
        token: what proves that these deliveries are ours.
        ready: jobs left per queue; -1 = paused.
        fenced: positions of ended runs that were refused because another delivery owns the job.
        now_ms: the server's clock.
        told: the ended runs the broker now knows of, flat as in `Ended`.
        is_full: as many jobs came as were asked for: there may be more.
    """

    claims: list[tuple[int, str, bytes]]
    token: str
    ready: list[int]
    fenced: list[int]
    now_ms: int
    told: list[Any]
    is_full: bool


@dataclass(slots=True)
class Ended:
    """Ended runs waiting to be told to the broker, flat, ENDED_WIDTH values a run, as the script takes them."""

    values: list[Any] = field(default_factory=list)

    def add(
        self,
        queue: int,
        job_id: str,
        token: str,
        op: EndOp,
        body: bytes,
        number: int,
        lock: str = "",
        failure: bytes | str = "",
    ) -> None:
        """Add one ended run; see `scripts/cycle.lua` for what body and number mean to each op."""
        self.values += (queue, job_id, token, op, body, number, lock, failure)

    def __len__(self) -> int:
        return len(self.values) // ENDED_WIDTH

    def id_at(self, position: int) -> str:
        """Return the id of the ended run at a position (from 0)."""
        return str(self.values[position * ENDED_WIDTH + 1])

    def take(self, most: int) -> list[Any]:
        """Return the values of the first runs, at most so many."""
        return self.values[: most * ENDED_WIDTH]

    def drop(self, count: int) -> None:
        """Forget the first so many runs: the broker has them."""
        del self.values[: count * ENDED_WIDTH]


class Cycle:
    """The claims and ends of one worker over its weighted queues, on one connection.

    Args:
        url: the broker.
        weights: queue name -> weight, whole numbers >= 1; declaration order breaks ties.
        worker_id: no colon in it; the first part of every token.
        strict: serve by descending weight instead of in proportion.
    """

    def __init__(
        self,
        url: str,
        weights: dict[str, int],
        worker_id: str,
        *,
        strict: bool = False,
        lease_ms: int = LEASE_MS,
        client: Redis | None = None,
    ) -> None:
        self.queues = tuple(weights)
        self.weights = tuple(weights.values())
        self.worker_id = worker_id
        self.lease_ms = lease_ms
        self.keys = tuple(QueueKeys(name) for name in self.queues)
        self.fields = b',"status":"active","worker_id":"%b","started":' % worker_id.encode()
        self._client = client if client is not None else connect(url, max_connections=2)
        self._owns_client = client is None
        self._connection: AbstractConnection | None = None
        self._mode = "strict" if strict else "weighted"
        self._credits = [0] * len(self.queues)
        self._turns = 0
        # A worker id may come back (a restarted container); a turn's token never does.
        self._salt = os.urandom(3).hex()
        self._unanswered: str | None = None
        self._sha: str | None = None
        names: list[str] = []
        for of in self.keys:
            names += (
                *(of.queued, of.active, of.incomplete, of.leases, of.owners, of.complete, of.dead, of.cancelled),
                *(of.expiry, of.retrying, of.crashes, of.interruptions, of.losses, of.paused),
            )
        for of in self.keys:
            names += (of.poison, of.cancels)
        self._key_args = (len(names) + 1, *names, FAILURES)

    async def turn(self, ended: Ended, want: int, limits: Sequence[tuple[int, int]] | None = None) -> Turn:
        """End runs and claim jobs.

        The ended runs that were told are dropped from ``ended`` once the broker has answered; after an error they
        are all still there, to be told again (the script takes an exact repeat for the end itself).

        Args:
            ended: what has finished; at most 1,000 are told in one turn.
            want: jobs to claim, at most `MAX_CLAIM` in one turn.
            limits: per queue ``(jobs wanted of it besides, most jobs of it)``; None = no such limits.

        Raises:
            redis.exceptions.RedisError: the connection broke or the server refused; nothing is lost.
        """
        if self._unanswered is not None:
            await self._give_back(self._unanswered)
            self._unanswered = None
        self._turns += 1
        token = f"{self.worker_id}:{self._salt}:{self._turns:x}"
        want = min(want, MAX_CLAIM)
        told = ended.take(1_000)
        head: list[Any] = [len(self.queues), want, self.lease_ms, token, self.fields, self._mode]
        for queue, weight in enumerate(self.weights):
            own, most = (0, want) if limits is None else limits[queue]
            head += (weight, self._credits[queue], own, most)
        reply = await self._call(head, told, token if want or limits is not None else None)
        self._unanswered = None
        self._credits, ready, fenced, origins, ids, records, now_ms = reply
        ended.drop(len(told) // ENDED_WIDTH)
        claims = [
            (origin - 1, job_id.decode(), record)
            for origin, job_id, record in zip(origins, ids, records, strict=True)
            if job_id is not None
        ]
        if len(claims) != len(ids):
            log.error("queued jobs had no record; moved aside", extra={"count": len(ids) - len(claims)})
        return Turn(claims, token, ready, [position - 1 for position in fenced], now_ms, told, 0 < want <= len(ids))

    async def _call(self, head: list[Any], tail: list[Any], claim: str | None) -> Any:
        if self._connection is None:
            self._connection = await self._client.connection_pool.get_connection()  # type: ignore[no-untyped-call]
            self._sha = None
        connection = self._connection
        try:
            if self._sha is None:
                await connection.send_command("SCRIPT", "LOAD", source("cycle"))
                self._sha = (await connection.read_response()).decode()
            for command, script in (("EVALSHA", self._sha), ("EVAL", source("cycle"))):
                packed = connection.pack_command(command, script, *self._key_args, *head, *tail)  # type: ignore[arg-type]
                self._unanswered = claim  # from here on the broker may have done it
                await connection.send_packed_command(packed)
                try:
                    return await connection.read_response()
                except exceptions.NoScriptError:
                    continue  # a restarted or failed-over server has an empty script cache
        except exceptions.ReadOnlyError:
            # Demoted. The address may lead to the new primary by now, this connection never will (hazard B12).
            await self._drop_connection()
            raise
        except exceptions.ResponseError:
            raise
        except BaseException:
            # Cancelled or broken in the middle of a call: what the connection says next would answer somebody else.
            await self._drop_connection()
            raise
        raise exceptions.NoScriptError("the server forgot the script between two calls")

    async def _give_back(self, token: str) -> None:
        """Undo a claim whose answer never came: its jobs are leased to us and we do not know which they are."""
        names: list[str] = []
        for of in self.keys:
            names += (of.queued, of.active, of.leases, of.owners)
        count = await self._client.eval(source("giveback"), len(names), *names, token)  # type: ignore[misc]
        if count:
            log.warning("handed back jobs of a claim whose answer was lost", extra={"count": count})

    async def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)
            await self._client.connection_pool.release(connection)

    async def close(self) -> None:
        """Give the connection up, handing back a claim whose answer is outstanding."""
        if self._unanswered is not None:
            try:
                await self._give_back(self._unanswered)
                self._unanswered = None
            except exceptions.RedisError:
                log.warning("a claim whose answer was lost runs again when its lease ends")
        await self._drop_connection()
        if self._owns_client:
            await self._client.aclose()
