"""`jobctl audit`: what operators did, through the whole program."""

from __future__ import annotations

from typing import Any

import pytest

from jobctl.inspector import audit


@pytest.fixture(autouse=True)
def ann(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("JOBCTL_ACTOR", "ann@laptop")
    audit.default_actor.cache_clear()
    yield
    audit.default_actor.cache_clear()


def test_actions_are_noted_newest_first(jobctl: Any) -> None:
    jobctl("queues", "pause", "critical")
    jobctl("queues", "resume", "critical")

    newest, oldest = jobctl("audit", "-o", "json").json

    assert (oldest["action"], oldest["target"], oldest["actor"]) == ("queue.pause", "critical", "ann@laptop")
    assert (newest["action"], newest["count"]) == ("queue.resume", 1)


def test_what_changed_nothing_is_not_noted(jobctl: Any) -> None:
    jobctl("queues", "resume", "critical")

    assert jobctl("audit").lines == ["no actions"]


def test_filters(jobctl: Any) -> None:
    jobctl("queues", "pause", "critical", "default")

    def count(*args: str) -> int:
        return len(jobctl("audit", "-o", "json", *args).json)

    assert count("--action", "queue") == count("--action", "queue.pause") == count("--since", "1h") == 2
    assert count("--actor", "ann", "--target", "default") == 1
    assert count("--action", "worker") == count("--actor", "bob") == count("--since", "2100-01-01") == 0


def test_more_than_the_limit_is_told(jobctl: Any) -> None:
    jobctl("queues", "pause", "critical", "default")

    out = jobctl("audit", "--limit", "1", tty=True, NO_COLOR="1")

    assert len(out.lines) == 2
    assert max(map(len, out.lines)) <= 80
    assert "these are the latest 1" in out.stderr


def test_action_that_is_none_is_told(jobctl: Any) -> None:
    out = jobctl("audit", "--action", "queue.paus")

    assert out.exit_code == 2
    assert "there is no action `queue.paus`" in out.stderr
    assert "did you mean `queue.pause`?" in out.stderr


def test_time_that_is_none_is_told(jobctl: Any) -> None:
    out = jobctl("audit", "--since", "yesterday")

    assert out.exit_code == 2
    assert "`--since`: `yesterday` is neither a duration nor a time" in out.stderr
