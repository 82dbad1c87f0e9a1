"""Live streams: one look a second for everybody, what changed and nothing else, and an end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest

from jobctl.errors import BrokerUnreachable
from jobctl_web import live as module
from jobctl_web.app import Web
from jobctl_web.live import Live, Parts, TooManyViewers


class Drawing:
    """A page that can be changed, and counts how often it was drawn."""

    def __init__(self) -> None:
        self.parts: Parts = {"a": "1", "b": "2"}
        self.error: Exception | None = None
        self.drawn = 0

    async def __call__(self) -> Parts:
        self.drawn += 1
        if self.error is not None:
            raise self.error
        return dict(self.parts)


def parsed(event: str) -> tuple[str, dict[str, str]]:
    kind, data = event.strip().splitlines()
    return kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))


async def follow(live: Live, drawing: Drawing, name: str = "page", every_s: float = 0.0) -> AsyncIterator[str]:
    stream = live.follow(name, drawing, every_s, lambda: True)
    assert (await anext(stream)).startswith("retry:")
    return stream


@pytest.fixture(autouse=True)
def stepped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Views are drawn when a test says so: the turns of the clock are far apart."""
    monkeypatch.setattr(module, "TICK_S", 3600.0)
    monkeypatch.setattr(module, "COST", 0.0)


async def test_first_event_brings_all_parts_and_the_next_what_changed() -> None:
    live, drawing = Live(), Drawing()
    stream = await follow(live, drawing)

    first = parsed(await anext(stream))
    drawing.parts = {"a": "1", "b": "3"}
    await live.tick()
    second = parsed(await anext(stream))

    assert first == ("parts", {"a": "1", "b": "2"})
    assert second == ("parts", {"b": "3"})
    await stream.aclose()


async def test_many_viewers_of_a_page_cost_one_drawing() -> None:
    live, drawing = Live(), Drawing()
    streams = [await follow(live, drawing) for _ in range(20)]
    events = [parsed(await anext(stream)) for stream in streams]

    assert drawing.drawn == 1
    assert len({str(event) for event in events}) == 1
    assert live.viewers == 20
    for stream in streams:
        await stream.aclose()
    assert live.viewers == 0


async def test_slow_viewer_gets_the_newest_and_no_backlog() -> None:
    live, drawing = Live(), Drawing()
    stream = await follow(live, drawing)
    await anext(stream)

    for n in range(10):
        drawing.parts = {"a": str(n), "b": "2"}
        await live.tick()

    assert parsed(await anext(stream)) == ("parts", {"a": "9"})
    await stream.aclose()


async def test_page_that_takes_long_is_drawn_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COST", 1e9)
    live, drawing = Live(), Drawing()
    stream = await follow(live, drawing)
    await anext(stream)

    await live.tick()
    await live.tick()

    assert drawing.drawn == 1
    await stream.aclose()


async def test_trouble_is_told_and_told_to_be_over() -> None:
    live, drawing = Live(), Drawing()
    stream = await follow(live, drawing)
    await anext(stream)

    drawing.error = BrokerUnreachable("no broker answers")
    await live.tick()
    trouble = parsed(await anext(stream))
    drawing.error = None
    await live.tick()
    over = parsed(await anext(stream))

    assert trouble == ("trouble", {"text": "no broker answers"})
    assert over == ("trouble", {"text": ""})
    await stream.aclose()


async def test_fault_of_ours_is_not_told_in_detail(caplog: pytest.LogCaptureFixture) -> None:
    live, drawing = Live(), Drawing()
    drawing.error = RuntimeError("at /srv/secret")
    stream = await follow(live, drawing)

    kind, data = parsed(await anext(stream))

    assert kind == "trouble"
    assert "/srv/secret" not in data["text"]
    assert "/srv/secret" in caplog.text
    await stream.aclose()


async def test_stream_ends_with_its_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_S", 0.01)
    live, drawing = Live(), Drawing()
    alive = [True, True, False]

    events = [event.split("\n")[0] async for event in live.follow("page", drawing, 0.0, lambda: alive.pop(0))]

    assert events[0].startswith("retry")
    assert events[-1] == "event: gone"
    assert alive == []


async def test_streams_end_when_the_console_does() -> None:
    live, drawing = Live(), Drawing()
    stream = await follow(live, drawing)
    await anext(stream)
    ending = asyncio.ensure_future(anext(stream, None))
    await asyncio.sleep(0)

    live.close()

    assert await asyncio.wait_for(ending, 5) is None


async def test_there_is_a_limit_of_viewers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_VIEWERS", 1)
    live, drawing = Live(), Drawing()
    stream = await follow(live, drawing)

    with pytest.raises(TooManyViewers):
        await anext(live.follow("other", drawing, 0.0, lambda: True))
    await stream.aclose()


async def test_viewers_ask_the_broker_once_a_turn(open_web: Callable[..., Web]) -> None:
    console = open_web().console

    before = (await console.redis.info("commandstats")).get("cmdstat_smembers", {}).get("calls", 0)
    await asyncio.gather(*(console.snapshot() for _ in range(50)))
    after = (await console.redis.info("commandstats"))["cmdstat_smembers"]["calls"]

    assert after - before == 1
