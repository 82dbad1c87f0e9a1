"""The asyncio client: enqueue jobs and wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from jobctl.broker import keys
from jobctl.broker.connect import connect, require_bytes, translate_errors
from jobctl.broker.direct import KEPT, Direct
from jobctl.client.batch import Batch
from jobctl.client.jobs import Enqueued, NewJob
from jobctl.client.listener import Listener
from jobctl.client.options import Duration, seconds
from jobctl.client.prepare import Preparer
from jobctl.client.watch import POLL_S, Watch
from jobctl.clock import Clock
from jobctl.compiler.plan import Plan
from jobctl.errors import BrokerError, DuplicateJob, JobctlError, UsageError
from jobctl.inspector.locate import candidates, choose, is_full_id, known_queues
from jobctl.inspector.rows import read_rows
from jobctl.records import JobRecord

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from jobctl.inspector import Inspector, JobFilter


WATCHED_AT_ONCE = 100


class Client:
    """Enqueues jobs of a plan and waits for them.

    Safe to be used by many tasks at once; they share a pool of eight connections. Use it as a context manager, or
    call `close`.

    Args:
        plan: the compiled spec.
        url: the broker, such as ``redis://localhost:6379/0``.
        redis: an asyncio Redis client of your own instead, without ``decode_responses``; it is not closed.
        clock: for the due times that `Enqueued` reports.

    Example:
        async with Client(load_plan("jobspecs"), "redis://localhost") as client:
            job = await client.enqueue("user-invitation", invitation_id=7)
            record = await client.wait(job, timeout="30s")
    """

    def __init__(
        self, plan: Plan, url: str | None = None, *, redis: Redis | None = None, clock: Clock | None = None
    ) -> None:
        if (url is None) == (redis is None):
            raise UsageError("a client needs a url or a redis client, and not both")
        if redis is not None:
            require_bytes(redis)
        self._url = url
        self._redis = redis if redis is not None else connect(url or "")
        self._preparer = Preparer(plan, clock)
        self._listener = Listener(self._redis)
        # a client of the caller's may have one connection only: it is not kept from the caller
        self._direct = Direct(self._redis, kept=KEPT if redis is None else 0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections this client has made itself."""
        await self._direct.close()
        if self._url is not None:
            await self._redis.aclose()

    async def enqueue(
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
        """Enqueue one job. Options left out come from the spec; `NewJob` says what each means.

        Args:
            job: name or type.
            payload: field -> value. A field with the name of an option can only be given here.
            fields: payload fields as keywords; they win over ``payload``.

        Raises:
            UnknownJob: the plan has no such job.
            PayloadError: the payload does not fit its declaration; all problems are named.
            UsageError: an option cannot be.
            DuplicateJob: an unfinished job holds the key or the unique lock; the error says which.
            BrokerUnreachable: no broker answers. The job may have been stored all the same, if the link broke between
                call and answer; with a ``key`` of your own it is safe to ask again.
        """
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
        (answer,) = await self._send(Batch([self._preparer.prepare(new)]))
        if isinstance(answer, DuplicateJob):
            raise answer
        return answer

    async def enqueue_many(self, jobs: Iterable[NewJob]) -> list[Enqueued | DuplicateJob]:
        """Enqueue many jobs, 500 in a round trip; see `enqueue_stream`."""
        return [answer async for batch in self.enqueue_stream(jobs) for answer in batch]

    async def enqueue_stream(self, jobs: Iterable[NewJob]) -> AsyncIterator[list[Enqueued | DuplicateJob]]:
        """Enqueue any number of jobs, and yield after each batch what became of its jobs, in order.

        ``jobs`` may be a generator: it is read one batch ahead at most. A batch is stored in one step or not at all. A
        job that cannot be prepared raises before its batch is sent; the batches yielded before are stored.

        Raises:
            UnknownJob, PayloadError, UsageError, BrokerUnreachable: as for `enqueue`.
        """
        batches = self._preparer.batches(jobs)
        batch = next(batches, None)
        while batch is not None:
            sending = asyncio.ensure_future(self._send(batch))
            await asyncio.sleep(0)  # the batch is on its way: the next is prepared while the broker stores this one
            fault: Exception | None = None
            try:
                batch = next(batches, None)
            except Exception as error:  # told when its turn comes
                batch, fault = None, error
            except BaseException:
                sending.cancel()
                raise
            yield await sending
            if fault is not None:
                raise fault

    async def wait(self, job: Enqueued | str, *, timeout: Duration | None = None) -> JobRecord:
        """Wait until a job has ended, whichever way, and return its final record.

        Args:
            job: what `enqueue` returned, a key, ``queue:key``, or a full id.
            timeout: give up after this long (``"30s"``, a timedelta, seconds); None = never.

        Raises:
            WaitTimeout: the job has not ended in time; it goes on.
            JobNotFound: there is no such job, or no longer.
            UsageError: several queues hold a job with this key.
        """
        timeout_s = None if timeout is None else seconds("timeout", timeout)
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        with translate_errors(self._url):
            watch = Watch(job.id if isinstance(job, Enqueued) else await self._locate(job))
            # Subscribe, then read, then listen: an end between the read and the subscription would go unheard.
            async with self._listener.listen(watch.job) as channel:
                while True:
                    left_s = POLL_S if timeout_s is None else began_at + timeout_s - loop.time()
                    is_news = await channel.wait(max(min(left_s, POLL_S), 0))
                    (row,) = await read_rows(self._redis, [watch.job])
                    final = watch.look(row, channel.told, is_quiet=not is_news)
                    if final is not None:
                        return final
                    if timeout_s is not None and left_s <= 0:
                        raise watch.too_late(timeout_s)

    async def wait_many(
        self,
        jobs: Iterable[Enqueued | str],
        *,
        timeout: Duration | None = None,
        tell: Callable[[int], None] | None = None,
    ) -> list[JobRecord | JobctlError]:
        """Wait until all of some jobs have ended, and return what became of each, in order.

        Args:
            jobs: as for `wait`.
            timeout: for all of them together; None = never give up.
            tell: is told each time how many have ended.

        Returns:
            per job its final record, or the error that `wait` would raise for it.

        Raises:
            BrokerError: no broker answers.
        """
        loop = asyncio.get_running_loop()
        ends_at = None if timeout is None else loop.time() + seconds("timeout", timeout)
        # each look costs a round trip a second: so many are looked at, the others when there is room
        room = asyncio.Semaphore(WATCHED_AT_ONCE)
        ended = 0

        async def see(job: Enqueued | str) -> JobRecord | JobctlError:
            nonlocal ended
            async with room:
                try:
                    record = await self.wait(job, timeout=None if ends_at is None else max(ends_at - loop.time(), 0.0))
                except BrokerError:
                    raise
                except JobctlError as error:
                    return error
            ended += 1
            if tell:
                tell(ended)
            return record

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(see(job)) for job in jobs]
        return [task.result() for task in tasks]

    async def jobs(self, wanted: JobFilter | str | None = None, *, limit: int = 50) -> list[JobRecord]:
        """Return the first jobs that match a filter, such as ``state=dead and payload.id=7``; None = any.

        `inspector` does more: pages, all of them, replays.

        Raises:
            FilterError: the text is no filter.
            UsageError: no such queue.
        """
        return await self.inspector.jobs(wanted, limit=limit)

    @property
    def inspector(self) -> Inspector:
        """What looks at jobs and repairs them, on this client's connections and with its plan."""
        from jobctl.inspector.inspector import Inspector

        return Inspector(self._redis, self._preparer.plan)

    async def _send(self, batch: Batch) -> list[Enqueued | DuplicateJob]:
        try:
            reply = await self._direct.run(batch.script, batch.keys, batch.args, is_small=len(batch.jobs) == 1)
        except Exception:
            with translate_errors(self._url):  # entered on errors only: it costs as much as preparing a job
                raise
        return batch.settle(reply)

    async def _locate(self, name: str) -> str:
        if is_full_id(name):
            return name
        stored: set[bytes] = await self._redis.smembers(keys.QUEUES)  # type: ignore[misc]  # the stubs say: or no awaitable
        ids = candidates(name, known_queues(self._preparer.plan, stored))
        rows = await read_rows(self._redis, ids)
        return choose(name, {row.id: row for row in rows if row.raw is not None})[0]
