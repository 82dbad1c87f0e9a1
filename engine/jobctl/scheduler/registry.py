"""The registry: what the broker knows of schedules, by id: last tick, latest runs, paused or not, in a plan or not."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from jobctl.broker import keys
from jobctl.broker.record import encode, read_record
from jobctl.broker.scripts import source
from jobctl.broker.server_clock import ask_time
from jobctl.compiler.plan import Plan, Schedule

if TYPE_CHECKING:
    from redis.asyncio import Redis

SEEN_PERIOD_S = 30.0  # a scheduler says so often which schedules it has
UNSEEN_S = 90.0  # a schedule that no scheduler has had for so long is not in any running plan
FORGET_S = 90 * 86_400.0
SETTLE_BATCH = 200


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one schedule of a plan.

    Attributes:
        status: ``added``, ``changed``, ``renamed`` or ``same``.
        last_ms: its last tick, or when it was added or changed.
        waiting: ticks that wait for the end of the run before them.
        former: the other id of a renamed one.
    """

    status: str
    last_ms: int
    waiting: int
    former: str


@dataclass(frozen=True, slots=True)
class Application:
    """A plan's schedules as the broker has them now; ``removed`` are ids that no plan has any more."""

    now_ms: int
    schedules: dict[str, Applied]
    removed: tuple[str, ...]


