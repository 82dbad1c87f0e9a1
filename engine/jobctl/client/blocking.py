"""The blocking client: what `Client` does, for programs without an event loop. It starts no threads.

It is safe under gevent (plain sockets only) and with threads (redis-py gives each call its own connection).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from jobctl.broker import keys
from jobctl.broker.connect import connect_blocking, require_bytes, translate_errors
from jobctl.broker.scripts import source
from jobctl.client.batch import SCRIPTS, Batch
from jobctl.client.jobs import Enqueued, NewJob
from jobctl.client.options import Duration, seconds
from jobctl.client.prepare import Preparer
from jobctl.client.watch import POLL_S, Watch
from jobctl.clock import Clock
from jobctl.compiler.plan import Plan
from jobctl.errors import DuplicateJob, UsageError
from jobctl.inspector.locate import candidates, choose, is_full_id, known_queues
from jobctl.inspector.rows import Row, ask_rows, take_rows
from jobctl.records import JobRecord

if TYPE_CHECKING:
    from redis import Redis

    from jobctl.inspector import JobFilter


class BlockingClient:
    """Enqueues jobs of a plan and waits for them. Use it as a context manager, or call `close`.

    Args:
        plan: the compiled spec.
        url: the broker, such as ``redis://localhost:6379/0``.
        redis: a blocking Redis client of your own instead, without ``decode_responses``; it is not closed.
        clock: for the due times that `Enqueued` reports.
    """

    def __init__(
        self, plan: Plan, url: str | None = None, *, redis: Redis | None = None, clock: Clock | None = None
    ) -> None:
        if (url is None) == (redis is None):
            raise UsageError("a client needs a url or a redis client, and not both")
        if redis is not None:
            require_bytes(redis)
        self._url = url
        self._redis = redis if redis is not None else connect_blocking(url or "")
        self._preparer = Preparer(plan, clock)
        self._scripts = {name: self._redis.register_script(source(name)) for name in SCRIPTS}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections this client has made itself."""
        if self._url is not None:
            self._redis.close()

    def enqueue(
        self,
        job: str,
        payload: Mapping[str, Any] | None = None,
        /,
        *,
        queue: str | None = None,
        delay: Duration | None = None,
        at: datetime | None = None,
        retries: int | None = None,
        timeout: Duration | None = None,
        retention: Duration | None = None,
        key: str | None = None,
        unique: bool = True,
        tags: Sequence[str] = (),
        **fields: Any,
    ) -> Enqueued:
        """Enqueue one job; as `Client.enqueue`."""
        new = NewJob(
            job,
            {**(payload or {}), **fields},
            queue=queue,
            delay=delay,
            at=at,
            retries=retries,
            timeout=timeout,
            retention=retention,
            key=key,
            unique=unique,
            tags=tags,
        )
        (answer,) = self._send(Batch([self._preparer.prepare(new)]))
        if isinstance(answer, DuplicateJob):
            raise answer
        return answer

    def enqueue_many(self, jobs: Iterable[NewJob]) -> list[Enqueued | DuplicateJob]:
        """Enqueue many jobs, 500 in a round trip; as `Client.enqueue_many`."""
        return [answer for batch in self.enqueue_stream(jobs) for answer in batch]

    def enqueue_stream(self, jobs: Iterable[NewJob]) -> Iterator[list[Enqueued | DuplicateJob]]:
        """Enqueue any number of jobs, and yield after each batch what became of it; as `Client.enqueue_stream`."""
        for batch in self._preparer.batches(jobs):
            yield self._send(batch)

    def wait(self, job: Enqueued | str, *, timeout: Duration | None = None) -> JobRecord:
        """Wait until a job has ended, whichever way, and return its final record; as `Client.wait`."""
        timeout_s = None if timeout is None else seconds("timeout", timeout)
        began_at = time.monotonic()
        with translate_errors(self._url):
            watch = Watch(job.id if isinstance(job, Enqueued) else self._locate(job))
            told: bytes | None = None
            # Subscribe, then read, then listen: an end between the read and the subscription would go unheard.
            with self._redis.pubsub() as subscription:  # type: ignore[no-untyped-call]
                subscription.subscribe(watch.job)
                while True:
                    left_s = POLL_S if timeout_s is None else began_at + timeout_s - time.monotonic()
                    message = subscription.get_message(timeout=max(min(left_s, POLL_S), 0))
                    if message is not None and message["type"] == "message":
                        told = message["data"]
                    (row,) = self._rows([watch.job])
                    final = watch.look(row, told, is_quiet=message is None)
                    if final is not None:
                        return final
                    if timeout_s is not None and left_s <= 0:
                        raise watch.too_late(timeout_s)

    def jobs(self, wanted: JobFilter | str | None = None, *, limit: int = 50) -> list[JobRecord]:
        """Return the first jobs that match a filter; as `Client.jobs`."""
        from jobctl.inspector.filters.matching import Facts
        from jobctl.inspector.listing import Listing
        from jobctl.inspector.steps import read_blocking

        with translate_errors(self._url):
            listing = Listing.of(wanted, self._queues(), Facts(time.time() * 1000, self._preparer.plan))
            return list(read_blocking(self._redis, listing.page(limit)).jobs)

    def _send(self, batch: Batch) -> list[Enqueued | DuplicateJob]:
        with translate_errors(self._url):
            reply = self._scripts[batch.script](keys=batch.keys, args=batch.args)
        return batch.settle(reply)

    def _rows(self, ids: Sequence[str]) -> list[Row]:
        if not ids:
            return []
        pipe = self._redis.pipeline(transaction=False)
        ask_rows(pipe, ids)
        return take_rows(ids, pipe.execute())

    def _queues(self) -> tuple[str, ...]:
        stored: set[bytes] = self._redis.smembers(keys.QUEUES)  # type: ignore[assignment]  # the stubs say: or awaitable
        return known_queues(self._preparer.plan, stored)

    def _locate(self, name: str) -> str:
        if is_full_id(name):
            return name
        ids = candidates(name, self._queues())
        return choose(name, {row.id: row for row in self._rows(ids) if row.raw is not None})[0]
