"""Queues, rates, workers and failures as they are now: three round trips at most, whatever the backlog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobctl.broker import keys
from jobctl.broker.keys import QueueKeys, job_id
from jobctl.broker.record import read_wire
from jobctl.broker.server_clock import ask_time
from jobctl.inspector.locate import known_queues
from jobctl.inspector.overdue import find_overdue
from jobctl.inspector.rate_history import RateHistory
from jobctl.inspector.redaction import redact_failure, secretive_types
from jobctl.inspector.status import (
    FailureLine,
    Overview,
    QueueStatus,
    rate_buckets,
    read_failures,
    read_workers,
    sum_rates,
    waited_ms,
)
from jobctl.records import JobState

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

    from jobctl.compiler.plan import Plan

COUNTS = 11  # what `_ask_counts` asks about a queue


async def survey(
    redis: Redis,
    plan: Plan | None,
    *,
    queues: bool = False,
    window_s: int = 0,
    workers: bool = False,
    failures: int = 0,
    schedules: bool = False,
    history: RateHistory | None = None,
) -> Overview:
    """Read what is asked for; the rest of the overview stays empty.

    Args:
        redis: the broker.
        plan: names queues that have had no job yet, and gives weights.
        queues: count the jobs of every queue.
        window_s: rates over so many seconds, at most 15 minutes; 0 = none.
        workers: read the workers' reports.
        failures: how many of the latest failures.
        schedules: look for overdue ones.
        history: what earlier readings brought of the rates, to be carried on; then only what is new is read.
    """
    first = redis.pipeline(transaction=False)
    ask_time(first)
    first.smembers(keys.QUEUES)
    first.zrange(keys.WORKERS, 0, -1, withscores=True)
    first.lrange(keys.FAILURES, 0, max(failures, 1) - 1)
    first.zrange(keys.SCHEDULES, 0, -1, withscores=True)
    (now_s, now_us), stored, reporting, lines, seen = await first.execute()
    now_ms = now_s * 1000 + now_us // 1000
    names = known_queues(plan, stored)
    window = rate_buckets(now_ms, window_s)
    reports = [keys.worker(worker.decode()) for worker, expires_ms in reporting if expires_ms > now_ms]

    asked: dict[str, int] = {}
    second = redis.pipeline(transaction=False)
    if queues:
        for name in names:
            _ask_counts(second, QueueKeys(name))
    if window_s:
        history = RateHistory(window_s) if history is None else history
        asked = {name: history.ask(second, name, now_ms) for name in names}
    if schedules:
        for schedule_id, _ in seen:
            second.hgetall(keys.schedule(schedule_id.decode()))
    if workers and reports:
        second.mget(reports)
    answers = iter(await second.execute() if len(second) else ())
    counts = {name: [next(answers) for _ in range(COUNTS)] for name in names} if queues else {}
    buckets = {}
    if history is not None and window_s:
        for name in names:
            history.take(name, now_ms, [next(answers) for _ in range(asked[name])])
            buckets[name] = history.buckets(name, window)
    states = {schedule_id.decode(): (int(at), next(answers)) for schedule_id, at in seen} if schedules else {}
    raw_reports = next(answers) if workers and reports else ()

    told = read_failures(lines) if failures else ()
    heads: dict[str, bytes] = {name: head for name, (*_, head) in counts.items() if head is not None}
    secretive = secretive_types(plan) if told else ()
    failed = [job_id(one.queue, one.key).encode() for one in told if one.type in secretive]
    records: dict[bytes, bytes | None] = {}
    if wanted := list(dict.fromkeys([*heads.values(), *failed])):
        records = dict(zip(wanted, await redis.mget(wanted), strict=True))
    return Overview(
        at_ms=now_ms,
        queues=tuple(
            _status(plan, name, found, waited_ms(records.get(heads.get(name, b"")), now_ms))
            for name, found in counts.items()
        ),
        rates=sum_rates(buckets, now_ms, window),
        workers=read_workers(raw_reports),
        failures=tuple(_without_secrets(plan, one, records) for one in told),
        overdue=find_overdue(plan, states, now_ms) if states else (),
    )


def _without_secrets(plan: Plan | None, failure: FailureLine, records: Mapping[bytes, bytes | None]) -> FailureLine:
    """Return a failure as it may be shown: errors quote what handlers were given."""
    if plan is None:
        return failure
    raw = records.get(job_id(failure.queue, failure.key).encode())
    try:
        job = read_wire(raw) if raw is not None else None
    except ValueError:
        job = None
    # a key can be used again, by a job that has other secrets
    is_same = job is not None and job.function == failure.type and job.queued <= failure.at_ms
    return redact_failure(failure, (job.kwargs or {}) if job is not None and is_same else None, plan)


def _ask_counts(pipe: Pipeline, of: QueueKeys) -> None:
    pipe.exists(of.paused)
    pipe.llen(of.queued)
    pipe.llen(of.active)
    pipe.zcount(of.incomplete, "(0", "+inf")
    for index in (of.retrying, of.complete, of.dead, of.cancelled, of.replayed):
        pipe.zcard(index)
    pipe.hlen(of.poison)
    pipe.lindex(of.queued, 0)


def _status(plan: Plan | None, name: str, counts: Sequence[Any], oldest_wait_ms: int | None) -> QueueStatus:
    paused, queued, active, later, retrying, complete, dead, cancelled, replayed, poison, _ = counts
    planned = next((queue for queue in plan.queues if queue.name == name), None) if plan else None
    return QueueStatus(
        name=name,
        weight=planned.weight if planned else 0,
        share=planned.share if planned else 0.0,
        paused=bool(paused),
        counts={
            JobState.SCHEDULED: max(later - retrying, 0),
            JobState.QUEUED: queued,
            JobState.ACTIVE: active,
            JobState.RETRYING: retrying,
            JobState.COMPLETE: complete,
            JobState.DEAD: dead,
            JobState.CANCELLED: cancelled,
        },
        replayed=replayed,
        poison=poison,
        oldest_wait_ms=oldest_wait_ms,
    )
