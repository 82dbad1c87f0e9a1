"""Schedules as they are: next and last ticks, what became of them, what should have fired and has not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from jobctl.broker import keys
from jobctl.broker.connect import translate_errors
from jobctl.broker.server_clock import ask_time
from jobctl.clock import utc
from jobctl.compiler.plan import Plan, Schedule
from jobctl.compiler.redact import HIDDEN
from jobctl.errors import JobctlError, UnknownSchedule, UsageError
from jobctl.inspector import audit
from jobctl.inspector.overdue import FORGOTTEN_S, overdue_ms, stored_schedule, texts
from jobctl.inspector.redaction import secretive_types
from jobctl.names import did_you_mean
from jobctl.scheduler.backfill import Filled, backfill, run_now
from jobctl.scheduler.claim import Answer
from jobctl.scheduler.registry import UNSEEN_S, Registry, read_outcomes
from jobctl.scheduler.ticks import next_tick

if TYPE_CHECKING:
    from redis.asyncio import Redis


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRun:
    """A tick, and what became of it. Times are ms since the epoch, 0 = not yet.

    Attributes:
        key: of its job.
        at_ms: when it was claimed.
        how: ``tick``, ``waited``, ``hand``, ``backfill``; without a job: ``skipped``, ``missed``, ``locked``.
        count: ticks it stands for.
        outcome: of its job: a final state, ``gone`` if its record was not kept, or None while it has not ended.
    """

    key: str
    tick_ms: int
    at_ms: int
    how: str
    queue: str = ""
    count: int = 1
    outcome: str | None = None
    started_ms: int = 0
    ended_ms: int = 0
    error: str | None = None

    @property
    def drift_ms(self) -> int:
        """How long after its nominal time the tick was claimed."""
        return self.at_ms - self.tick_ms

    @property
    def has_job(self) -> bool:
        """Whether a job was made."""
        return self.how not in ("skipped", "missed", "locked")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleStatus:
    """A schedule as the broker and the plan know it.

    Attributes:
        state: ``active``; ``paused``; ``unseen``: in this plan, but no scheduler has it; ``orphaned``: in no plan that
            runs; ``removed`` from the spec; ``ended``: it has no further tick; ``new``: no scheduler has ever had it.
        next: the next tick, None if there is none.
        last: the latest tick.
        overdue_ms: how long the next tick has been due without being claimed; 0 = it is not.
        waiting: ticks that wait for the end of the run before them.
    """

    schedule: Schedule
    state: str
    next: datetime | None
    last: ScheduleRun | None
    overdue_ms: int
    waiting: int
    paused_ms: int = 0
    seen_ms: int = 0


_RUN = msgspec.json.Decoder(dict[str, Any])


class Schedules:
    """Looks at schedules, pauses them, and runs them when asked.

    All methods raise `BrokerUnreachable` when no broker answers, and those that take an id `UnknownSchedule`.

    Args:
        redis: an asyncio client that answers bytes.
        plan: the specs, if there are any: what they declare is listed though no scheduler has had it yet.
        actor: whom the audit log names; None = `jobctl.inspector.audit.default_actor`.
    """

    def __init__(self, redis: Redis, plan: Plan | None = None, *, actor: str | None = None) -> None:
        self._redis = redis
        self._plan = plan
        self._actor = actor
        self._registry = Registry(redis)

    async def statuses(self) -> list[ScheduleStatus]:
        """Return the plan's schedules in its order, then what else the broker knows: four round trips at most."""
        with translate_errors():
            return await self._statuses()

    async def find(self, schedule_id: str) -> ScheduleStatus:
        """Return one schedule."""
        found = {one.schedule.id: one for one in await self.statuses()}
        if schedule_id not in found:
            hint = did_you_mean(schedule_id, found) or "`jobctl cron list` shows them"
            raise UnknownSchedule(f"there is no schedule `{schedule_id}`", hint=hint)
        return found[schedule_id]

    async def history(self, schedule_id: str, *, limit: int = 50) -> list[ScheduleRun]:
        """Return a schedule's latest ticks, newest first; up to 500 are kept.

        The errors of jobs whose payloads have secrets are hidden: each job's own page shows its error without them.
        """
        schedule = (await self.find(schedule_id)).schedule
        with translate_errors():
            stored = await self._registry.resolve(schedule_id)
            latest = await self._redis.zrange(keys.schedule_history(stored), 0, limit - 1, desc=True)
            if not latest:
                return []
            raws = await self._redis.hmget(keys.schedule_runs(stored), latest)  # type: ignore[misc]
            runs = [_run(key, raw) for key, raw in zip(latest, raws, strict=True) if raw]
            return [self._shown(schedule, run) for run in await self._with_outcomes(runs)]

    async def pause(self, schedule_id: str) -> bool:
        """Let its ticks make no jobs until it is resumed; return whether it ran before."""
        return await self._change(schedule_id, self._registry.pause, audit.Action.SCHEDULE_PAUSE)

    async def resume(self, schedule_id: str) -> bool:
        """Let its ticks make jobs again, from now on; return whether it was paused."""
        return await self._change(schedule_id, self._registry.resume, audit.Action.SCHEDULE_RESUME)

    async def forget(self, schedule_id: str) -> ScheduleStatus:
        """Drop one that no running worker has any more, with its history; return what it was.

        Raises:
            JobctlError: it is in the specs, or a scheduler has had it within the last 90 s.
        """
        status = await self.find(schedule_id)
        with translate_errors():
            seconds, _ = await ask_time(self._redis)
            is_declared = self._plan is not None and any(one.id == schedule_id for one in self._plan.schedules)
            if is_declared or seconds - status.seen_ms / 1000 <= UNSEEN_S:
                where = "in the specs" if is_declared else "still run by a worker, or was a moment ago"
                raise JobctlError(
                    f"schedule `{schedule_id}` is {where}",
                    code="schedule.in-use",
                    hint="take it out of the spec; 90 s after the last worker with it has gone it can be forgotten",
                )
            await self._registry.forget(schedule_id)
            await audit.record(
                self._redis, audit.Action.SCHEDULE_FORGET, target=schedule_id, count=1, actor=self._actor
            )
        return status

    async def run(self, schedule_id: str, *, force: bool = False) -> Filled:
        """Run its job now, paused or not; its `overlap` holds unless forced."""
        plan, schedule = self._planned(schedule_id)
        with translate_errors():
            seconds, micros = await ask_time(self._redis)
            done = await run_now(self._redis, plan, schedule, seconds * 1000 + micros // 1000, force=force)
            await self._note(audit.Action.SCHEDULE_RUN, schedule_id, [done], force=force)
        return done

    async def backfill(
        self,
        schedule_id: str,
        ticks: Sequence[datetime],
        *,
        force: bool = False,
        dry_run: bool = False,
        tell: Callable[[int], object] | None = None,
    ) -> Sequence[Filled]:
        """Run ticks of the past that have not run; see `jobctl.scheduler.backfill.backfill`.

        One that no scheduler has had yet may be a renamed one, whose ticks have run under its former id: it is refused
        unless forced.
        """
        plan, schedule = self._planned(schedule_id)
        if not force and not dry_run and (await self.find(schedule_id)).state == "new":
            raise _not_stored(schedule_id)
        with translate_errors():
            done = await backfill(self._redis, plan, schedule, ticks, force=force, dry_run=dry_run, tell=tell)
            await self._note(audit.Action.SCHEDULE_BACKFILL, schedule_id, done, force=force)
        return done

    def _planned(self, schedule_id: str) -> tuple[Plan, Schedule]:
        if self._plan is None:
            raise UsageError("without specs a schedule cannot be run", hint="name them: `--spec PATH`")
        return self._plan, planned_schedule(self._plan, schedule_id)

    async def _change(self, schedule_id: str, change: Callable[[str], Awaitable[bool]], action: audit.Action) -> bool:
        status = await self.find(schedule_id)
        if status.state == "new":
            raise _not_stored(schedule_id)
        with translate_errors():
            changed = await change(schedule_id)
            if changed:
                await audit.record(self._redis, action, target=schedule_id, count=1, actor=self._actor)
        return changed

    async def _note(self, action: audit.Action, schedule_id: str, done: Sequence[Filled], *, force: bool) -> None:
        """Note the ticks that made jobs, or will, if any do."""
        ticks = [one.tick.isoformat() for one in done if one.answer in (Answer.STORED, Answer.WAITING)]
        if ticks:
            detail = {"first": ticks[0], "last": ticks[-1], "force": force or None}
            await audit.record(
                self._redis, action, target=schedule_id, count=len(ticks), actor=self._actor, detail=detail
            )

    async def _statuses(self) -> list[ScheduleStatus]:
        async with self._redis.pipeline(transaction=False) as first:
            ask_time(first)
            first.zrange(keys.SCHEDULES, 0, -1, withscores=True)
            first.hgetall(keys.SCHEDULES_RENAMED)
            (now_s, now_us), seen, renamed = await first.execute()
        now_ms = now_s * 1000 + now_us // 1000
        planned = {one.id: one for one in self._plan.schedules} if self._plan else {}
        seen_ms = {schedule_id.decode(): int(score) for schedule_id, score in seen}
        stored = {
            schedule_id: renamed.get(schedule_id.encode(), schedule_id.encode()).decode() for schedule_id in planned
        }
        stored |= {one: one for one in sorted(seen_ms) if one not in stored.values()}

        async with self._redis.pipeline(transaction=False) as second:
            for place in stored.values():
                second.hgetall(keys.schedule(place))
                second.zcard(keys.schedule_waiting(place))
                second.zrange(keys.schedule_history(place), 0, 0, desc=True)
            answers = await second.execute()
        states = [texts(state) for state in answers[0::3]]
        latest = [found[0] if found else b"" for found in answers[2::3]]
        async with self._redis.pipeline(transaction=False) as third:
            for place, key in zip(stored.values(), latest, strict=True):
                third.hget(keys.schedule_runs(place), key.decode())
            raws = await third.execute() if latest else []
        known = {place: _run(key, raw) for place, key, raw in zip(stored.values(), latest, raws, strict=True) if raw}
        runs = dict(zip(known, await self._with_outcomes([*known.values()]), strict=True))
        found = [
            status
            for (schedule_id, place), state, waiting in zip(stored.items(), states, answers[1::3], strict=True)
            if (status := _status(planned, schedule_id, state, waiting, runs.get(place), seen_ms.get(place, 0), now_ms))
        ]
        return [replace(one, last=self._shown(one.schedule, one.last)) if one.last else one for one in found]

    def _shown(self, schedule: Schedule, run: ScheduleRun) -> ScheduleRun:
        return replace(run, error=HIDDEN) if run.error and schedule.type in secretive_types(self._plan) else run

    async def _with_outcomes(self, runs: Sequence[ScheduleRun]) -> list[ScheduleRun]:
        """Return the runs, with the outcome of those that have ended since a scheduler last noted any."""
        open_runs = [run for run in runs if run.has_job and run.outcome is None]
        outcomes = await read_outcomes(self._redis, [keys.job_id(run.queue, run.key) for run in open_runs])
        found = {run.key: outcome for run, outcome in zip(open_runs, outcomes, strict=True) if outcome}
        return [replace(run, **found[run.key]) if run.key in found else run for run in runs]


def _not_stored(schedule_id: str) -> UnknownSchedule:
    hint = "`jobctl run` stores the schedules of the specs"
    return UnknownSchedule(f"no scheduler has had `{schedule_id}` yet", hint=hint)


def planned_schedule(plan: Plan, schedule_id: str) -> Schedule:
    """Return a schedule of a plan.

    Raises:
        UnknownSchedule: it has none of this id.
    """
    by_id = {one.id: one for one in plan.schedules}
    if schedule_id not in by_id:
        of_job = [one for one in by_id if one.startswith(f"{schedule_id}/")]
        if of_job:
            hint = f"`{schedule_id}` has several: " + ", ".join(f"`{one}`" for one in of_job)
            raise UnknownSchedule(f"no schedule `{schedule_id}` is declared", hint=hint)
        hint = did_you_mean(schedule_id, by_id) or "declared schedules: " + (", ".join(by_id) or "none")
        raise UnknownSchedule(f"no schedule `{schedule_id}` is declared", hint=hint)
    return by_id[schedule_id]


def _status(
    planned: Mapping[str, Schedule],
    schedule_id: str,
    state: Mapping[str, str],
    waiting: int,
    last: ScheduleRun | None,
    seen_ms: int,
    now_ms: int,
) -> ScheduleStatus | None:
    schedule = planned.get(schedule_id) or stored_schedule(schedule_id, state)
    if schedule is None:
        return None
    unseen_s = (now_ms - seen_ms) / 1000
    if not state:
        name = "new"
    elif "paused_ms" in state:
        name = "paused"
    elif "removed_ms" in state and schedule_id not in planned:
        name = "removed"
    elif unseen_s > UNSEEN_S:
        name = "unseen" if schedule_id in planned else "orphaned"
    else:
        name = "active"
    is_missed = schedule_id in planned or unseen_s < FORGOTTEN_S
    # a clock that was set back has to pass the last tick once more
    since_ms = max(now_ms, int(state.get("last_ms", 0)))
    following = None if name == "removed" else next_tick(schedule, utc(since_ms / 1000))
    if name == "active" and following is None:
        name = "ended"
    return ScheduleStatus(
        schedule=schedule,
        state=name,
        next=following,
        last=last,
        overdue_ms=overdue_ms(schedule, state, now_ms) if is_missed else 0,
        waiting=waiting,
        paused_ms=int(state.get("paused_ms", 0)),
        seen_ms=seen_ms,
    )


def _run(key: bytes, raw: bytes) -> ScheduleRun:
    body = _RUN.decode(raw)
    known = {name: body[name] for name in ScheduleRun.__slots__ if name in body}
    for name in ("tick_ms", "at_ms", "count"):
        known[name] = int(known.get(name, 1))  # Lua writes whole numbers as it likes
    return ScheduleRun(key=key.decode(), **known)
