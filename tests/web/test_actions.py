"""What is done on a page happens, is told, and stands in the audit log under whoever did it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis
from tests.web.browser import PASSWORD, SECRET, Browser, text_of

from jobctl.client import Client, NewJob
from jobctl.compiler.plan import Plan
from jobctl.inspector import Inspector, audit
from jobctl.worker import Worker
from jobctl_web.app import Web
from jobctl_web.config import WebConfig

Work = Callable[[], Awaitable[None]]


async def test_queue_is_paused_and_resumed(browser: Browser, redis: Redis, plan: object) -> None:
    await browser.get("/")

    told = [await browser.told(await browser.post(f"/queues/critical/{verb}")) for verb in ("pause", "pause", "resume")]

    assert told == [
        "Done. Queue critical is paused.",
        "Done. Queue critical was already paused.",
        "Done. Queue critical runs again.",
    ]
    assert [entry.action for entry in await audit.read(redis)] == ["queue.resume", "queue.pause"]


async def test_audit_log_names_who_logged_in(open_web: Callable[..., Web], guarded: WebConfig, redis: Redis) -> None:
    browser = Browser(open_web(guarded))
    await browser.log_in("otto", PASSWORD)
    await browser.get("/")

    await browser.post("/queues/critical/pause")

    (entry,) = await audit.read(redis)
    assert entry.actor == "otto@web"
    assert "otto@web" in (await browser.get("/audit")).text


async def test_dead_job_is_replayed_and_leads_to_its_replay(browser: Browser, client: Client, work: Work) -> None:
    job = await client.enqueue("boom", id=7)
    await work()
    await browser.get(f"/jobs/{job.key}")

    answer = await browser.post("/replay", {"job": f"{job.queue}:{job.key}"})
    page = await browser.get(answer.headers["location"])

    assert "Replayed as" in page.text
    assert job.key in page.text  # its origin


async def test_second_replay_is_refused_with_its_reason(browser: Browser, client: Client, work: Work) -> None:
    job = await client.enqueue("boom", id=7)
    await work()
    await browser.get("/")
    await browser.told(await browser.post("/replay", {"job": job.key}))

    told = await browser.told(await browser.post("/replay", {"job": job.key, "back": "/jobs"}))

    assert told.startswith("Refused.")
    assert "replayed already" in told


async def test_form_enqueues_a_job(browser: Browser, client: Client, redis: Redis) -> None:
    await browser.get("/enqueue/greet")

    answer = await browser.post(
        "/enqueue",
        {"registration": "greet", "payload.name": "Ada", "payload.times": "3", "payload.token": SECRET, "delay": "5m"},
    )

    record = await Inspector(redis).job(answer.headers["location"].rpartition("/")[2])
    assert record.payload == {"name": "Ada", "times": 3, "token": SECRET}
    assert record.state == "scheduled"
    (entry,) = await audit.read(redis)
    assert entry.action == "job.enqueue"
    assert SECRET not in str(entry)


async def test_form_says_what_is_wrong_beside_the_field(browser: Browser) -> None:
    await browser.get("/enqueue/greet")

    answer = await browser.post("/enqueue", {"registration": "greet", "payload.times": "9", "payload.name": ""})

    assert answer.status_code == 422
    shown = text_of(answer.text)
    assert "is required" in shown
    assert "at most 5" in shown
    assert 'value="9"' in answer.text  # nothing that was typed is lost


async def test_form_refuses_options_that_cannot_be(browser: Browser) -> None:
    await browser.get("/enqueue/greet")

    answer = await browser.post("/enqueue", {"registration": "greet", "payload.name": "Ada", "delay": "5"})

    assert answer.status_code == 422
    assert "is not a duration" in text_of(answer.text)


async def test_duplicate_is_refused_with_its_holder(browser: Browser, client: Client) -> None:
    holder = await client.enqueue("sync", id=7)
    await browser.get("/enqueue/sync")

    answer = await browser.post("/enqueue", {"registration": "sync", "payload.id": "7"})
    passed = await browser.post("/enqueue", {"registration": "sync", "payload.id": "7", "unique": "no"})

    assert holder.key in answer.text
    assert passed.status_code == 303


async def test_schedule_runs_now(browser: Browser, redis: Redis) -> None:
    await browser.get("/schedules")

    told = await browser.told(await browser.post("/schedules/run", {"schedule": "boom", "back": "/schedules/boom"}))

    assert told.startswith("Done. boom runs: job cron:boom:")
    (entry,) = await audit.read(redis)
    assert (entry.action, entry.target) == ("schedule.run", "boom")


async def test_waiting_job_is_cancelled(browser: Browser, client: Client, redis: Redis) -> None:
    job = await client.enqueue("greet", name="Ada", delay="1h")
    await browser.get(f"/jobs/{job.key}")

    told = await browser.told(await browser.post("/cancel", {"job": job.key}))

    assert told == f"Done. {job.key} is cancelled."
    assert (await Inspector(redis).job(job.key)).state == "cancelled"


async def test_delete_asks_first(browser: Browser, client: Client, redis: Redis) -> None:
    job = await client.enqueue("greet", name="Ada", delay="1h")
    await browser.get(f"/jobs/{job.key}")

    question = await browser.post("/delete", {"job": job.key})
    kept = await Inspector(redis).job(job.key)
    told = await browser.told(await browser.post("/delete", {"job": job.key, "confirm": "yes"}))

    assert "Delete a job" in question.text
    assert kept.key == job.key
    assert told == f"Done. {job.key} is deleted."


async def test_edited_job_is_replayed_with_its_secrets_kept(
    browser: Browser, client: Client, work: Work, redis: Redis
) -> None:
    job = await client.enqueue("boom", id=7, token=SECRET)
    await work()
    form = await browser.get(f"/jobs/{job.queue}:{job.key}/edit")

    answer = await browser.post(
        "/edit", {"job": f"{job.queue}:{job.key}", "payload.id": "8", "payload.token": "", "queue": "critical"}
    )

    assert SECRET not in form.text
    record = await Inspector(redis).job(answer.headers["location"].rpartition("/")[2])
    assert record.payload == {"id": 8, "token": SECRET}
    assert (record.queue, record.origin) == ("critical", job.key)


async def test_edit_says_what_is_wrong_beside_the_field(browser: Browser, client: Client, work: Work) -> None:
    job = await client.enqueue("boom", id=7)
    await work()
    await browser.get(f"/jobs/{job.key}/edit")

    answer = await browser.post("/edit", {"job": job.key, "payload.id": "seven", "queue": "default"})

    assert answer.status_code == 422
    assert "must be a whole number" in text_of(answer.text)


async def test_hidden_part_of_an_object_is_not_stored_as_stars(browser: Browser, client: Client, work: Work) -> None:
    job = await client.enqueue("greet", name="Ada", deep={"pin": SECRET, "to": "x"})
    await work()
    await browser.get(f"/jobs/{job.key}/edit")

    changed = {"job": job.key, "payload.name": "Ada", "payload.times": "1", "payload.deep": '{"pin": "***", "to": "y"}'}
    answer = await browser.post("/edit", {**changed, "queue": "critical"})

    assert answer.status_code == 422
    assert "type it anew" in text_of(answer.text)


async def test_ticked_jobs_are_replayed_once_confirmed(browser: Browser, client: Client, work: Work) -> None:
    jobs = [await client.enqueue("boom", id=n) for n in range(3)]
    await work()
    await browser.get("/jobs?state=dead")
    chosen = {"do": "replay", "job": [f"{job.queue}:{job.key}" for job in jobs[:2]], "back": "/jobs"}

    question = await browser.post("/bulk", chosen)
    told = await browser.told(await browser.post("/bulk", {**chosen, "confirm": "yes"}))

    assert "Replay 2 jobs" in question.text
    assert told == "Done. 2 jobs replayed."


async def test_all_that_match_are_deleted_and_noted_with_their_filter(
    browser: Browser, client: Client, work: Work, redis: Redis
) -> None:
    await client.enqueue_many(NewJob("boom", {"id": n}) for n in range(30))
    await work()
    await browser.get("/jobs?state=dead&q=payload.id%3C20")
    chosen = {"do": "delete", "filter": "payload.id<20 and state=dead"}

    question = await browser.post("/bulk", chosen)
    told = await browser.told(await browser.post("/bulk", {**chosen, "confirm": "yes"}))

    assert "Delete 20 jobs" in question.text
    assert "and 12 more" in question.text
    assert told == "Done. 20 jobs deleted."
    (entry, *_) = await audit.read(redis)
    assert (entry.action, entry.count, entry.target) == ("job.delete", 20, "payload.id<20 and state=dead")


async def test_jobs_that_ended_after_the_question_are_left_alone(browser: Browser, client: Client, work: Work) -> None:
    await client.enqueue("boom", id=1)
    await work()
    await browser.get("/jobs?state=dead")
    question = await browser.post("/bulk", {"do": "replay", "filter": "state=dead"})
    before = question.text.partition('name="before" value="')[2].partition('"')[0]
    await client.enqueue("boom", id=2)
    await work()

    form = {"do": "replay", "filter": "state=dead", "before": before, "confirm": "yes"}
    told = await browser.told(await browser.post("/bulk", form))

    assert told == "Done. 1 job replayed."


async def test_operator_deletes_nothing_in_bulk(
    open_web: Callable[..., Web], guarded: WebConfig, client: Client
) -> None:
    await client.enqueue("greet", name="Ada", delay="1h")
    browser = Browser(open_web(guarded))
    await browser.log_in("otto", PASSWORD)
    await browser.get("/jobs")

    answer = await browser.post("/bulk", {"do": "delete", "filter": "state=scheduled", "confirm": "yes"})

    assert answer.status_code == 403


async def test_purge_needs_the_name_typed_and_a_state(browser: Browser, client: Client, redis: Redis) -> None:
    await client.enqueue("greet", name="Ada", delay="1h")
    await browser.get("/queues/critical")
    purge, sure = "/queues/critical/purge", {"confirm": "yes", "back": "/queues/critical"}

    question = await browser.post(purge)
    answers = [
        await browser.told(await browser.post(purge, {**sure, "typed": "nope", "state": "scheduled"})),
        await browser.told(await browser.post(purge, {**sure, "typed": "critical"})),
        await browser.told(await browser.post(purge, {**sure, "typed": "critical", "state": "scheduled"})),
    ]

    assert "scheduled (1)" in question.text
    assert [answer.partition(".")[0] for answer in answers] == ["Refused", "Refused", "Done"]
    assert [entry.action for entry in await audit.read(redis)] == ["queue.purge"]


async def test_worker_is_told_to_be_quiet(browser: Browser, redis_url: str, plan: Plan) -> None:
    worker = Worker.for_plan(plan, {}, url=redis_url, run_scheduler=False)
    running = asyncio.create_task(worker.run())
    async with asyncio.timeout(20):
        await worker.started.wait()
        while worker.id not in (await browser.get("/workers")).text:
            await asyncio.sleep(0.05)

        told = await browser.told(await browser.post("/workers/quiet", {"worker": worker.id, "back": "/workers"}))
        page = await browser.get("/workers")
        served = await browser.told(await browser.post("/workers/serve", {"worker": worker.id, "back": "/workers"}))
        worker.request_stop()
        await running

    assert "claims nothing more" in told
    assert "Serve again" in page.text
    assert "serves again" in served
