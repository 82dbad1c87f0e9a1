"""The inspector: look at jobs, queues and workers, and run ended jobs again. Never on the hot path.

Everything is read by index, in a bounded number of round trips; nothing scans the keys of the broker.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from typing import TYPE_CHECKING

from jobctl.broker import keys
from jobctl.broker.connect import require_bytes, translate_errors
from jobctl.clock import Clock, SystemClock
from jobctl.errors import UsageError
from jobctl.inspector import pausing
from jobctl.inspector.deeds import REASON, Change, Target
from jobctl.inspector.filters import JobFilter
from jobctl.inspector.filters.matching import Facts
from jobctl.inspector.listing import Listing, Reading
from jobctl.inspector.locate import candidates, choose, is_full_id, known_queues, require_known
from jobctl.inspector.query import Page, joined
from jobctl.inspector.replay import Replayed
from jobctl.inspector.revision import UNCHANGED, Revision
from jobctl.inspector.rows import Row, read_rows
from jobctl.inspector.status import DEFAULT_DAYS, FailureLine, Overview, QueueStatus, Rates, WorkerStatus
from jobctl.inspector.steps import read
from jobctl.inspector.survey import survey
from jobctl.records import JobRecord, JobState

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from jobctl.compiler.plan import Plan
    from jobctl.inspector.deaths import Deaths
    from jobctl.inspector.detail import JobDetail
    from jobctl.inspector.emptying import Drained
    from jobctl.inspector.fleet import Fleet
    from jobctl.inspector.rate_history import RateHistory
    from jobctl.inspector.repair import Repair
    from jobctl.inspector.schedules import Schedules
    from jobctl.inspector.stats import Stats

Progress = Callable[[int, int], None]
"""Is told how much of a work is done, and how much there is."""

PAGE = 500  # jobs read at once by `find`
EFFORT = 10_000  # entries looked at before somebody who waits is told how far it is


class Inspector:
    """Reads and repairs what the broker holds.

    All methods raise `BrokerUnreachable` when no broker answers.

    Args:
        redis: an asyncio client that answers bytes, such as `jobctl.broker.connect.connect` makes.
        plan: names queues before their first job, gives weights and shares, and lets jobs be asked for by name.
        clock: what ages of jobs are counted by.
        actor: whom the audit log names for what is done here; None = `jobctl.inspector.audit.default_actor`.
    """

    def __init__(
        self, redis: Redis, plan: Plan | None = None, *, clock: Clock | None = None, actor: str | None = None
    ) -> None:
        require_bytes(redis)
        self._redis = redis
        self._plan = plan
        self._clock = clock or SystemClock()
        self._actor = actor

    @property
    def schedules(self) -> Schedules:
        """The schedules: looked at, paused, run."""
        from jobctl.inspector.schedules import Schedules

        return Schedules(self._redis, self._plan, actor=self._actor)

    @property
    def fleet(self) -> Fleet:
        """The workers: looked at, told to be quiet, to serve again, to stop."""
        from jobctl.inspector.fleet import Fleet

        return Fleet(self._redis, self._plan, actor=self._actor)

    async def queues(self) -> list[QueueStatus]:
        """Return every queue of the plan in its order, then every other that ever held a job."""
        with translate_errors():
            return list((await survey(self._redis, self._plan, queues=True)).queues)

    async def pause(self, queue: str) -> bool:
        """Let no worker start jobs of a queue any more; running ones go on.

        It takes effect at once for claims, and within a tenth of a second for jobs claimed just before.

        Returns:
            whether this changed anything.

        Raises:
            UsageError: no queue of this name is declared or was ever used.
        """
        with translate_errors():
            await self.require_queue(queue)
            return await pausing.pause(self._redis, queue, actor=self._actor)

    async def resume(self, queue: str) -> bool:
        """Let workers start jobs of a queue again.

        Returns:
            whether it was paused.

        Raises:
            UsageError: no queue of this name is declared or was ever used.
        """
        with translate_errors():
            await self.require_queue(queue)
            return await pausing.resume(self._redis, queue, actor=self._actor)

    async def purge(
        self, queue: str, states: Collection[JobState], *, tell: Callable[[int], None] | None = None
    ) -> int:
        """Delete a queue's jobs in some states; return how many. See `jobctl.inspector.emptying.purge`.

        Raises:
            UsageError: no such queue, or running jobs are asked for.
        """
        from jobctl.inspector.emptying import purge

        with translate_errors():
            await self.require_queue(queue)
        return await purge(self._redis, queue, states, actor=self._actor, tell=tell)

    async def drain(
        self, queue: str, *, timeout_s: float | None = None, tell: Callable[[QueueStatus], None] | None = None
    ) -> Drained:
        """Wait until nothing is queued or active in a queue. See `jobctl.inspector.emptying.drain`.

        Raises:
            UsageError: no such queue.
            JobStateError: it is paused or unserved.
        """
        from jobctl.inspector.emptying import drain

        with translate_errors():
            await self.require_queue(queue)
        return await drain(self._redis, queue, timeout_s=timeout_s, tell=tell)

    async def rates(self, window_s: int = 60) -> dict[str, Rates]:
        """Return each queue's rates over the last seconds (10 to 900, counted in steps of ten)."""
        with translate_errors():
            return dict((await survey(self._redis, self._plan, window_s=window_s)).rates)

    async def workers(self) -> list[WorkerStatus]:
        """Return the workers that reported themselves in the last 20 s, the longest running first."""
        with translate_errors():
            return list((await survey(self._redis, self._plan, workers=True)).workers)

    async def stats(self, *, days: int = DEFAULT_DAYS) -> Stats:
        """Return what became of jobs today and over some days (1 to 90), by queue and type: days + 2 round trips."""
        from jobctl.inspector.stats import Stats, read_windows

        with translate_errors():
            overview = await survey(self._redis, self._plan, queues=True, window_s=60)
            queues = [queue.name for queue in overview.queues]
            today, longer = await read_windows(self._redis, queues, overview.at_ms, days=days)
        return Stats(at_ms=overview.at_ms, now=overview.rates, today=today, days=longer)

    async def deaths(
        self, queue: str | None = None, *, most: int | None = None, tell: Progress | None = None
    ) -> Deaths:
        """Return what the dead died of, in all queues or one. See `jobctl.inspector.deaths.summarise`.

        Raises:
            UsageError: no such queue.
        """
        from jobctl.inspector.deaths import summarise

        with translate_errors():
            names = await self._queue_names()
        if queue is not None:
            require_known(queue, names)
        return await summarise(self._redis, names if queue is None else (queue,), plan=self._plan, most=most, tell=tell)

    async def failures(self, limit: int = 10) -> list[FailureLine]:
        """Return the latest failed attempts, newest first, without the secrets of their jobs."""
        with translate_errors():
            return list((await survey(self._redis, self._plan, failures=limit)).failures)

    async def overview(self, *, window_s: int = 60, failures: int = 10, history: RateHistory | None = None) -> Overview:
        """Return queues, rates, workers and failures together: three round trips, whatever the backlog.

        Args:
            window_s: rates over so many seconds, 10 to 900.
            failures: how many of the latest failures.
            history: for those who read again and again: it keeps the rates of the last minutes, and spares the broker
                what has been read before.
        """
        with translate_errors():
            return await survey(
                self._redis,
                self._plan,
                queues=True,
                window_s=window_s,
                workers=True,
                failures=failures,
                schedules=True,
                history=history,
            )

    async def jobs(self, wanted: JobFilter | str | None = None, *, limit: int = 50) -> list[JobRecord]:
        """Return the first page of a listing; see `page`."""
        return list((await self.page(wanted, limit=limit)).jobs)

    async def page(
        self,
        wanted: JobFilter | str | None = None,
        *,
        limit: int = 50,
        cursor: str | None = None,
        effort: int | None = None,
        tell: Progress | None = None,
    ) -> Page:
        """List jobs, a page at a time.

        Jobs of one state come in that state's order over all queues: running and queued ones in the order of their
        queue, waiting ones by due time, ended ones newest first. Where several states are asked for, each gets its
        turn, so that a long backlog does not hide the one dead job.

        Args:
            wanted: which jobs, as a filter or its text; None = all.
            limit: jobs at most, 1 or more.
            cursor: what the page before brought, to go on behind it.
            effort: look at about so many entries of the indexes at most. The page may then hold fewer jobs than there
                are, none even, and has a cursor to go on with: for screens, which must not wait for a rare job.
            tell: is told now and then how many entries have been looked at, and how many there are.

        Raises:
            FilterError: the text is no filter.
            UsageError: unknown queue, a limit below 1, or a text that is no cursor.
        """
        if limit < 1:
            raise UsageError(f"a page of {limit} jobs cannot be listed", hint="give a limit of 1 or more")
        with translate_errors():
            listing = await self.listing(wanted, cursor)
            if tell is None:
                return await read(self._redis, listing.page(limit, effort))
            total = await read(self._redis, listing.total())
            page = Page(jobs=(), cursor="")
            while len(page.jobs) < limit and page.cursor is not None and (effort is None or page.examined < effort):
                page = joined(page, await read(self._redis, listing.page(limit - len(page.jobs), EFFORT)))
                tell(min(page.examined, total), total)
            return page

    async def explain(self, wanted: JobFilter | str | None = None) -> list[Reading]:
        """Return which indexes a filter reads, how long they are, and what is asked of their records.

        Raises:
            FilterError, UsageError: as for `page`.
        """
        with translate_errors():
            return await read(self._redis, (await self.listing(wanted)).explain())

    async def detail(self, name: str) -> JobDetail:
        """Return one job with everything that the broker knows of it.

        Raises:
            JobNotFound, UsageError: as for `job`.
        """
        from jobctl.inspector.detail import look

        record = await self.job(name)
        with translate_errors():
            return await look(self._redis, record)

    async def find(
        self,
        wanted: JobFilter | str | None = None,
        *,
        page: int = PAGE,
        tell: Progress | None = None,
        now_ms: int | None = None,
    ) -> AsyncIterator[JobRecord]:
        """Yield every job that matches, in the order of a listing.

        Args:
            wanted: as for `page`.
            page: jobs read at once.
            tell: is told now and then how many entries of the indexes have been looked at, and of how many.
            now_ms: ages count to this time, ms since the epoch; None = now.

        Raises:
            FilterError, UsageError: as for `page`.
        """
        with translate_errors():
            listing = await self.listing(wanted, now_ms=now_ms)
            total = await read(self._redis, listing.total()) if tell else 0
        examined = 0
        while True:
            with translate_errors():
                found = await read(self._redis, listing.page(page, EFFORT))
            examined += found.examined
            if tell:
                tell(min(examined, total), total)
            for record in found.jobs:
                yield record
            if found.cursor is None:
                return

    async def job(self, name: str) -> JobRecord:
        """Return one job with its whole history.

        Args:
            name: its key, ``queue:key``, or the full id of its record.

        Raises:
            JobNotFound: there is none, or no longer.
            UsageError: several queues hold a job with this key.
        """
        with translate_errors():
            _, row = await self._find(name)
        record = row.record()
        assert record is not None  # noqa: S101 - `_find` brings only rows that hold something
        return record

    @property
    def repair(self) -> Repair:
        """What is done to many jobs: found by a filter or by name, then replayed, cancelled or deleted."""
        from jobctl.inspector.repair import Repair

        return Repair(self, self._redis, self._plan, self._actor)

    async def replay(self, name: str, *, force: bool = False, revision: Revision = UNCHANGED) -> Replayed:
        """Run an ended job again as a new job with the same payload and options.

        Args:
            name: its key, ``queue:key``, or full id.
            force: even if it has been replayed before.
            revision: what the new job has different.

        Raises:
            JobNotFound: there is no such job, or no longer.
            JobStateError: it has not ended, has been replayed before, or its record cannot be read.
            DuplicateJob: an unfinished job holds its unique lock.
            PayloadError, UsageError: the payload cannot be changed so.
        """
        targets = [Target.of(await self.job(name))]
        (replayed,) = await self.repair.replay(targets, force=force, revision=revision)
        if replayed.error is not None:
            raise replayed.error
        return replayed

    async def cancel(self, name: str, *, reason: str = REASON) -> Change:
        """Cancel a job: at once if it waits, through its worker if it runs.

        Args:
            name: its key, ``queue:key``, or full id.
            reason: becomes its error.

        Raises:
            JobNotFound: there is no such job, or no longer.
            JobStateError: it has ended before.
        """
        return _done(await self.repair.cancel([Target.of(await self.job(name))], reason=reason))

    async def delete(self, name: str) -> Change:
        """Delete a job that does not run, with everything that is kept of it.

        Args:
            name: its key, ``queue:key``, or full id.

        Raises:
            JobNotFound: there is no such job, or no longer.
            JobStateError: it runs.
        """
        return _done(await self.repair.delete([Target.of(await self.job(name))]))

    async def listing(
        self, wanted: JobFilter | str | None = None, cursor: str | None = None, *, now_ms: int | None = None
    ) -> Listing:
        """Return a reading of a filter's jobs, for `jobctl.inspector.steps.read`. Ages count to `now_ms`; None = now.

        Raises:
            FilterError, UsageError: as for `page`.
        """
        moment_ms = self._clock.time() * 1000 if now_ms is None else now_ms
        return Listing.of(wanted, await self._queue_names(), Facts(moment_ms, self._plan), cursor)

    async def _find(self, name: str) -> tuple[str, Row]:
        queues = () if is_full_id(name) else await self._queue_names()
        rows = await read_rows(self._redis, candidates(name, queues))
        return choose(name, {row.id: row for row in rows if row.raw is not None or row.poison is not None})

    async def require_queue(self, queue: str) -> None:
        """Make sure that a queue is declared or was ever used.

        Raises:
            UsageError: it is not.
        """
        require_known(queue, await self._queue_names())

    async def _queue_names(self) -> tuple[str, ...]:
        stored: set[bytes] = await self._redis.smembers(keys.QUEUES)  # type: ignore[misc]  # the stubs say: or no awaitable
        return known_queues(self._plan, stored)


def _done(changes: Sequence[Change]) -> Change:
    (change,) = changes
    if change.error is not None:
        raise change.error
    return change
