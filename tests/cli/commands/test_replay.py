from __future__ import annotations

import pytest


@pytest.fixture
def dead(jobctl, work) -> list[str]:
    """Keys of two dead jobs."""
    keys = ["first", "second"]
    for key in keys:
        jobctl("enqueue", "boom", "--retries", "0", "--key", key)
    work()
    return keys


def test_dead_job_runs_again_as_a_new_one(jobctl, dead) -> None:
    out = jobctl("replay", "first", "-o", "json")

    assert out.exit_code == 0
    (replay,) = out.json
    assert (replay["origin"], replay["job"], replay["reason"]) == ("first", "boom", None)
    assert jobctl("inspect", replay["key"], "-o", "json").json["origin"] == "first"
    assert jobctl("inspect", "first", "-o", "json").json["replays"] == [replay["key"]]


def test_table_and_names(jobctl, dead) -> None:
    heading, row = (line.split() for line in jobctl("replay", "first").lines)
    assert heading == ["JOB", "QUEUE", "ORIGIN", "REPLAY"]
    assert row[:3] == ["boom", "critical", "first"]
    (name,) = jobctl("replay", "second", "-o", "name").lines
    assert jobctl("inspect", name).exit_code == 0


def test_second_replay_is_refused_unless_forced(jobctl, dead) -> None:
    jobctl("replay", "first")

    out = jobctl("replay", "first")

    assert (out.exit_code, out.stdout) == (1, "")
    assert out.stderr.startswith("error[job.state]: job `first` has been replayed already")
    assert jobctl("replay", "first", "--force").exit_code == 0


def test_one_bad_key_does_not_stop_the_others(jobctl, dead) -> None:
    out = jobctl("replay", "first", "nope", "second")

    assert out.exit_code == 5
    assert [line.split()[2] for line in out.lines[1:]] == dead
    assert out.stderr.startswith("error[job.not-found]: the broker holds no job `nope`")


def test_all_dead_jobs(jobctl, dead) -> None:
    assert len(jobctl("replay", "--state", "dead", "-o", "json").json) == 2
    again = jobctl("replay", "--state", "dead")
    assert (again.exit_code, again.stdout) == (0, "nothing to replay\n")


def test_dry_run_changes_nothing(jobctl, dead) -> None:
    for args in (("--state", "dead", "--type", "boom:now"), ("first", "second")):
        out = jobctl("replay", *args, "--dry-run")
        assert out.exit_code == 0
        heading, *rows = (line.split() for line in out.lines)
        assert heading == ["JOB", "QUEUE", "ORIGIN"]
        assert sorted(rows) == [["boom", "critical", "first"], ["boom", "critical", "second"]]
        assert out.stderr == "note: a dry run; 2 jobs would be replayed\n"
    assert len(jobctl("inspect", "-o", "json").json) == 2


def test_dry_run_of_keys_tells_what_could_not_be_replayed(jobctl, dead) -> None:
    jobctl("enqueue", "boom", "--key", "waits")
    jobctl("replay", "first")

    out = jobctl("replay", "--dry-run", "waits", "first", "second")

    assert out.exit_code == 1
    assert "job `waits` has not ended" in out.stderr
    assert "job `first` has been replayed already" in out.stderr


def test_replay_in_the_way_of_its_own_lock_is_refused(jobctl, project, work) -> None:
    (project / "cli_app.py").write_text(
        "def sync(ctx, id): raise OSError\nasync def greet(ctx, **f): ...\nboom = greet\n"
    )
    jobctl("enqueue", "sync", "--id", "1", "--retries", "0", "--key", "dead")
    work()
    jobctl("enqueue", "sync", "--id", "1", "--key", "holder")

    out = jobctl("replay", "--state", "dead")

    assert out.exit_code == 1
    assert out.stderr.startswith("warning[job.not-replayed]: dead: job `holder`")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "`jobctl replay` needs keys, or a filter"),
        (("k", "--state", "dead"), "a key and `--state` exclude each other"),
        (("--state", "dead", "--force"), "`--force` goes with keys only"),
    ],
)
def test_what_cannot_be_meant(offline, args: tuple[str, ...], message: str) -> None:
    out = offline("replay", *args)

    assert out.exit_code == 2
    assert message in out.stderr


def test_unfinished_states_cannot_be_replayed(jobctl) -> None:
    out = jobctl("replay", "--state", "queued")

    assert out.exit_code == 2
    assert "cannot be replayed" in out.stderr
