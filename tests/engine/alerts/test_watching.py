"""When alerts are told, how often, and by whom; from a job's death to the webhook."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from jobctl.alerts import ledger
from jobctl.alerts.conditions import Found, History, age, missed
from jobctl.alerts.ledger import Told
from jobctl.alerts.trial import fire
from jobctl.alerts.watching import Watch
from jobctl.alerts.watching import run as watching
from jobctl.broker.keys import ALERTS_WATCHER, QueueKeys
from jobctl.client import NewJob
from jobctl.compiler import bind
from jobctl.inspector import Inspector
from jobctl.inspector.rows import read_rows
from jobctl.records import JobRecord, JobState
from jobctl.worker import Worker


async def delivering(broker: Any) -> list[JobRecord]:
    """Return the jobs that deliver, whatever became of them."""
    of = QueueKeys("alerts")
    ids = [job for name in (of.incomplete, of.complete, of.dead) for job in await broker.zrange(name, 0, -1)]
    return [record for row in await read_rows(broker, [job.decode() for job in ids]) if (record := row.record())]


async def deliveries(broker: Any, plan: Any) -> list[dict[str, Any]]:
    return [dict(job.payload) for job in await delivering(broker)]


async def long_ago(broker: Any, name: str) -> None:
    """Let the latest message of an alert be an hour old."""
    told = (await ledger.read(broker, [name]))[name]
    await ledger.write(broker, name, Told(told.told_ms - 3_600_000, told.seen_ms, told.is_firing))


async def test_deaths_are_gathered_by_type_and_error(broker, declare, client, work) -> None:
    plan = declare("deaths: {when: dead, to: $OPS}")
    watch = Watch(broker, "w1")
    await watch.look(plan)
    await client(plan).enqueue_many([NewJob("bad", {"n": n}) for n in range(3)] + [NewJob("worse", {"n": 0})])
    await work(plan)

    assert await watch.look(plan) == ["deaths"]

    (told,) = await deliveries(broker, plan)
    assert told["title"] == "4 jobs died"
    assert told["lines"][0].startswith("2 x bad: ValueError: no 0 (e.g. ")
    assert sorted(line.partition(" (e.g.")[0] for line in told["lines"]) == [
        "1 x bad: ValueError: no 1",
        "1 x worse: ValueError: no 0",
        "2 x bad: ValueError: no 0",
    ]


async def test_a_death_is_told_without_the_secrets_of_its_job(broker, declare, client, work) -> None:
    plan = declare("deaths: {when: dead, to: $OPS}")
    watch = Watch(broker, "w1")
    await watch.look(plan)
    await client(plan).enqueue("leak", token="hunter2")
    await work(plan)
    await watch.look(plan)

    (told,) = await deliveries(broker, plan)
    assert told["lines"][0].startswith("1 x leak: ValueError: refused: *** (e.g. ")


async def test_deaths_before_the_alert_was_declared_are_old_news(broker, declare, client, work) -> None:
    plan = declare("deaths: {when: dead, to: $OPS}")
    await client(plan).enqueue("bad", n=1)
    await work(plan)
    watch = Watch(broker, "w1")

    assert await watch.look(plan) == []
    assert await watch.look(plan) == []


async def test_only_the_jobs_and_queues_it_names(broker, declare, client, work) -> None:
    plan = declare(
        "a: {when: dead, to: $OPS, jobs: [worse]}\n  b: {when: dead, to: $OPS, queues: [critical]}\n"
        "  c: {when: dead, to: $OPS, jobs: [fine]}"
    )
    watch = Watch(broker, "w1")
    await watch.look(plan)
    await client(plan).enqueue("bad", n=1)
    await work(plan)
    assert await watch.look(plan) == []

    await client(plan).enqueue("worse", n=1)
    await work(plan)

    assert await watch.look(plan) == ["a", "b"]


async def test_at_most_one_message_in_so_long_and_nothing_is_lost(broker, declare, client, work) -> None:
    plan = declare("deaths: {when: dead, to: $OPS, every: 10m}")
    watch = Watch(broker, "w1")
    await watch.look(plan)
    told = []
    for _ in range(3):
        await client(plan).enqueue("bad", n=1)
        await work(plan)
        told += await watch.look(plan)
    assert told == ["deaths"]

    await long_ago(broker, "deaths")
    assert await watch.look(plan) == ["deaths"]

    assert sorted(one["title"] for one in await deliveries(broker, plan)) == ["1 job died", "2 jobs died"]


async def test_a_state_is_told_when_it_begins_again_when_it_lasts_and_when_it_is_over(broker, declare, client) -> None:
    plan = declare("late: {when: age, above: 1s, to: $OPS, queues: [default]}")
    watch = Watch(broker, "w1")
    await client(plan).enqueue("fine")
    raw = await broker.lindex(QueueKeys("default").queued, 0)
    record = await broker.get(raw)
    await broker.set(raw, record.replace(b'"queued":1', b'"queued":1,"x":1'))  # enqueued long ago

    assert await watch.look(plan) == ["late"]
    assert await watch.look(plan) == []
    await long_ago(broker, "late")
    assert await watch.look(plan) == ["late"]
    await broker.delete(QueueKeys("default").queued)
    assert await watch.look(plan) == ["late"]
    assert await watch.look(plan) == []

    assert [one["event"] for one in sorted(await deliveries(broker, plan), key=lambda one: one["at_ms"])] == [
        "firing", "firing", "resolved"
    ]  # fmt: skip


async def test_share_of_failed_attempts(broker, declare, client, work) -> None:
    plan = declare("failing: {when: failures, ratio: 0.5, least: 4, to: $OPS}")
    watch = Watch(broker, "w1")
    await watch.look(plan)
    await client(plan).enqueue_many([NewJob("bad", {"n": 1})] * 3 + [NewJob("fine")] * 10)
    await work(plan)
    assert await watch.look(plan) == []  # three attempts say nothing

    await client(plan).enqueue("bad", n=1)
    await work(plan)

    assert await watch.look(plan) == ["failing"]
    (told,) = await deliveries(broker, plan)
    assert told["lines"] == ["100% of 4 attempts of bad in queue default failed"]


async def test_worker_that_goes_on_watching_gives_no_all_clear_before_it_knows(broker, declare, client, work) -> None:
    """A deploy replaces the worker that watches; the new one has seen no failure yet, nor anything else."""
    plan = declare("failing: {when: failures, ratio: 0.5, least: 4, to: $OPS}")
    before = Watch(broker, "w1")
    await before.look(plan)
    await client(plan).enqueue_many([NewJob("bad", {"n": 1})] * 4)
    await work(plan)
    assert await before.look(plan) == ["failing"]

    await broker.delete(ALERTS_WATCHER)
    await Watch(broker, "w2").look(plan)

    assert [one["event"] for one in await deliveries(broker, plan)] == ["firing"]
    assert (await ledger.read(broker, ["failing"]))["failing"].is_firing


def test_history_covers_a_window_once_it_is_as_long() -> None:
    history = History()
    assert not history.covers(300.0)
    for second in range(0, 600, 5):
        history.add(float(second), {}, 300.0)
        assert history.covers(300.0) == (second >= 300), second


def test_window_of_failures(declare) -> None:
    plan = declare("failing: {when: failures, ratio: 0.5, least: 10, window: 5m, to: $OPS}")
    (alert,) = plan.alerts
    history = History()
    for minute, counts in enumerate(
        [(0, 100), (50, 150), (50, 250), (50, 350), (50, 450), (50, 550), (50, 650), (50, 750)]
    ):
        history.add(60.0 * minute, {("default", "bad"): counts}, 300.0)
        found = history.failures(plan, alert)
        assert bool(found.lines) == (minute == 1), minute

    assert len(history.looks) <= 7


def test_counters_that_began_anew_are_not_negative(declare) -> None:
    plan = declare("failing: {when: failures, least: 1, to: $OPS}")
    history = History()
    history.add(0.0, {("default", "bad"): (50, 50)}, 900.0)
    history.add(5.0, {("default", "bad"): (2, 4)}, 900.0)

    assert history.failures(plan, plan.alerts[0]) == Found()


async def test_paused_queues_may_be_old(broker, declare, client) -> None:
    plan = declare("late: {when: age, above: 1m, to: $OPS}")
    queues = await Inspector(broker, plan).queues()
    old = [replace(queue, oldest_wait_ms=61_000, paused=queue.name == "critical") for queue in queues]

    assert age(plan.alerts[0], old).lines == (
        "the next job of queue default has been due for 1m1s",
        "the next job of queue alerts has been due for 1m1s",
    )


async def test_missed_ticks(broker, declare) -> None:
    plan = declare("missed: {when: missed, above: 1m, to: $OPS, jobs: [fine]}")
    (status,) = await Inspector(broker, plan).schedules.statuses()

    assert missed(plan.alerts[0], [replace(status, overdue_ms=59_000)]) == Found()
    late = missed(plan.alerts[0], [replace(status, overdue_ms=61_000)])
    assert late == Found("schedules did not fire", ("schedule fine has been due for 1m1s",))


async def test_one_worker_of_all_looks(broker, declare) -> None:
    plan = declare("deaths: {when: dead, to: $OPS}")
    first, second = Watch(broker, "w1"), Watch(broker, "w2")
    await first.look(plan)
    await second.look(plan)
    assert await broker.get(ALERTS_WATCHER) == b"w1"

    await broker.delete(ALERTS_WATCHER)  # w1 is gone
    await second.look(plan)

    assert await broker.get(ALERTS_WATCHER) == b"w2"
    assert 0 < await broker.pttl(ALERTS_WATCHER) <= 15_000


async def test_from_a_death_to_the_webhook(broker, redis_url, declare, client, hook, monkeypatch) -> None:
    monkeypatch.setattr("jobctl.alerts.watching.PERIOD_S", 0.1)
    plan = declare(f"deaths: {{when: dead, to: ['{hook.url}', 'exec:false'], every: 1s}}")
    worker = Worker.for_plan(plan, bind(plan), url=redis_url, beside=watching)
    serving = asyncio.ensure_future(worker.run())
    async with asyncio.timeout(20):
        await worker.started.wait()
        while not await broker.exists(ALERTS_WATCHER):
            await asyncio.sleep(0.01)
        await client(plan).enqueue("bad", n=1)
        while not hook.bodies:
            await asyncio.sleep(0.05)
        await worker.stop()
        await serving

    assert hook.events[0] == ("deaths", "firing")
    waiting = [job for job in await delivering(broker) if job.attempts]
    assert {job.state for job in waiting} <= {JobState.COMPLETE, JobState.RETRYING}
    assert "the command ended with 1" in next(job.error or "" for job in waiting if job.state is JobState.RETRYING)


async def test_a_slow_webhook_holds_up_nobody(broker, redis_url, declare, client, hook) -> None:
    plan = declare(f"deaths: {{when: dead, to: ['{hook.url}', 'exec:true']}}")
    worker = Worker.for_plan(plan, bind(plan), url=redis_url, concurrency=4)
    serving = asyncio.ensure_future(worker.run())
    hook.hold.clear()
    async with asyncio.timeout(20):
        slow, quick = await fire(broker, plan, plan.alerts[0], 0.5)
        assert await asyncio.to_thread(hook.asked.wait, 10)
        job = await client(plan).enqueue("fine")
        assert (await client(plan).wait(job)).state is JobState.COMPLETE
        hook.hold.set()
        assert (await client(plan).wait(slow.key)).state is JobState.COMPLETE
        await worker.stop()
        await serving

    assert slow.state is JobState.ACTIVE
    assert quick.state is JobState.COMPLETE


async def test_a_forged_job_cannot_choose_where_to(broker, redis_url, declare, client, work, hook) -> None:
    plan = declare("deaths: {when: dead, to: $OPS}")
    body = {"event": "test", "title": "x", "lines": [], "at_ms": 1}
    keys = [
        (await client(plan).enqueue("jobctl-alert", alert="deaths", to=1, **body)).key,
        (await client(plan).enqueue("jobctl-alert", alert=f"exec:curl {hook.url}", to=0, **body)).key,
    ]
    await work(plan)

    for key in keys:
        job = await Inspector(broker, plan).job(key)
        assert job.state is JobState.DEAD
        assert "declare no alert" in (job.error or "")
    assert hook.bodies == []


@pytest.mark.parametrize("raw", [b"", b"{", b"[1]"])
async def test_ledger_of_another_version_is_begun_anew(broker, raw: bytes) -> None:
    await broker.hset("jobctl:alerts", "deaths", raw)

    assert await ledger.read(broker, ["deaths"]) == {}
