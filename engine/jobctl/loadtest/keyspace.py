"""Where a load test runs: queues it has to itself, on a broker that holds no other jobs, left as it was found.

A queue that the broker does not know before the run is the run's own, and removed after it with all that belongs to
it. Of a queue that was there, only the jobs of the run are removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jobctl.broker import keys
from jobctl.broker.keys import QueueKeys
from jobctl.errors import JobctlError

if TYPE_CHECKING:
    from redis import Redis

LOCK_S = 30  # a run that says nothing for so long has died
SCAN_COUNT = 1000  # keys a round trip looks at
SCAN_ROUNDS = 200  # of a look for queues of other programs: 200,000 keys are enough to find a busy one
DELETE_BATCH = 500
INDEXES = ("queued", "active", "incomplete", "complete", "dead", "cancelled")
"""A job is in one of these, whatever its state."""


class BrokerInUse(JobctlError):
    """The broker holds jobs that are not this run's."""

    code = "loadtest.broker-in-use"
    exit_code = 2


@contextmanager
def reserved(server: Redis, queues: Sequence[str], *, run: str, is_shared: bool) -> Iterator[None]:
    """Have the broker for a load test for as long as the context lasts, then remove what it left there.

    Args:
        queues: those the run uses.
        run: its id.
        is_shared: whether other jobs may be there. Two load tests at once may not, in any case.

    Raises:
        BrokerInUse: another load test runs there, or other jobs are there and `is_shared` is False.
    """
    if not server.set(keys.LOADTEST, run, nx=True, ex=LOCK_S):
        raise BrokerInUse(
            "another load test runs on this broker",
            hint=f"wait for it, or give this one another database; a run that died frees the broker after {LOCK_S} s",
        )
    try:
        remove_queues(server, _names(server, keys.LOADTEST_QUEUES))  # a run that died left them
        held = held_jobs(server, queues)
        if held and not is_shared:
            total = sum(held.values())
            listed = ", ".join(f"{queue}: {count:,}" for queue, count in sorted(held.items())[:5])
            raise BrokerInUse(
                f"this broker holds {total:,} other job{'s' if total > 1 else ''} ({listed})",
                hint="give the load test a database of its own, as in REDIS_URL=redis://localhost:6379/9, "
                "or say `--jobctl-shared` if they may feel it",
            )
        known = _names(server, keys.QUEUES)
        if own := [queue for queue in queues if queue not in known and queue not in held]:
            server.sadd(keys.LOADTEST_QUEUES, *own)
        yield
        remove_queues(server, own)
    finally:
        if server.get(keys.LOADTEST) == run.encode():
            server.delete(keys.LOADTEST)


def keep_reserved(server: Redis, run: str) -> None:
    """Say that the run is alive: at least every `LOCK_S` seconds."""
    server.set(keys.LOADTEST, run, ex=LOCK_S)


def held_jobs(server: Redis, queues: Iterable[str]) -> dict[str, int]:
    """Return queue -> jobs in it, in any state, of all queues the broker knows; empty ones are left out."""
    names = {*queues, *_names(server, keys.QUEUES), *_queues_of_others(server)}
    held: dict[str, int] = {}
    for name in sorted(names):
        queue = QueueKeys(name)
        pipe = server.pipeline(transaction=False)
        for index in INDEXES:
            key = getattr(queue, index)
            pipe.llen(key) if index in ("queued", "active") else pipe.zcard(key)
        queued, active, incomplete, *ended = pipe.execute()
        if count := max(queued + active, incomplete) + sum(ended):
            held[name] = count
    return held


def remove_jobs(server: Redis, ids_by_queue: dict[str, list[str]]) -> None:
    """Remove ended jobs altogether: their records and what stands beside them."""
    pipe = server.pipeline(transaction=False)
    for name, ids in ids_by_queue.items():
        queue = QueueKeys(name)
        for at in range(0, len(ids), DELETE_BATCH):
            batch = ids[at : at + DELETE_BATCH]
            pipe.unlink(*batch)
            for index in (queue.complete, queue.expiry, queue.dead, queue.cancelled):
                pipe.zrem(index, *batch)
            for beside in (queue.crashes, queue.interruptions, queue.losses, queue.replays):
                pipe.hdel(beside, *batch)
    pipe.execute()


def remove_queues(server: Redis, queues: Iterable[str]) -> None:
    """Remove queues with all that belongs to them."""
    for name in queues:
        queue = QueueKeys(name)
        server.unlink(*queue.fixed())
        for pattern in queue.patterns():
            batch: list[bytes] = []
            for key in server.scan_iter(match=pattern, count=SCAN_COUNT):
                batch.append(key)
                if len(batch) == DELETE_BATCH:
                    server.unlink(*batch)
                    batch.clear()
            if batch:
                server.unlink(*batch)
        server.srem(keys.QUEUES, name)
        server.srem(keys.LOADTEST_QUEUES, name)


def _names(server: Redis, key: str) -> set[str]:
    members: Any = server.smembers(key)
    return {name.decode() for name in members}


def _queues_of_others(server: Redis) -> set[str]:
    """Return the queues that unfinished jobs of any program are in, as far as a bounded look finds them."""
    found: set[str] = set()
    cursor: Any = 0
    for _ in range(SCAN_ROUNDS):
        cursor, names = server.scan(cursor, match=keys.INCOMPLETE_OF_ANY, count=SCAN_COUNT)  # type: ignore[misc]
        found |= {name.decode().removeprefix("saq:").removesuffix(":incomplete") for name in names}
        if not cursor:
            break
    return found
