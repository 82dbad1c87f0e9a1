from __future__ import annotations


def test_queues_are_listed_with_their_weights(jobctl) -> None:
    queues = jobctl("queues", "list", "-o", "json").json

    assert [queue["name"] for queue in queues][:1] == ["critical"]
    assert all(queue["paused"] is False for queue in queues)
    heading = jobctl("queues", "list").lines[0].split()
    assert heading[:4] == ["QUEUE", "STATE", "WEIGHT", "SHARE"]
    assert max(map(len, jobctl("queues", "list", tty=True, NO_COLOR="1").lines)) <= 80


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


def test_purge_asks_and_a_pipe_cannot_answer(jobctl) -> None:
    jobctl("enqueue", "greet", "--name", "Ada")

    out = jobctl("queues", "purge", "default")
    dry = jobctl("queues", "purge", "default", "--dry-run")

    assert (out.exit_code, dry.exit_code) == (2, 0)
    assert "error[usage.unconfirmed]: 1 job of queue `default` (queued) would be deleted" in out.stderr
    assert "a dry run; 1 job of queue `default` (queued) would be deleted" in dry.stderr


def test_purge_deletes_the_states_that_are_named(jobctl, work) -> None:
    jobctl("enqueue", "boom", "--retries", "0", "--key", "one")
    work()
    jobctl("enqueue", "boom", "--key", "two")

    waiting = jobctl("queues", "purge", "critical", "--yes")
    dead = jobctl("queues", "purge", "critical", "--state", "dead,complete", "--yes", "-o", "json")

    assert waiting.lines == ["deleted 1 job of queue `critical` (queued)"]
    assert dead.json == {"queue": "critical", "states": ["complete", "dead"], "deleted": 1}
    assert jobctl("inspect", "one").exit_code == jobctl("inspect", "two").exit_code == 5


def test_purge_of_running_jobs_is_refused(jobctl) -> None:
    out = jobctl("queues", "purge", "default", "--state", "active", "--yes")

    assert out.exit_code == 2
    assert "running jobs cannot be purged" in out.stderr


def test_drain_of_an_empty_queue_is_done_and_pauses_it(jobctl) -> None:
    out = jobctl("queues", "drain", "default", "--pause", "-o", "json")

    assert out.exit_code == 0
    assert (out.json["empty"], out.json["paused"]) == (True, True)
    assert "empty, and paused after" in jobctl("queues", "drain", "default", "--pause").stdout


def test_drain_of_a_queue_that_nobody_serves_says_so(jobctl) -> None:
    jobctl("enqueue", "greet", "--name", "Ada")

    out = jobctl("queues", "drain", "default")

    assert out.exit_code == 1
    assert "error[queue.unserved]: no worker claims jobs of queue `default`" in out.stderr


def test_weights_of_the_environment_are_those_of_the_list(jobctl) -> None:
    found = {
        queue["name"]: queue["weight"]
        for queue in jobctl("queues", "list", "-o", "json", JOBCTL_QUEUE_DEFAULT="9").json
    }

    assert found == {"critical": 6, "default": 9}
