from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis

from jobctl.clock import FakeClock
from jobctl.errors import UsageError
from jobctl.inspector import Inspector, JobFilter, parse_filter, where
from jobctl.inspector.listing import BATCH
from jobctl.records import JobRecord, JobState

if TYPE_CHECKING:
    from conftest import Shelf

NOW_MS = 1_700_000_000_000


def ids(jobs: list[JobRecord] | tuple[JobRecord, ...]) -> list[str]:
    return [f"saq:job:{job.queue}:{job.key}" for job in jobs]


def only(*states: JobState) -> JobFilter:
    return where(state=states)


async def test_each_state_is_listed_from_its_index(inspector: Inspector, shelf: Shelf) -> None:
    put = {
        JobState.ACTIVE: shelf.active(),
        JobState.QUEUED: shelf.queued(),
        JobState.RETRYING: shelf.retrying(),
        JobState.SCHEDULED: shelf.scheduled(),
        JobState.DEAD: shelf.dead(),
        JobState.CANCELLED: shelf.cancelled(),
        JobState.COMPLETE: shelf.complete(),
    }

    for state, job in put.items():
        found = await inspector.jobs(only(state))
        assert [(each.state, *ids([each])) for each in found] == [(state, job)]
    assert ids(await inspector.jobs()) == list(put.values())


async def test_ended_jobs_come_newest_first_over_all_queues(inspector: Inspector, shelf: Shelf) -> None:
    first = shelf.dead("low", at_ms=NOW_MS - 3_000)
    second = shelf.dead("critical", at_ms=NOW_MS - 2_000)
    third = shelf.dead("low", at_ms=NOW_MS - 1_000)

    assert ids(await inspector.jobs(only(JobState.DEAD))) == [third, second, first]


async def test_waiting_jobs_come_by_due_time(inspector: Inspector, shelf: Shelf) -> None:
    late = shelf.scheduled("critical", due_ms=NOW_MS + 9_000)
    soon = shelf.scheduled("low", due_ms=NOW_MS + 1_500)

    found = await inspector.jobs(only(JobState.SCHEDULED))

    assert ids(found) == [soon, late]
    assert [job.due_ms for job in found] == [NOW_MS + 1_500, NOW_MS + 9_000]


async def test_queued_jobs_come_in_the_order_of_their_queue(inspector: Inspector, shelf: Shelf) -> None:
    jobs = [shelf.queued(queued=NOW_MS - 100 + n) for n in range(3)]
    handed_back = shelf.active(queued=NOW_MS - 1)
    shelf.server.lrem("saq:default:active", 1, handed_back)
    shelf.server.set(handed_back, shelf.server.get(handed_back).replace(b'"active"', b'"queued"'))
    shelf.server.lpush("saq:default:queued", handed_back)

    assert ids(await inspector.jobs(only(JobState.QUEUED))) == [handed_back, *jobs]


async def test_a_long_backlog_does_not_hide_the_one_dead_job(inspector: Inspector, shelf: Shelf) -> None:
    for _ in range(30):
        shelf.queued()
        shelf.complete()
    dead = shelf.dead()

    found = await inspector.jobs(limit=10)

    assert len(found) == 10
    assert dead in ids(found)
    assert {job.state for job in found} == {JobState.QUEUED, JobState.DEAD, JobState.COMPLETE}


