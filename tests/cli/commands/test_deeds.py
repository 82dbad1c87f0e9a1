"""`jobctl cancel`, `delete`, `wait`, and what `replay` shares with them: filters, dry runs, questions, summaries."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest


@pytest.fixture
def enqueue(jobctl) -> Callable[..., None]:
    def enqueue(count: int, job: str = "boom", **options: object) -> None:
        lines = [json.dumps({"job": job, "key": f"{job}-{n}", **options}) for n in range(count)]
        assert jobctl("enqueue", "--file", "-", stdin="\n".join(lines)).exit_code == 0

    return enqueue


@pytest.fixture
def dead(enqueue, work) -> None:
    """150 dead jobs."""
    enqueue(150, retries=0)
    work()


def test_waiting_jobs_are_cancelled(jobctl, enqueue) -> None:
    enqueue(3)

    out = jobctl("cancel", "boom-0", "boom-2", "--reason", "not wanted")

    assert out.exit_code == 0
    assert [line.split() for line in out.lines] == [
        ["JOB", "QUEUE", "KEY", "NOW"],
        ["boom", "critical", "boom-0", "cancelled"],
        ["boom", "critical", "boom-2", "cancelled"],
    ]
    assert jobctl("inspect", "state=queued", "-o", "name").lines == ["boom-1"]
    assert jobctl("inspect", "boom-0", "-o", "jsonpath={.error}").stdout == "not wanted\n"


def test_what_cannot_be_done_is_told_job_by_job(jobctl, enqueue, work) -> None:
    enqueue(2, retries=0)
    work()

    out = jobctl("cancel", "boom-0", "nope", "boom-1")

    assert (out.exit_code, out.stdout) == (5, "")
    assert out.stderr.splitlines()[0] == "error[job.not-found]: the broker holds no job `nope`"
    assert "error[job.state]: job `boom-0`: it has ended before" in out.stderr


def test_ended_jobs_are_deleted_by_filter(jobctl, enqueue, dead) -> None:
    enqueue(1, "greet", payload={"name": "Ada"})

    out = jobctl("delete", "type=boom and payload.id=0", "--yes")

    assert out.lines == ["JOB   QUEUE     JOBS", "boom  critical   150"]
    assert out.stderr == "note: 150 jobs deleted\n"
    assert jobctl("inspect", "-o", "name").lines == ["greet-0"]


def test_a_queued_job_is_deleted_when_it_is_named(jobctl, enqueue) -> None:
    enqueue(2)

    assert jobctl("delete", "boom-0", "-o", "name").lines == ["boom-0"]
    assert jobctl("inspect", "-o", "name").lines == ["boom-1"]


@pytest.mark.parametrize("command", ["replay", "delete"])
def test_more_than_a_hundred_are_not_touched_without_a_question(jobctl, dead, command: str) -> None:
    out = jobctl(command, "state=dead")

    done = {"replay": "replayed", "delete": "deleted"}[command]
    assert (out.exit_code, out.stdout) == (2, "")
    assert out.stderr == (
        f"error[usage.unconfirmed]: 150 jobs would be {done}\n"
        "hint: `--yes` does it without a question, `--dry-run` shows them\n"
    )
    assert len(jobctl("inspect", "state=dead", "--all", "-o", "name").lines) == 150
    assert jobctl(command, "state=dead and key=boom-1*").exit_code == 0


@pytest.mark.parametrize("command", ["replay", "cancel", "delete", "wait"])
def test_all_jobs_are_never_meant_by_nothing(offline, command: str) -> None:
    for args in ((), ("",), (" ",)):
        out = offline(command, *args)
        assert out.exit_code == 2, args
        assert f"`jobctl {command}` needs keys, or a filter" in out.stderr


def test_a_dry_run_shows_which_and_how_many(jobctl, enqueue, dead) -> None:
    enqueue(2, "greet", payload={"name": "Ada"})

    assert jobctl("replay", "state=dead", "--dry-run").lines == ["JOB   QUEUE     JOBS", "boom  critical   150"]
    assert jobctl("cancel", "type=greet", "--dry-run").lines == [
        "JOB    QUEUE    KEY",
        "greet  default  greet-0",
        "greet  default  greet-1",
    ]
    out = jobctl("delete", "greet-0", "boom-0", "--dry-run", "-o", "name")
    assert (out.lines, out.stderr) == (["greet-0", "boom-0"], "note: a dry run; 2 jobs would be deleted\n")
    assert len(jobctl("inspect", "--all", "-o", "name").lines) == 152


def test_a_replay_with_another_payload_in_another_queue(jobctl, enqueue, work) -> None:
    enqueue(1, retries=0)
    work()

    out = jobctl("replay", "boom-0", "--set", "payload.id=7", "--to", "default", "-o", "json")

    (replay,) = out.json
    new = jobctl("inspect", replay["key"], "-o", "json").json
    assert (new["payload"], new["queue"], new["origin"]) == ({"id": 7}, "default", "boom-0")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("payload.id=many", "payload of `boom` is not valid: `id` must be a whole number"),
        ("payload.idd=7", "payload of `boom` is not valid: `idd` is not declared"),
        ("id=7", "`--set`: `id=7` changes nothing; write e.g. `payload.id=7`"),
    ],
)
def test_a_change_the_spec_does_not_allow_is_refused(jobctl, enqueue, work, change: str, message: str) -> None:
    enqueue(2, retries=0)
    work()

    for jobs in ("boom-0", "state=dead"):
        for more in ((), ("--dry-run",)):
            out = jobctl("replay", jobs, "--set", change, *more)
            assert (out.exit_code, out.stdout) == (2, "")
            assert message in out.stderr
    assert len(jobctl("inspect", "-o", "name").lines) == 2


def test_a_rate_that_is_none_is_refused(offline) -> None:
    out = offline("replay", "state=dead", "--rate", "fast")

    assert out.exit_code == 2
    assert "`--rate`: `fast` is not a rate; write e.g. `50/s` or `600/m`" in out.stderr


def test_what_goes_with_a_resumed_replay_is_its_own(offline) -> None:
    out = offline("replay", "--resume", "last", "state=dead")

    assert out.exit_code == 2
    assert "`--resume` brings its own filter and changes" in out.stderr


def test_waiting_ends_with_the_outcome_of_the_jobs(jobctl, enqueue, work) -> None:
    enqueue(1, retries=0)
    enqueue(2, "greet", payload={"name": "Ada"})
    jobctl("cancel", "greet-1")
    work()

    assert jobctl("wait", "greet-0").exit_code == 0
    assert jobctl("wait", "greet-0", "greet-1").exit_code == 7
    out = jobctl("wait", "greet-0", "greet-1", "boom-0", "-o", "json")
    assert (out.exit_code, [job["state"] for job in out.json]) == (1, ["complete", "cancelled", "dead"])
    assert jobctl("wait", "greet-0", "nope").exit_code == 5


def test_waiting_for_a_filter_ends_in_time(jobctl, enqueue) -> None:
    enqueue(2)

    out = jobctl("wait", "type=boom", "--timeout", "50ms")

    assert (out.exit_code, out.stdout) == (124, "")
    assert "error[job.wait-timeout]: job `boom-0` is still queued" in out.stderr
    assert jobctl("wait", "type=greet").exit_code == 0


def test_what_was_done_stands_in_the_audit_log(jobctl, enqueue, dead) -> None:
    enqueue(1, "greet", payload={"name": "Ada"})
    jobctl("replay", "key=boom-1*")
    jobctl("delete", "state=dead", "--yes")
    jobctl("cancel", "greet-0", "--dry-run")
    jobctl("cancel", "greet-0")

    entries = [(each["action"], each["target"], each["count"]) for each in jobctl("audit", "-o", "json").json]
    assert entries == [
        ("job.cancel", "greet-0", 1),
        ("job.delete", "state=dead", 89),
        ("job.replay", "key=boom-1*", 61),
    ]
