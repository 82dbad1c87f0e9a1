"""The cycle: one script call ends the runs that have finished and claims the next jobs over all queues by weight.

This is the hot path. It keeps one connection of its own and speaks to it without the client library's per-command
machinery, which would cost more than the script. `scripts/cycle.lua` documents the protocol.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from msgspec import msgpack
from redis import exceptions

from jobctl.broker.connect import connect
from jobctl.broker.keys import FAILURES, QueueKeys, credits_of
from jobctl.broker.scripts import source

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.connection import AbstractConnection

log = logging.getLogger(__name__)

LEASE_MS = 15_000  # a dead worker's jobs run again this much later; renewed every third of it
MAX_TOLD = 1_000
MAX_CLAIM = 500  # jobs a turn: bounds the time the script holds the server

EndOp = Literal["c", "d", "x", "r", "b", "p"]
ENDED_WIDTH = 8
BODY = 4  # its place among the values of an ended run


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


def _pack(told: list[Any]) -> list[bytes]:
    """Pack ended runs for the script, which reads MessagePack's text but not its bytes.

    A body that is no text (a foreign record) goes as an argument of its own, and its place holds how many arguments
    before the last it stands.
    """
    if not told:
        return [b""]
    apart: list[bytes] = []
    values = told
    for at in range(BODY, len(told), ENDED_WIDTH):
        if isinstance(told[at], bytes):
            if values is told:
                values = told.copy()
            apart.insert(0, told[at])
            values[at] = len(apart)
    return [*apart, msgpack.encode(values)]


def _readable(origins: list[int], ids: list[bytes | None], records: list[bytes]) -> list[tuple[int, str, bytes]]:
    """Return the claims whose ids are text. The others' leases end, and after some rounds the upkeep gives them up."""
    claims = []
    for origin, job_id, record in zip(origins, ids, records, strict=True):
        if job_id is None:
            continue
        try:
            claims.append((origin - 1, job_id.decode(), record))
        except UnicodeDecodeError:
            log.error("the id of a queued job is no text; it is left alone", extra={"id": repr(job_id)})
    return claims


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
        failure: str = "",
    ) -> None:
        """Add one ended run; see `scripts/cycle.lua` for what body and number mean to each op."""
        try:
            text: str | bytes = body.decode()
        except UnicodeDecodeError:
            text = body
        self.values += (queue, job_id, token, op, text, number, lock, failure)

    def __len__(self) -> int:
        return len(self.values) // ENDED_WIDTH

    def take(self, most: int) -> list[Any]:
        """Take the first runs out, at most so many; return their values."""
        taken = self.values[: most * ENDED_WIDTH]
        del self.values[: most * ENDED_WIDTH]
        return taken

    def put_back(self, values: list[Any]) -> None:
        """Put taken runs back before the others: the broker may not have them."""
        self.values[:0] = values


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
        self._turns = 0
        # A worker id may come back (a restarted container); a turn's token never does.
        self._salt = os.urandom(3).hex()
        self._sending = asyncio.Lock()
        self._last_answer: asyncio.Future[None] | None = None
        self._unanswered: set[str] = set()
        self._sha: str | None = None
        names: list[str] = []
        for of in self.keys:
            names += (
                *(of.queued, of.active, of.incomplete, of.leases, of.owners, of.complete, of.dead, of.cancelled),
                *(of.expiry, of.retrying, of.crashes, of.interruptions, of.losses, of.paused),
            )
        for of in self.keys:
            names += (of.poison, of.cancels)
        # Credits of the weights live with the broker: a turn may be sent before the last one has been answered.
        self._key_args = (len(names) + 2, *names, credits_of(worker_id), FAILURES)

    async def turn(self, ended: Ended, want: int, limits: Sequence[tuple[int, int]] | None = None) -> Turn:
        """End runs and claim jobs, at most `MAX_CLAIM`.

        May be called again before it has returned: calls are sent in their order, and answered in it.

        The ended runs that are told are taken out of ``ended``; after an error they are put back, to be told again
        (the script takes an exact repeat for the end itself).

        Args:
            ended: what has finished; at most `MAX_TOLD` are told in one turn.
            want: jobs to claim.
            limits: per queue ``(jobs wanted of it besides, most jobs of it)``; None = no such limits.

        Raises:
            redis.exceptions.RedisError: the connection broke or the server refused; nothing is lost.
        """
        self._turns += 1
        token = f"{self.worker_id}:{self._salt}:{self._turns:x}"
        want = min(want, MAX_CLAIM)
        told = ended.take(MAX_TOLD)
        args: list[Any] = [len(self.queues), want, self.lease_ms, token, self.fields, self._mode]
        left = MAX_CLAIM - want
        for queue, weight in enumerate(self.weights):
            own, most = (0, want) if limits is None else limits[queue]
            own = min(own, left)
            left -= own
            args += (weight, own, most)
        args += _pack(told)
        try:
            reply = await self._call(args, token if want or limits is not None else None)
        except BaseException:
            ended.put_back(told)
            raise
        ready, fenced, origins, ids, records, now_ms = reply
        try:
            claims = [
                (origin - 1, job_id.decode(), record)
                for origin, job_id, record in zip(origins, ids, records, strict=True)
                if job_id is not None
            ]
        except UnicodeDecodeError:
            claims = _readable(origins, ids, records)
        if len(claims) != len(ids) and (count := ids.count(None)):
            log.error("queued jobs had no record; moved aside", extra={"count": count})
        is_full = 0 < want <= len(ids) or len(ids) >= MAX_CLAIM
        return Turn(claims, token, ready, [position - 1 for position in fenced], now_ms, told, is_full)

    async def _call(self, args: list[Any], claim: str | None) -> Any:
        while True:
            try:
                return await self._call_once(args, claim)
            except exceptions.NoScriptError:
                self._sha = None  # a restarted or failed-over server has an empty script cache; nothing was done

    async def _call_once(self, args: list[Any], claim: str | None) -> Any:
        async with self._sending:
            if self._unanswered or self._connection is None or self._sha is None:
                await self._get_ready()
            connection = self._connection
            assert connection is not None  # noqa: S101 - `_get_ready` made it
            before, answered = self._last_answer, asyncio.get_running_loop().create_future()
            self._last_answer = answered
            try:
                packed = connection.pack_command("EVALSHA", self._sha, *self._key_args, *args)  # type: ignore[arg-type]
                await connection.send_packed_command(packed)
            except BaseException:
                # the broker may have got it all the same
                await self._fail(connection, answered, claim)
                raise
        try:
            if before is not None and not before.done():
                await asyncio.shield(before)
            answer = await connection.read_response()
        except exceptions.ReadOnlyError:
            # Demoted. The address may lead to the new primary by now, this connection never will (hazard B12).
            await self._fail(connection, answered, None)
            raise
        except exceptions.ResponseError:
            answered.set_result(None)
            raise
        except BaseException:
            # Cancelled or broken in the middle of a call: what the connection says next would answer somebody else.
            await self._fail(connection, answered, claim)
            raise
        answered.set_result(None)
        return answer

    async def _get_ready(self) -> None:
        """Connect and load the script, when all that was sent has been answered; undo claims that were not."""
        if self._last_answer is not None:
            await asyncio.shield(self._last_answer)
        while self._unanswered:
            token = next(iter(self._unanswered))
            await self._give_back(token)
            self._unanswered.discard(token)
        if self._connection is None:
            self._connection = await self._client.connection_pool.get_connection()  # type: ignore[no-untyped-call]
            self._sha = None
        if self._sha is None:
            connection = self._connection
            try:
                await connection.send_command("SCRIPT", "LOAD", source("cycle"))
                self._sha = (await connection.read_response()).decode()
            except BaseException:
                await self._drop(connection)
                raise

    async def _fail(self, connection: AbstractConnection, answered: asyncio.Future[None], claim: str | None) -> None:
        if claim is not None:
            self._unanswered.add(claim)
        if not answered.done():
            answered.set_result(None)
        await self._drop(connection)

    async def _give_back(self, token: str) -> None:
        """Undo a claim whose answer never came: its jobs are leased to us and we do not know which they are."""
        names: list[str] = []
        for of in self.keys:
            names += (of.queued, of.active, of.leases, of.owners)
        count = await self._client.eval(source("giveback"), len(names), *names, token)  # type: ignore[misc]
        if count:
            log.warning("handed back jobs of a claim whose answer was lost", extra={"count": count})

    async def _drop(self, connection: AbstractConnection) -> None:
        if self._connection is connection:
            self._connection = None
            await connection.disconnect(nowait=True)
            await self._client.connection_pool.release(connection)

    async def close(self) -> None:
        """Give the connection up, handing back a claim whose answer is outstanding."""
        try:
            while self._unanswered:
                token = next(iter(self._unanswered))
                await self._give_back(token)
                self._unanswered.discard(token)
        except exceptions.RedisError:
            log.warning("a claim whose answer was lost runs again when its lease ends")
        if self._connection is not None:
            await self._drop(self._connection)
        if self._owns_client:
            await self._client.aclose()