async def test_pages_together_hold_every_job_once(inspector: Inspector, shelf: Shelf) -> None:
    put = set()
    for n in range(40):
        queue = ("critical", "default", "low")[n % 3]
        # many ends in one millisecond, as one turn of a worker tells them
        put |= {shelf.dead(queue, at_ms=NOW_MS - n // 8), shelf.complete(queue, at_ms=NOW_MS), shelf.queued(queue)}
        put |= {shelf.scheduled(queue, due_ms=NOW_MS + 5_000 + n // 10), shelf.retrying(queue, due_ms=NOW_MS + 5_000)}

    seen: list[str] = []
    cursor = None
    while True:
        page = await inspector.page(limit=7, cursor=cursor)
        seen += ids(page.jobs)
        cursor = page.cursor
        if cursor is None:
            break

    assert len(seen) == len(put) == 200
    assert set(seen) == put


async def test_a_page_goes_on_behind_jobs_that_were_removed_and_before_new_ones(
    inspector: Inspector, shelf: Shelf
) -> None:
    jobs = [shelf.dead(at_ms=NOW_MS - n) for n in range(6)]
    first = await inspector.page(only(JobState.DEAD), limit=3)

    shelf.dead(at_ms=NOW_MS + 5)
    shelf.server.zrem("jobctl:default:dead", *jobs[:3])
    second = await inspector.page(only(JobState.DEAD), limit=3, cursor=first.cursor)

    assert ids(first.jobs) == jobs[:3]
    assert ids(second.jobs) == jobs[3:]


async def test_more_ties_than_a_batch_are_all_listed(inspector: Inspector, shelf: Shelf) -> None:
    for _ in range(2 * BATCH + 100):
        shelf.dead(at_ms=NOW_MS)

    everything = await inspector.page(only(JobState.DEAD), limit=5_000)
    first = await inspector.page(only(JobState.DEAD), limit=BATCH + 50)
    rest = await inspector.page(only(JobState.DEAD), limit=5_000, cursor=first.cursor)

    assert len(set(ids(everything.jobs))) == 2 * BATCH + 100
    assert ids(first.jobs) + ids(rest.jobs) == ids(everything.jobs)
    assert rest.cursor is None


async def test_jobs_are_chosen_by_type_and_by_the_jobs_name(inspector: Inspector, shelf: Shelf) -> None:
    for _ in range(5):
        shelf.dead(type="mail:send")
    wanted = shelf.dead(type="sync:briefly", at_ms=NOW_MS - 1)

    assert ids(await inspector.jobs(where(type="sync:briefly"))) == [wanted]
    assert ids(await inspector.jobs(where(type="sync-briefly"))) == [wanted]
    assert await inspector.jobs(where(type="mail:sen")) == []


async def test_a_rare_type_is_found_behind_batches_of_others(inspector: Inspector, shelf: Shelf) -> None:
    wanted = shelf.complete(type="rare", at_ms=NOW_MS - 1)
    for _ in range(BATCH + 20):
        shelf.complete(type="mail:send")

    assert ids(await inspector.jobs(where(type="rare"), limit=1)) == [wanted]


async def test_a_type_written_with_escapes_is_found(inspector: Inspector, shelf: Shelf) -> None:
    wanted = shelf.dead(type="größe")

    assert ids(await inspector.jobs(where(type="größe"))) == [wanted]


async def test_jobs_are_chosen_by_queue(inspector: Inspector, shelf: Shelf) -> None:
    shelf.dead("default")
    wanted = shelf.dead("low")

    assert ids(await inspector.jobs(where(queue="low"))) == [wanted]


async def test_a_queue_outside_the_plan_is_known_once_it_held_a_job(inspector: Inspector, shelf: Shelf) -> None:
    wanted = shelf.queued("legacy")

    assert ids(await inspector.jobs(where(queue="legacy"))) == [wanted]
    assert ids(await inspector.jobs()) == [wanted]


async def test_a_misspelt_queue_is_refused_with_the_nearest(inspector: Inspector) -> None:
    with pytest.raises(UsageError, match="no queue `defualt`") as caught:
        await inspector.jobs(where(queue="defualt"))

    assert caught.value.hint == "did you mean `default`?"


async def test_jobs_are_chosen_by_age(inspector: Inspector, shelf: Shelf, clock: FakeClock) -> None:
    old = shelf.dead(at_ms=NOW_MS - 3_600_000)
    new = shelf.dead(at_ms=NOW_MS - 60_000)
    waiting = shelf.queued(queued=NOW_MS - 600_000)

    assert ids(await inspector.jobs(where(older_than_s=1_800))) == [old]
    assert ids(await inspector.jobs(where(newer_than_s=120))) == [new]
    assert ids(await inspector.jobs(where(older_than_s=300, newer_than_s=900))) == [waiting]
    clock.advance(3_600)
    assert set(ids(await inspector.jobs(where(older_than_s=3_600)))) == {old, new, waiting}


async def test_an_age_is_read_off_the_index_of_ended_jobs(inspector: Inspector, shelf: Shelf) -> None:
    for n in range(50):
        shelf.dead(at_ms=NOW_MS - 10_000_000 - n)
    before = _calls(shelf.server, "zrevrangebyscore")

    found = await inspector.jobs(where(state=JobState.DEAD, queue="default", newer_than_s=60))

    assert found == []
    assert _calls(shelf.server, "zrevrangebyscore") - before == 1


async def test_replayed_jobs_are_listed_only_when_asked_for(inspector: Inspector, shelf: Shelf) -> None:
    replayed = shelf.dead(at_ms=NOW_MS - 1)
    shelf.server.zrem("jobctl:default:dead", replayed)
    shelf.server.zadd("jobctl:default:replayed", {replayed: NOW_MS - 1})
    dead = shelf.dead()

    assert ids(await inspector.jobs(only(JobState.DEAD))) == [dead]
    query = where(state="dead") & parse_filter("replayed=true,false")
    assert ids(await inspector.jobs(query)) == [dead, replayed]


async def test_an_orphan_in_the_active_list_is_shown_as_active(inspector: Inspector, shelf: Shelf) -> None:
    orphan = shelf.active(status="queued", started=0)

    found = await inspector.jobs(only(JobState.ACTIVE))

    assert [(job.state, *ids([job])) for job in found] == [(JobState.ACTIVE, orphan)]


async def test_a_retry_is_listed_once(inspector: Inspector, shelf: Shelf) -> None:
    retry = shelf.retrying()
    of_a_stock_worker = shelf.scheduled(attempts=1)

    assert ids(await inspector.jobs(only(JobState.RETRYING))) == [retry]
    assert ids(await inspector.jobs(only(JobState.SCHEDULED))) == [of_a_stock_worker]
    assert sorted(ids(await inspector.jobs())) == [retry, of_a_stock_worker]


async def test_entries_without_a_record_are_passed_over_and_counted(inspector: Inspector, shelf: Shelf) -> None:
    gone = [shelf.queued(), shelf.dead(), shelf.complete(), shelf.active()]
    shelf.server.delete(*gone)
    there = shelf.queued()

    page = await inspector.page()

    assert ids(page.jobs) == [there]
    assert page.skipped == 4


@pytest.mark.parametrize(
    "raw",
    [b"", b"not json", b"[]", b"null", b'"text"', b"{", b'{"function":', b"\xff\xfe", b"[" * 100_000],
    ids=["empty", "words", "list", "null", "text", "cut", "cut later", "bytes", "deep"],
)
async def test_a_record_that_cannot_be_read_is_listed_with_the_reason(
    inspector: Inspector, shelf: Shelf, raw: bytes
) -> None:
    for job in (shelf.queued(), shelf.active(), shelf.scheduled(), shelf.retrying(), shelf.dead(), shelf.complete()):
        shelf.server.set(job, raw)

    found = await inspector.jobs()

    assert len(found) == 6
    assert all("cannot be read" in str(job.error) for job in found)
    assert await inspector.jobs(where(type="mail:send")) == []


async def test_fields_of_the_wrong_kind_do_not_stop_a_listing(inspector: Inspector, shelf: Shelf) -> None:
    odd = shelf.dead(kwargs=[1, 2], meta="text", attempts="many", timeout=None, error={"a": 1}, progress="half")
    shelf.server.hset("jobctl:default:losses", odd, "{broken")

    assert len(await inspector.jobs()) == 1


async def test_ids_that_are_no_text_do_not_stop_a_listing(inspector: Inspector, shelf: Shelf) -> None:
    shelf.server.rpush("saq:default:queued", b"\xff\xfe", b"", b"no-id-at-all")
    shelf.server.zadd("jobctl:default:dead", {b"\xff\xfe": NOW_MS, b"\xff\xfd": NOW_MS})
    there = shelf.queued()

    page = await inspector.page()

    assert ids(page.jobs) == [there]
    assert page.skipped == 5


async def test_a_page_costs_a_few_round_trips_and_never_a_scan(
    inspector: Inspector, shelf: Shelf, server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(300):
        shelf.complete(("critical", "default", "low")[n % 3], at_ms=NOW_MS - n)
        shelf.queued()
    trips = _count_trips(inspector, monkeypatch)
    server.config_resetstat()  # the server is the session's: other tests have left their counts

    await inspector.jobs(limit=50)

    assert len(trips) <= 5
    stats = server.info("commandstats")
    assert not {"cmdstat_scan", "cmdstat_keys", "cmdstat_zscan", "cmdstat_hscan"} & set(stats)


@pytest.mark.parametrize("limit", [0, -1])
async def test_a_page_without_jobs_is_refused(inspector: Inspector, limit: int) -> None:
    with pytest.raises(UsageError, match="cannot be listed"):
        await inspector.jobs(limit=limit)


async def test_an_empty_broker_has_an_empty_last_page(inspector: Inspector) -> None:
    page = await inspector.page()

    assert (page.jobs, page.cursor, page.skipped) == ((), None, 0)


def _calls(server: redis.Redis, command: str) -> int:
    return server.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"]


def _count_trips(inspector: Inspector, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    from redis.asyncio.client import Pipeline

    trips: list[int] = []
    execute = Pipeline.execute

    async def counted(self: Pipeline, *args: object, **options: object) -> object:
        trips.append(len(self))
        return await execute(self, *args, **options)

    monkeypatch.setattr(Pipeline, "execute", counted)
    return trips
