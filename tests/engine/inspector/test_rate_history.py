from __future__ import annotations

import redis
from redis.asyncio import Redis

from jobctl.broker.keys import QueueKeys
from jobctl.inspector import Inspector
from jobctl.inspector.rate_history import RateHistory

NOW_MS = 1_700_000_005_000  # five seconds into a bucket
NOW = NOW_MS // 10_000


def filled(span_s: int = 30) -> RateHistory:
    """A history of two queues; the oldest bucket is `NOW - 3`."""
    history = RateHistory(span_s)
    history.take(
        "mail", NOW_MS, [{b"started": b"100", b"wait_ms": b"500"}, {}, {b"started": b"20"}, {b"started": b"5"}]
    )
    history.take("sms", NOW_MS, [{b"started": b"10", b"wait_ms": b"5"}, {}, {}, {}])
    return history


def test_a_reader_wants_all_buckets_at_first_and_then_those_that_still_grow() -> None:
    history = RateHistory(30)

    assert history.wanted("mail", NOW_MS) == [NOW - 3, NOW - 2, NOW - 1, NOW]

    history.take("mail", NOW_MS, [{}, {}, {}, {}])
    assert history.wanted("mail", NOW_MS) == [NOW - 1, NOW]
    assert history.wanted("mail", NOW_MS + 20_000) == [NOW - 1, NOW, NOW + 1, NOW + 2]  # the first two have grown


def test_what_has_left_the_span_is_forgotten() -> None:
    history = filled()

    history.take("mail", NOW_MS + 10_000, [{}] * 3)

    assert history.buckets("mail", range(NOW - 2, NOW - 1)) == [{}]
    assert history.buckets("mail", range(NOW - 3, NOW - 2)) == [{}]


def test_rates_are_per_second_and_the_bucket_that_fills_counts_for_its_time() -> None:
    assert filled().per_s("started", ["mail", "sms"]) == [11.0, 0.0, 2.0, 1.0]


def test_a_mean_is_over_all_queues_and_none_where_nothing_started() -> None:
    assert filled().mean_ms("wait_ms", ["started"], ["mail", "sms"]) == [505 / 110, None, 0.0, 0.0]


def test_no_queues_have_no_rates() -> None:
    assert RateHistory().per_s("started", []) == []


async def test_second_overview_asks_for_two_buckets_a_queue(
    inspector: Inspector, broker: Redis, server: redis.Redis
) -> None:
    seconds, _ = await broker.time()
    server.hset(QueueKeys("default").rate(seconds // 10 - 5), mapping={"started": 70, "wait_ms": 700})
    history = RateHistory(300)

    async def asked() -> int:
        before = server.info("commandstats").get("cmdstat_hgetall", {}).get("calls", 0)
        await inspector.overview(history=history)
        return int(server.info("commandstats")["cmdstat_hgetall"]["calls"]) - before

    assert await asked() == 3 * 31
    assert await asked() in (3 * 2, 3 * 3)  # a bucket may have begun meanwhile
    assert 7.0 in history.per_s("started", ["default"])
    assert (await inspector.overview(history=history)).rates["default"].started == 70
