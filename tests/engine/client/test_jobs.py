from __future__ import annotations

import pytest

from jobctl.client import BlockingClient, Client, NewJob
from jobctl.compiler.plan import Plan
from jobctl.errors import UsageError
from jobctl.inspector import FilterError


async def test_jobs_are_found_by_filter_in_either_client(client: Client, plan: Plan, redis_url: str) -> None:
    for n in range(3):
        await client.enqueue("mail-send", {"to": f"Ada {n}"}, tags=["night", "batch:7"], key=f"tagged-{n}")
    await client.enqueue("mail-send", {"to": "Bob"}, key="plain")
    with BlockingClient(plan, redis_url) as blocking:
        for wanted in ("tag=batch:7 and payload.to='Ada 1'", "key=tagged-1", "payload.to~'ada 1'"):
            (found,) = await client.jobs(wanted)
            assert [found] == blocking.jobs(wanted)
            assert (found.key, found.tags) == ("tagged-1", ("night", "batch:7"))
        assert len(blocking.jobs()) == len(await client.jobs()) == 4
        assert len(blocking.jobs("state=queued", limit=2)) == 2
        with pytest.raises(FilterError):
            blocking.jobs("stat=queued")
        with pytest.raises(UsageError, match="no queue"):
            blocking.jobs("queue=nowhere")


@pytest.mark.parametrize("tags", ["night", ["two words"], [""], [7]])
async def test_what_is_no_tag_is_refused(client: Client, tags: list[str]) -> None:
    with pytest.raises(UsageError, match="cannot be among a job's tags"):
        await client.enqueue("mail-send", {"to": "Ada"}, tags=tags)


async def test_all_of_many_jobs_are_waited_for(client: Client, plan: Plan) -> None:
    await client.enqueue_many(NewJob("mail-send", {"to": "Ada"}, key=f"job-{n}") for n in range(130))
    await client.inspector.repair.cancel(await _all(client))
    ended: list[int] = []

    found = await client.wait_many([*(f"job-{n}" for n in range(130)), "none"], timeout=10, tell=ended.append)

    assert [getattr(each, "state", type(each).__name__) for each in found] == ["cancelled"] * 130 + ["JobNotFound"]
    assert ended == list(range(1, 131))


async def test_waiting_for_many_ends_in_time(client: Client) -> None:
    await client.enqueue_many(NewJob("mail-send", {"to": "Ada"}, key=f"job-{n}") for n in range(3))

    found = await client.wait_many(["job-0", "job-1", "job-2"], timeout=0.05)

    assert {type(each).__name__ for each in found} == {"WaitTimeout"}


async def _all(client: Client) -> list:
    from jobctl.inspector.deeds import Deed

    return await client.inspector.repair.select(Deed.CANCEL, None)