class Registry:
    """Reads and writes the stored schedules."""

    def __init__(self, server: Redis) -> None:
        self._server = server
        self._apply = server.register_script(source("schedules"))

    async def apply(self, plan: Plan) -> Application:
        """Store a plan's schedules when a scheduler starts."""
        return await self._send("apply", plan)

    async def seen(self, plan: Plan) -> Application:
        """Say that a scheduler still has these schedules, and learn their state."""
        return await self._send("seen", plan)

    async def _send(self, verb: str, plan: Plan) -> Application:
        types = encode({registration.type: 1 for registration in plan.registrations})
        args: list[Any] = [verb, types, int(UNSEEN_S * 1000), int(FORGET_S * 1000)]
        for schedule in plan.schedules:
            args += (schedule.id, encode(definition(schedule)), timing(schedule), signature(plan, schedule))
            args.append(schedule.type)
        now_ms, flat, removed = await self._apply(keys=[keys.SCHEDULES, keys.SCHEDULES_RENAMED], args=args)
        rows = [flat[i : i + 4] for i in range(0, len(flat), 4)]
        return Application(
            now_ms,
            {
                schedule.id: Applied(status.decode(), int(last), waiting, former.decode())
                for schedule, (status, last, waiting, former) in zip(plan.schedules, rows, strict=True)
            },
            tuple(one.decode() for one in removed),
        )

    async def resolve(self, schedule_id: str) -> str:
        """Return the id under which a schedule is stored: its own, or the one it was renamed to."""
        target = await self._server.hget(keys.SCHEDULES_RENAMED, schedule_id)  # type: ignore[misc]
        return target.decode() if target else schedule_id

    async def pause(self, schedule_id: str) -> bool:
        """Let no tick of a schedule make a job until it is resumed; return whether it is stored and ran before."""
        stored = keys.schedule(await self.resolve(schedule_id))
        if not await self._server.exists(stored):
            return False
        return bool(await self._server.hsetnx(stored, "paused_ms", str(await self._now_ms())))  # type: ignore[misc]

    async def resume(self, schedule_id: str) -> bool:
        """Let ticks make jobs again, from now on; return whether it was paused."""
        stored = keys.schedule(await self.resolve(schedule_id))
        now_ms = await self._now_ms()
        if not await self._server.hexists(stored, "paused_ms"):  # type: ignore[misc]
            return False
        async with self._server.pipeline(transaction=True) as pipe:
            pipe.hset(stored, "last_ms", str(now_ms))  # what was due in the pause is not made up for
            pipe.hdel(stored, "paused_ms")
            _, resumed = await pipe.execute()
        return bool(resumed)

    async def forget(self, schedule_id: str) -> None:
        """Drop what is stored of a schedule; one that a scheduler has comes back as new."""
        name = await self.resolve(schedule_id)
        renamed = await self._server.hgetall(keys.SCHEDULES_RENAMED)  # type: ignore[misc]
        async with self._server.pipeline(transaction=True) as pipe:
            pipe.delete(
                *(keys.schedule(name), keys.schedule_history(name), keys.schedule_runs(name)),
                keys.schedule_waiting(name),
            )
            pipe.zrem(keys.SCHEDULES, name)
            for former, target in renamed.items():
                if target.decode() == name:
                    pipe.hdel(keys.SCHEDULES_RENAMED, former)
            await pipe.execute()

    async def waiting(self, schedule_id: str) -> int | None:
        """Return the first tick that waits for the end of the run before it, ms; None if there is none."""
        found = await self._server.zrange(keys.schedule_waiting(await self.resolve(schedule_id)), 0, 0)
        return int(found[0]) if found else None

    async def settle(self) -> int:
        """Write the outcome of runs that have ended into their schedules' histories; return how many."""
        open_runs = [run.decode() for run in await self._server.zrange(keys.SCHEDULES_OPEN, 0, SETTLE_BATCH - 1)]
        if not open_runs:
            return 0
        now_ms = await self._now_ms()
        renamed = await self._server.hgetall(keys.SCHEDULES_RENAMED)  # type: ignore[misc]
        runs = [run.partition("|")[::2] for run in open_runs]
        outcomes = await read_outcomes(self._server, [job_id for _, job_id in runs])
        async with self._server.pipeline(transaction=False) as reading:
            places = []
            for schedule_id, job_id in runs:
                target = renamed.get(schedule_id.encode(), schedule_id.encode()).decode()
                places.append((keys.schedule_runs(target), keys.split_job_id(job_id)[1]))
                reading.hget(*places[-1])
            stored = await reading.execute()
        async with self._server.pipeline(transaction=False) as pipe:
            for run, (place, key), raw, outcome in zip(open_runs, places, stored, outcomes, strict=True):
                if outcome is None:
                    pipe.zadd(keys.SCHEDULES_OPEN, {run: now_ms}, xx=True)  # the others have their turn first
                    continue
                if raw is not None:
                    pipe.hset(place, key, encode({**msgspec.json.decode(raw), **outcome}).decode())
                pipe.zrem(keys.SCHEDULES_OPEN, run)
            await pipe.execute()
        return sum(outcome is not None for outcome in outcomes)

    async def _now_ms(self) -> int:
        seconds, micros = await ask_time(self._server)
        return int(seconds * 1000 + micros // 1000)


async def read_outcomes(server: Redis, job_ids: Sequence[str]) -> list[dict[str, Any] | None]:
    """Return ``{outcome, started_ms, ended_ms, error}`` of jobs; None for those that have not ended."""
    async with server.pipeline(transaction=False) as pipe:
        for job_id in job_ids:
            pipe.zscore(keys.QueueKeys(keys.split_job_id(job_id)[0]).incomplete, job_id)
            pipe.get(job_id)
        answers = await pipe.execute()
    outcomes: list[dict[str, Any] | None] = []
    for position, job_id in enumerate(job_ids):
        unfinished, raw = answers[2 * position], answers[2 * position + 1]
        if raw is None:
            # the dead are kept for months: what has gone was complete, or was removed by hand
            outcomes.append({"outcome": "gone"} if unfinished is None else {"outcome": "lost"})
        elif unfinished is not None:
            outcomes.append(None)
        else:
            try:
                record = read_record(job_id, raw)
            except ValueError:
                outcomes.append({"outcome": "gone"})
                continue
            ended = {"outcome": str(record.state), "started_ms": record.started_ms, "ended_ms": record.completed_ms}
            outcomes.append({**ended, "error": record.error.splitlines()[-1][:200]} if record.error else ended)
    return outcomes


def definition(schedule: Schedule) -> dict[str, Any]:
    """Return what is stored of a schedule for readers; its payload is not, it may hold secrets."""
    return {
        "job": schedule.job,
        "type": schedule.type,
        "queue": schedule.queue,
        "expression": schedule.expression,
        "timezone": schedule.timezone,
        "catch_up": schedule.catch_up,
        "overlap": schedule.overlap,
        "jitter_s": schedule.jitter_s,
        "start_ms": schedule.start_ms,
        "end_ms": schedule.end_ms,
    }


def timing(schedule: Schedule) -> str:
    """Return what decides when a schedule ticks."""
    return f"{schedule.expression}|{schedule.timezone}|{schedule.start_ms}|{schedule.end_ms}"


def signature(plan: Plan, schedule: Schedule) -> str:
    """Return what a schedule keeps when it, or its job, is renamed: its timing, handler and payload."""
    handler = plan.by_name[schedule.job].handler
    body = msgspec.json.encode([timing(schedule), handler, schedule.payload], order="deterministic")
    return hashlib.blake2b(body, digest_size=12).hexdigest()
