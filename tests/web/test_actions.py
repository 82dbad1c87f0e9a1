"""What is done on a page happens, is told, and stands in the audit log under whoever did it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from redis.asyncio import Redis
from tests.web.browser import PASSWORD, SECRET, Browser, text_of

from jobctl.client import Client
from jobctl.inspector import Inspector, audit
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
