"""The broker of a test: a real server, a clean key space, everything in it to look at, a link to break."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from jobctl.broker import keys
from jobctl.inspector.rows import ask_rows, take_rows
from jobctl.records import JobRecord, JobState
from jobctl.testing.clock import SteppedClock
from jobctl.testing.proxy import Proxy
from jobctl.testing.server import SharedServer

if TYPE_CHECKING:
    from datetime import datetime

    from redis import Redis

SCAN = 1_000  # keys a step


class HarnessBroker:
    """One test's view of a server. What was in it is forgotten; its clock stands still.

    Args:
        server: the server.
        start: where the clock stands at first; None = the machine's time.
    """

    def __init__(self, server: SharedServer, start: datetime | None = None) -> None:
        self.server = server
        self.redis: Redis = server.redis
        self.redis.flushall()
        self.clock = SteppedClock(self.redis, start)
        self._link: Proxy | None = None
        self._opened = ExitStack()

    @property
    def url(self) -> str:
        """Where clients and workers find it: directly, or through `link` once that has been asked for."""
        return self._link.url if self._link is not None else self.server.url

    @property
    def is_direct(self) -> bool:
        """Whether clients and workers find it directly."""
        return self._link is None

    @property
    def link(self) -> Proxy:
        """A link that can be cut, slowed, silenced: clients and workers made from now on go through it."""
        if self._link is None:
            self._link = self._opened.enter_context(Proxy(self.server.url))
        return self._link

    def close(self) -> None:
        """Give up the link, if there is one."""
        self._opened.close()

    def records(self, *states: JobState | str, job_type: str | None = None) -> list[JobRecord]:
        """Return all job records there are, oldest first: of these states, of this type."""
        wanted = {JobState(state) for state in states}
        found = [
            record
            for record in self._read(sorted(self._ids()))
            if (not wanted or record.state in wanted) and job_type in (None, record.type)
        ]
        return sorted(found, key=lambda record: (record.enqueued_ms, record.key))

    def record(self, key: str) -> JobRecord:
        """Return the record of one job.

        Raises:
            KeyError: there is none.
        """
        for record in self._read([job for job in self._ids() if keys.split_job_id(job)[1] == key]):
            return record
        raise KeyError(f"no job has the key {key!r}; there are {sorted(record.key for record in self.records())}")

    def unfinished(self) -> dict[str, int]:
        """Return what stands in the indexes of unfinished jobs, ``queue index`` -> count; empty after a drain."""
        sizes: dict[str, int] = {}
        for queue in sorted(self._queues()):
            of = keys.QueueKeys(queue)
            pipe = self.redis.pipeline(transaction=False)
            for index in (of.queued, of.active):
                pipe.llen(index)
            for index in (of.incomplete, of.leases):
                pipe.zcard(index)
            pipe.hlen(of.owners)
            names = ("queued", "active", "incomplete", "leases", "owners")
            sizes |= {f"{queue} {name}": size for name, size in zip(names, pipe.execute(), strict=True) if size}
        return sizes

    def next_due_ms(self) -> int | None:
        """Return when the next waiting job is due or the next lease ends, ms; None = nothing waits for the clock."""
        pipe = self.redis.pipeline(transaction=False)
        now_s = self.clock.time()
        for queue in self._queues():
            of = keys.QueueKeys(queue)
            pipe.zrange(of.incomplete, f"({now_s}", "+inf", byscore=True, offset=0, num=1, withscores=True)
            pipe.zrange(of.leases, 0, 0, withscores=True)
        answers = pipe.execute()
        due = [round(score * 1000) for _, score in (one for found in answers[::2] for one in found)]
        ends = [round(score) for _, score in (one for found in answers[1::2] for one in found)]
        return min((*due, *ends), default=None)

    def is_quiet(self, workers: Collection[str]) -> bool:
        """Whether nothing is due by the clock and none of these workers, named by id, holds a job.

        What is left waits: for its time, for its queue to be resumed, or for the lease of a lost worker to end.
        """
        now_s = self.clock.time()
        queues = [keys.QueueKeys(queue) for queue in sorted(self._queues())]
        pipe = self.redis.pipeline(transaction=False)
        for of in queues:
            pipe.exists(of.paused)
            pipe.llen(of.queued)
            pipe.zcount(of.incomplete, "(0", now_s)
            pipe.hvals(of.owners)
        answers = pipe.execute()
        for paused, queued, due, owners in (answers[n : n + 4] for n in range(0, len(answers), 4)):
            if not paused and (queued or due):
                return False
            if any(token.decode().partition(":")[0] in workers for token in owners):
                return False
        return True

    def is_watched(self, queues: Iterable[str]) -> bool:
        """Whether some worker has done its upkeep of these queues at the time that the clock shows."""
        told = self.redis.mget([keys.QueueKeys(queue).watched for queue in queues])
        return all(one is not None and int(one.split()[0]) >= self.clock.now_ms for one in told)  # type: ignore[union-attr]

    def held_by(self, workers: Collection[str]) -> list[JobRecord]:
        """Return the records of jobs whose leases these workers hold, by their ids."""
        ids: list[str] = []
        for queue in self._queues():
            owners: dict[bytes, bytes] = self.redis.hgetall(keys.QueueKeys(queue).owners)  # type: ignore[assignment]
            ids += [job.decode() for job, token in owners.items() if token.decode().partition(":")[0] in workers]
        return self._read(ids)

    def _queues(self) -> set[str]:
        return {name.decode() for name in self.redis.smembers(keys.QUEUES)}  # type: ignore[union-attr]

    def _ids(self) -> Iterator[str]:
        for name in self.redis.scan_iter(f"{keys.JOB_PREFIX}*", count=SCAN):
            yield name.decode()

    def _read(self, ids: Sequence[str]) -> list[JobRecord]:
        if not ids:
            return []
        pipe = self.redis.pipeline(transaction=False)
        ask_rows(pipe, ids)
        found = (row.record() for row in take_rows(ids, pipe.execute()))
        return [record for record in found if record is not None]
