"""Doing something to jobs, one or very many: replay, cancel, delete.

All of them are found before any is touched. Then they are dealt with in batches, each in one script call: whatever
interrupts, a batch is done or not, and what is already done is known. Every action is noted in the audit log.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar

from jobctl.broker.abort import Aborted, abort_jobs
from jobctl.broker.connect import translate_errors
from jobctl.broker.delete import Deleted, delete_jobs
from jobctl.broker.keys import QueueKeys
from jobctl.errors import BrokerError, JobctlError, JobStateError, UsageError
from jobctl.inspector.audit import Action
from jobctl.inspector.batches import Note, in_batches
from jobctl.inspector.deeds import REASON, Change, Deed, Target
from jobctl.inspector.filters import EVERYTHING, JobFilter, parse_filter, where
from jobctl.inspector.pace import Pace
from jobctl.inspector.replay import BATCH as REPLAY_BATCH
from jobctl.inspector.replay import NOT_ENDED, Renewal, Replayed, renew, replayed_before, send
from jobctl.inspector.revision import UNCHANGED, Revision
from jobctl.inspector.rows import Row, read_rows
from jobctl.inspector.runs import ReplayRun, close_run, open_run
from jobctl.records import JobState

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from jobctl.compiler.plan import Plan
    from jobctl.inspector.inspector import Inspector, Progress

T = TypeVar("T")
BATCH = 200  # jobs cancelled or deleted in one script call: a few ms of the server's time


class Repair:
    """Replays, cancels and deletes jobs.

    Args:
        inspector: finds them.
        redis: the broker.
        plan: the declarations, if there are any.
        actor: whom the audit log names.
    """

    def __init__(self, inspector: Inspector, redis: Redis, plan: Plan | None, actor: str | None) -> None:
        self._inspector = inspector
        self._redis = redis
        self._plan = plan
        self._actor = actor

    async def select(
        self,
        deed: Deed,
        wanted: JobFilter | str | None,
        *,
        before_ms: int | None = None,
        tell: Progress | None = None,
    ) -> list[Target]:
        """Find the jobs that a filter means for a deed.

        Where the filter names no state, the usual ones are meant: the dead for a replay, the unfinished for a
        cancellation, the ended for a deletion. Jobs that have been replayed are no targets of a replay.

        Args:
            deed: what is to be done to them.
            wanted: the filter, or its text.
            before_ms: ages count to this time, ms since the epoch, and jobs that ended later are left out; None = now.
            tell: is told how far the search is, in entries of indexes.

        Returns:
            for a replay those that ended first before the others, else in the order of a listing.

        Raises:
            FilterError: the text is no filter.
            UsageError: the filter names a state in which it cannot be done, or an unknown queue.
        """
        chosen = parse_filter(wanted) if isinstance(wanted, str) else wanted or EVERYTHING
        if not chosen.names("state"):
            chosen &= where(state=deed.usual)
        if impossible := [state for state in chosen.states() if state not in deed.possible]:
            possible = ", ".join(state for state in JobState if state in deed.possible)
            raise UsageError(
                f"jobs that are {impossible[0]} cannot be {deed.past}",
                hint=f"`state=` may be {possible}",
            )
        found = [
            Target.of(job)
            async for job in self._inspector.find(chosen, tell=tell, now_ms=before_ms)
            if before_ms is None or not job.state.is_final or job.completed_ms <= before_ms
            # a dead job leaves its index when it is replayed; the others stay in theirs
            if deed is not Deed.REPLAY or job.state is JobState.DEAD or not job.replays
        ]
        if deed is Deed.REPLAY:
            found.reverse()  # a listing has the latest first, also of those of one millisecond
            found.sort(key=attrgetter("at_ms"))
        return found

    async def named(self, names: Iterable[str]) -> list[Target | JobctlError]:
        """Find jobs by key, ``queue:key`` or full id; each that cannot be found is told by its error."""
        found: list[Target | JobctlError] = []
        for name in dict.fromkeys(names):
            try:
                found.append(Target.of(await self._inspector.job(name)))
            except BrokerError:
                raise
            except JobctlError as error:
                found.append(error)
        return found

    async def replay(
        self,
        targets: Sequence[Target],
        *,
        revision: Revision = UNCHANGED,
        force: bool = False,
        rate_per_s: float | None = None,
        run: ReplayRun | None = None,
        tell: Callable[[Sequence[Replayed]], None] | None = None,
    ) -> list[Replayed]:
        """Run ended jobs again, each as a new job that names its origin, in the order given.

        Args:
            targets: the jobs.
            revision: what the new jobs have different.
            force: also those that have been replayed before.
            rate_per_s: at most so many a second.
            run: what this replay is known by if it is interrupted; it is closed when all is done.
            tell: is told what became of each batch, also of one that an interruption let through.

        Returns:
            what became of each.

        Raises:
            PayloadError: the revision does not fit the declaration of one of the types; nothing has been done.
            UsageError: no spec declares one of the types, or the queue does not exist; nothing has been done.
        """
        revision.check(target.type for target in targets)
        if revision.queue is not None:
            await self._inspector.require_queue(revision.queue)
        if run is not None:
            with translate_errors():
                await open_run(self._redis, run)
        detail = {"rate_per_s": rate_per_s, "queue": revision.queue, "changed": ", ".join(revision.changes) or None}

        async def send_batch(batch: Sequence[Target]) -> list[Replayed]:
            return await self._replay_batch(batch, revision, force=force)

        note = Note(
            action=Action.JOB_REPLAY,
            target=run.wanted if run else None,
            actor=self._actor,
            detail=detail | ({"run": run.id} if run else {}),
        )
        done = await in_batches(self._redis, targets, send_batch, note, pace=Pace(rate_per_s, REPLAY_BATCH), tell=tell)
        if run is not None:
            with translate_errors():
                await close_run(self._redis, run)
        return done

    async def rehearse_replay(
        self, targets: Sequence[Target], *, revision: Revision = UNCHANGED, force: bool = False
    ) -> list[Replayed]:
        """Return what a replay would do to each job, and change nothing. Unique locks are not looked at.

        Raises:
            PayloadError, UsageError: as for `replay`.
        """
        revision.check(target.type for target in targets)
        if revision.queue is not None:
            await self._inspector.require_queue(revision.queue)
        outcomes: list[Replayed] = []
        with translate_errors():
            for start in range(0, len(targets), BATCH):
                batch = targets[start : start + BATCH]
                rows = await read_rows(self._redis, [target.id for target in batch])
                died_ms = await self._by_queue(batch, lambda of, ids: self._redis.zmscore(of.dead, ids))
                for target, row in zip(batch, rows, strict=True):
                    # what lies among the dead has not been replayed: replays are of an older job of the same key
                    error = _obstacle(target, row, is_free=force or died_ms[target.id] is not None)
                    try:
                        renew(row.id, row.raw or b"", self._plan, revision)
                    except JobctlError as refusal:
                        error = error or refusal
                    outcome = Replayed(origin=target.key, queue=revision.queue or target.queue, type=target.type)
                    outcomes.append(outcome if error is None else replace(outcome, error=error))
        return outcomes

    async def cancel(
        self,
        targets: Sequence[Target],
        *,
        reason: str = REASON,
        wanted: JobFilter | None = None,
        tell: Callable[[Sequence[Change]], None] | None = None,
    ) -> list[Change]:
        """Cancel jobs: those that wait at once, those that run through their workers.

        Args:
            targets: the jobs.
            reason: becomes their error.
            wanted: the filter that chose them, for the audit log.
            tell: is told what became of each batch.
        """

        async def cancel_batch(batch: Sequence[Target]) -> list[Change]:
            answers = await self._by_queue(batch, lambda of, ids: abort_jobs(self._redis, of, ids, reason))
            return [_change(target, answers[target.id]) for target in batch]

        note = Note(
            action=Action.JOB_CANCEL,
            target=None if wanted is None else str(wanted),
            actor=self._actor,
            detail={"reason": reason} if reason != REASON else {},
        )
        return await in_batches(self._redis, targets, cancel_batch, note, pace=Pace(None, BATCH), tell=tell)

    async def delete(
        self,
        targets: Sequence[Target],
        *,
        wanted: JobFilter | None = None,
        tell: Callable[[Sequence[Change]], None] | None = None,
    ) -> list[Change]:
        """Delete jobs with everything that is kept of them. A waiting job is cancelled first; a running one stays.

        Args:
            targets: the jobs.
            wanted: the filter that chose them, for the audit log.
            tell: is told what became of each batch.
        """

        async def delete_batch(batch: Sequence[Target]) -> list[Change]:
            waiting = [target for target in batch if not target.state.is_final]
            # what waited when it was found may run by now, and nobody asked to stop it
            await self._by_queue(waiting, lambda of, ids: abort_jobs(self._redis, of, ids, REASON, spare_running=True))
            answers = await self._by_queue(batch, lambda of, ids: delete_jobs(self._redis, of, ids))
            return [_change(target, answers[target.id]) for target in batch]

        note = Note(action=Action.JOB_DELETE, target=None if wanted is None else str(wanted), actor=self._actor)
        return await in_batches(self._redis, targets, delete_batch, note, pace=Pace(None, BATCH), tell=tell)

    async def _replay_batch(self, targets: Sequence[Target], revision: Revision, *, force: bool) -> list[Replayed]:
        rows = await read_rows(self._redis, [target.id for target in targets])
        renewals: dict[str, Renewal] = {}
        refusals: dict[str, JobctlError | None] = {}
        for row in rows:
            try:
                renewals[row.id] = renew(row.id, row.raw or b"", self._plan, revision)
            except JobctlError as error:
                refusals[row.id] = error
        if renewals:
            answers = await send(self._redis, list(renewals.values()), force=force)
            refusals.update(zip(renewals, answers, strict=True))
        outcomes = []
        for target in targets:
            refusal = refusals[target.id]
            outcomes.append(
                Replayed(
                    origin=target.key,
                    queue=revision.queue or target.queue,
                    type=target.type,
                    key=renewals[target.id].key if refusal is None else None,
                    error=refusal,
                )
            )
        return outcomes

    async def _by_queue(
        self, targets: Iterable[Target], act: Callable[[QueueKeys, list[str]], Awaitable[Sequence[T]]]
    ) -> dict[str, T]:
        """Act on the jobs of each queue, and return each job's answer by its id."""
        ids: dict[str, list[str]] = {}
        for target in targets:
            ids.setdefault(target.queue, []).append(target.id)
        answers: dict[str, T] = {}
        for queue, own in ids.items():
            answers.update(zip(own, await act(QueueKeys(queue), own), strict=True))
        return answers


def _obstacle(target: Target, row: Row, *, is_free: bool) -> JobctlError | None:
    """Return why a job could not be replayed as it is, or None."""
    if not target.state.is_final:
        return JobStateError(f"job `{target.key}` has not ended", hint=NOT_ENDED)
    if row.replays and not is_free:
        return replayed_before(target.key, row.replays[-1])
    return None


def _change(target: Target, answer: Aborted | Deleted) -> Change:
    change = Change(key=target.key, queue=target.queue, type=target.type)
    match answer:
        case Aborted.FINAL:
            return replace(change, reason="it has ended before")
        case Aborted.GONE | Deleted.GONE:
            return replace(change, reason="its record is gone")
        case Aborted.RUNNING | Deleted.UNFINISHED:
            return replace(change, reason="it runs")
    return replace(change, what=str(answer))
