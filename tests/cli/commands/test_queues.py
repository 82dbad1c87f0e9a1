from __future__ import annotations


def test_queues_are_listed_with_their_weights(jobctl) -> None:
    queues = jobctl("queues", "list", "-o", "json").json

    assert [queue["name"] for queue in queues][:1] == ["critical"]
    assert all(queue["paused"] is False for queue in queues)
    heading = jobctl("queues", "list").lines[0].split()
    assert heading[:4] == ["QUEUE", "STATE", "WEIGHT", "SHARE"]


def test_paused_queue_starts_nothing_until_it_is_resumed(jobctl, work) -> None:
    paused = jobctl("queues", "pause", "critical", "-o", "json")
    jobctl("enqueue", "boom", "--retries", "0", "--key", "one")

    work()

    assert paused.json[0]["paused"] is True
    assert jobctl("inspect", "one", "-o", "json").json["state"] == "queued"
    assert jobctl("queues", "resume", "critical", "-o", "name").lines == ["critical"]
    work()
    assert jobctl("inspect", "one", "-o", "json").json["state"] == "dead"


def test_second_pause_says_that_nothing_changed(jobctl) -> None:
    jobctl("queues", "pause", "critical")

    out = jobctl("queues", "pause", "critical")

    assert out.exit_code == 0
    assert "note: queue `critical` was paused already" in out.stderr


def test_misspelt_queue_is_a_usage_error_with_a_hint(jobctl) -> None:
    out = jobctl("queues", "pause", "critcal")

    assert out.exit_code == 2
    assert "error[queue.unknown]: there is no queue `critcal`" in out.stderr
    assert "did you mean `critical`?" in out.stderr
