"""After an outage the living keep their jobs: an ended lease says nothing while nobody could renew one."""

from __future__ import annotations

import asyncio
import time

from jobctl import Context
from jobctl.broker import keys
from jobctl.broker.cycle import Cycle, Ended
from jobctl.broker.upkeep import Upkeep

OF = keys.QueueKeys("default")
RESPITE_MS = 400


async def leased_job(shop, lease_ms: int) -> str:
    """Enqueue a job and claim it for a worker that never says anything again."""

    async def work(ctx: Context) -> None: ...

    shop.job(work)
    key = await shop.enqueue("work")
    cycle = Cycle(shop.url, dict(shop.weights), "silent", lease_ms=lease_ms)
    assert (await cycle.turn(Ended(), 1)).claims
    await cycle.close()
    if lease_ms == 1:
        await asyncio.sleep(0.01)  # it is over, by whatever clock
    return key


def upkeep(shop) -> Upkeep:
    return Upkeep(shop.redis, [OF], respite_ms=RESPITE_MS)


async def recovered(shop) -> list[str]:
    findings = await upkeep(shop).tick()
    return [keys.split_job_id(job.id)[1] for job in findings.recovered]


async def nobody_looked_for(shop, seconds: float, *, granted_ago_s: float = 3600) -> None:
    now_ms = int(time.time() * 1000)
    await shop.redis.set(OF.watched, f"{now_ms - int(seconds * 1000)} {now_ms - int(granted_ago_s * 1000)}")


async def test_leases_that_ended_in_an_outage_live_on_for_a_respite(shop) -> None:
    key = await leased_job(shop, lease_ms=1)
    await nobody_looked_for(shop, 6)

    at_once = await recovered(shop)
    job_id, ends_ms = (await shop.redis.zrange(OF.leases, 0, -1, withscores=True))[0]

    assert at_once == []
    assert 0 < ends_ms - time.time() * 1000 <= RESPITE_MS
    await shop.redis.zadd(OF.leases, {job_id: 1})  # the respite is over
    assert await recovered(shop) == [key]


async def test_leases_about_to_end_after_an_outage_get_the_respite_as_well(shop) -> None:
    await leased_job(shop, lease_ms=100)
    await nobody_looked_for(shop, 6)

    await recovered(shop)

    ((_, ends_ms),) = await shop.redis.zrange(OF.leases, 0, -1, withscores=True)
    assert ends_ms - time.time() * 1000 > 200


async def test_lease_that_has_long_to_live_is_not_shortened_by_the_respite(shop) -> None:
    await leased_job(shop, lease_ms=15_000)
    await nobody_looked_for(shop, 6)

    await recovered(shop)

    ((_, ends_ms),) = await shop.redis.zrange(OF.leases, 0, -1, withscores=True)
    assert ends_ms - time.time() * 1000 > 14_000


async def test_no_respite_while_somebody_looks_every_few_seconds(shop) -> None:
    key = await leased_job(shop, lease_ms=1)
    await nobody_looked_for(shop, 2)

    assert await recovered(shop) == [key]


async def test_respite_comes_once_a_minute_at_most(shop) -> None:
    """Workers whose handlers block them all the time would put recovery off for ever otherwise."""
    key = await leased_job(shop, lease_ms=1)
    await nobody_looked_for(shop, 6, granted_ago_s=10)

    assert await recovered(shop) == [key]


async def test_broken_record_of_a_lost_job_does_not_stop_the_recovery_of_others(shop) -> None:
    key = await leased_job(shop, lease_ms=1)
    job_id = keys.job_id("default", key)
    broken = (await shop.redis.get(job_id)).replace(b'"function":"work"', b'"function":"\xff\xfe"')
    await shop.redis.set(job_id, broken)

    findings = await Upkeep(shop.redis, [OF]).tick()

    assert [job.id for job in findings.recovered] == [job_id]
