from __future__ import annotations

import re

import pytest
import yaml

from jobctl.clock import FakeClock


def test_nothing_there(jobctl) -> None:
    assert jobctl("inspect").stdout == "no jobs\n"
    assert jobctl("inspect", "-o", "json").json == []
    assert jobctl("inspect", "-o", "name").stdout == ""


def test_list_has_a_row_a_job(jobctl, work) -> None:
    jobctl("enqueue", "boom", "--id", "7", "--retries", "0", "--key", "dies")
    jobctl("enqueue", "boom", "--key", "fails")
    work()
    jobctl("enqueue", "greet", "--name", "Ada", "--key", "waits")
    jobctl("enqueue", "greet", "--name", "Ada", "--key", "later", "--in", "5m")

    heading, *rows = (re.split(r"  +", line) for line in jobctl("inspect").lines)

    assert heading == ["KEY", "JOB", "QUEUE", "STATE", "TRIED", "AGE", "NOTE"]
    shown = {row[0]: (*row[1:5], *row[6:]) for row in rows}
    assert shown["waits"] == ("greet", "default", "queued", "0/4")
    assert shown["fails"][:4] == ("boom", "critical", "retrying", "1/2")
    assert re.fullmatch(r"in (1h|59m\d+s): ValueError: boom 0", shown["fails"][4])
    assert shown["later"] == ("greet", "default", "scheduled", "0/4", "in 5m")
    assert shown["dies"] == ("boom", "critical", "dead", "1/1", "ValueError: boom 7")


def test_filters(jobctl, work) -> None:
    jobctl("enqueue", "boom", "--retries", "0", "--key", "dead")
    jobctl("enqueue", "greet", "--name", "Ada", "--key", "done")
    work()
    jobctl("enqueue", "greet", "--name", "Ada", "--key", "waits")

    def found(*filters: str) -> set[str]:
        return set(jobctl("inspect", *filters, "-o", "name").lines)

    assert found("--state", "dead") == {"dead"}
    assert found("--state", "dead,queued") == {"dead", "waits"}
    assert found("--state", "dead", "--state", "complete") == {"dead", "done"}
    assert found("--type", "boom:now") == found("--type", "boom") == {"dead"}
    assert found("--queue", "default") == {"done", "waits"}
    assert found("--newer", "1h") == {"dead", "done", "waits"}
    assert found("--older", "1h") == set()


def test_more_jobs_than_shown_are_told_and_can_be_gone_on_with(jobctl) -> None:
    keys = [f"k{n}" for n in range(5)]
    for key in keys:
        jobctl("enqueue", "boom", "--key", key)

    first = jobctl("inspect", "--limit", "2")
    names = jobctl("inspect", "--limit", "2", "-o", "name")
    note, cursor = names.stderr.splitlines()
    second = jobctl("inspect", "--limit", "2", "-o", "name", "--cursor", cursor.removeprefix("cursor: "))
    last = jobctl("inspect", "--cursor", second.stderr.splitlines()[1].removeprefix("cursor: "), "-o", "name")

    assert first.stderr == "note: these are the first 2; `--limit` and `--all` show more\n"
    assert note == first.stderr.strip()
    assert names.lines + second.lines + last.lines == keys
    assert last.stderr == ""
    assert jobctl("inspect", "--all", "--limit", "1", "-o", "name").lines == keys


def test_one_job_with_its_whole_history(jobctl, work) -> None:
    jobctl("enqueue", "boom", "--id", "7", "--retries", "0", "--key", "dies")
    work()

    out = jobctl("inspect", "dies")

    assert out.exit_code == 0
    assert out.lines[0] == "boom dies  dead"
    facts = dict(re.findall(r"^  (\S+) +(.*)$", out.stdout, re.MULTILINE))
    assert facts["type"] == "boom:now"
    assert facts["attempts"] == "1 of 1"
    assert facts["payload"] == '{"id": 7}'
    assert "attempt 1: failed, dead after " in out.stdout
    assert "      ValueError: boom 7" in out.lines
    assert out.lines[-1] == "next: jobctl replay dies"


def test_only_the_last_failure_has_its_traceback_unless_all_are_asked_for(jobctl, project, work) -> None:
    spec = project / "jobspecs/jobs.yaml"
    spec.write_text(spec.read_text().replace("delay: 1h", "delay: 0s"))
    jobctl("enqueue", "boom", "--key", "k")
    for _ in range(5):
        work()

    assert jobctl("inspect", "k").stdout.count("Traceback") == 1
    assert jobctl("inspect", "k").stdout.count("ValueError: boom 0") == 2
    assert jobctl("inspect", "k", "--full").stdout.count("Traceback") == 2


def test_one_job_as_data(jobctl, work) -> None:
    jobctl("enqueue", "sync", "--id", "7", "--key", "k")
    work()

    record = jobctl("inspect", "k", "-o", "json").json

    assert yaml.safe_load(jobctl("inspect", "k", "-o", "yaml").stdout) == record
    assert (record["state"], record["result"], record["attempts"]) == ("complete", "synced 7", 1)
    assert record["history"] == []
    assert record["due_at"] is None
    assert record["enqueued_at"] <= record["started_at"] <= record["completed_at"]


def test_attempt_that_went_well_ends_the_history(jobctl, project, work) -> None:
    app = "def boom(ctx, id):\n    if ctx.attempt == 1: raise OSError('down')\ndef sync(ctx, id): ...\n"
    (project / "cli_app.py").write_text(app + "async def greet(ctx, **fields): ...\n")
    spec = project / "jobspecs/jobs.yaml"
    spec.write_text(spec.read_text().replace("delay: 1h", "delay: 0s"))
    jobctl("enqueue", "boom", "--key", "k")
    for _ in range(5):
        work()

    out = jobctl("inspect", "k")

    assert [line.split(": ")[1].split(" after")[0] for line in out.lines if "  attempt " in line] == [
        "failed, to be retried",
        "complete",
    ]


@pytest.mark.parametrize("name", ["k", "default:k", "saq:job:default:k"])
def test_every_name_of_a_job(jobctl, name: str) -> None:
    jobctl("enqueue", "greet", "--name", "Ada", "--key", "k")

    assert jobctl("inspect", name, "-o", "name").lines == ["k"]


def test_wrong_key_is_not_found(jobctl) -> None:
    out = jobctl("inspect", "nope")

    assert (out.exit_code, out.stdout) == (5, "")
    assert out.stderr.startswith("error[job.not-found]: the broker holds no job `nope`\nhint: ")


def test_key_and_filters_exclude_each_other(offline) -> None:
    out = offline("inspect", "k", "--state", "dead", "--newer", "1h")

    assert out.exit_code == 2
    assert out.stderr.startswith("error[usage]: a key and `--state`, `--newer` exclude each other\n")


def test_misspelt_state(offline) -> None:
    out = offline("inspect", "--state", "deed")

    assert out.exit_code == 2
    assert "hint: did you mean `dead`?" in out.stderr


def test_unreachable_broker(offline) -> None:
    out = offline("inspect")

    assert (out.exit_code, out.stdout) == (4, "")
    assert out.stderr.startswith("error[broker.unreachable]: no broker answers at redis://localhost:1: ")


@pytest.mark.parametrize("form", ["table", "json", "yaml"])
def test_secrets_are_redacted_in_every_form(jobctl, form: str) -> None:
    jobctl("enqueue", "greet", "--name", "Ada", "--token", "s3cret-token", "--key", "k")

    for out in (jobctl("inspect", "k", "-o", form), jobctl("inspect", "-o", form)):
        assert "s3cret-token" not in out.stdout + out.stderr
    assert "s3cret-token" in jobctl("inspect", "k", "--reveal", "-o", form).stdout


@pytest.mark.parametrize("form", ["table", "json"])
def test_payload_that_no_spec_declares_is_hidden(jobctl, project, form: str) -> None:
    jobctl("enqueue", "greet", "--name", "Ada", "--token", "s3cret-token", "--key", "k")
    (project / "jobspecs/jobs.yaml").write_text("version: 1\njobs: {other: {handler: 'a:b'}}\n")

    assert "s3cret" not in jobctl("inspect", "k", "-o", form).stdout
    assert "s3cret" in jobctl("inspect", "k", "--reveal", "-o", form).stdout


def test_specs_are_not_needed(jobctl, project) -> None:
    jobctl("enqueue", "boom", "--key", "k")
    (project / "jobspecs/jobs.yaml").unlink()
    (project / "jobspecs").rmdir()

    out = jobctl("inspect")

    assert (out.exit_code, out.stderr) == (0, "")
    assert out.lines[1].split()[:2] == ["k", "boom:now"]


def test_broken_specs_are_warned_of_and_left_out(jobctl, project) -> None:
    jobctl("enqueue", "boom", "--key", "k")
    (project / "jobspecs/jobs.yaml").write_text("version: 1\njobs: {greet: {}}\n")

    out = jobctl("inspect", "-o", "name")

    assert out.lines == ["k"]
    assert out.stderr.startswith("warning[spec.invalid]: the specs are left out: 1 problem in 1 file\n")


def test_list_fits_the_terminal(jobctl, work) -> None:
    jobctl("enqueue", "boom", "--retries", "0", "--id", "7" * 18)
    work()

    out = jobctl("inspect", tty=True)

    bare = re.sub(r"\x1b\[[0-9;]*m", "", out.stdout)
    assert max(map(len, bare.splitlines())) <= 80
    assert "7" * 18 in jobctl("inspect").stdout


def test_nothing_in_a_record_reaches_the_terminal_raw(jobctl, work) -> None:
    jobctl("enqueue", "greet", "--name", "\x1b]0;pwned\x07\x1b[31m", "--key", "k")
    work()

    out = jobctl("inspect", "k", tty=True, NO_COLOR="1")

    assert "\x1b" not in out.stdout
    assert "\x07" not in out.stdout


def test_ages_go_by_the_given_clock(jobctl) -> None:
    jobctl("enqueue", "boom", "--in", "5m")
    jobctl.clock = FakeClock(start_s=4_000_000_000.0)

    assert jobctl("inspect").lines[1].endswith("now")


def test_a_filter_chooses_jobs(jobctl, work) -> None:
    for n in range(4):
        jobctl("enqueue", "boom", "--id", str(n), "--retries", "0", "--key", f"boom-{n}")
    work()
    jobctl("enqueue", "greet", "--name", "Ada", "--key", "waits")

    def found(*filters: str) -> list[str]:
        out = jobctl("inspect", *filters, "-o", "name")
        assert out.exit_code == 0, out.stderr
        return sorted(out.lines)

    assert found("state=dead and payload.id>=2") == ["boom-2", "boom-3"]
    assert found("error~'BOOM 1' or payload.name=Ada") == ["boom-1", "waits"]
    assert found("key=boom-*", "--state", "dead", "not payload.id=0") == ["boom-1", "boom-2", "boom-3"]
    assert found("state=active") == []


def test_a_broken_filter_is_told_with_a_caret(jobctl) -> None:
    out = jobctl("inspect", "state=dead and stat=x")

    assert (out.exit_code, out.stdout) == (2, "")
    assert out.stderr == (
        "error[filter.unknown-field]: a job has no field `stat`\n"
        " --> filter:1:16\n"
        "  |\n"
        "1 | state=dead and stat=x\n"
        "  |                ^^^^\n"
        "hint: did you mean `state`?\n"
    )


def test_wide_and_jsonpath(jobctl) -> None:
    jobctl("enqueue", "greet", "--name", "Ada", "--token", "hush", "--key", "one")
    jobctl("enqueue", "greet", "--name", "Bob", "--key", "two")

    heading, *rows = jobctl("inspect", "-o", "wide").lines
    assert heading.split() == [
        "KEY", "JOB", "QUEUE", "STATE", "TRIED", "AGE", "WAITED", "RAN", "WORKER", "TAGS", "PAYLOAD", "NOTE",
    ]  # fmt: skip
    assert '"token": "***"}' in rows[0]
    assert jobctl("inspect", "-o", "jsonpath={[*].payload.name}").stdout == "Ada Bob\n"
    assert jobctl("inspect", "-o", 'jsonpath={range .items[*]}{.key}={.state}{"\\n"}{end}').lines == [
        "one=queued", "two=queued",
    ]  # fmt: skip
    assert jobctl("inspect", "one", "-o", "jsonpath={.payload.token}").stdout == "***\n"
    broken = jobctl("inspect", "-o", "jsonpath={.key")
    assert (broken.exit_code, "`{` is not closed" in broken.stderr) == (2, True)


def test_everything_around_a_job_is_shown(jobctl) -> None:
    jobctl("enqueue", "greet", "--name", "Ada", "--key", "first")
    jobctl("enqueue", "sync", "--id", "7", "--key", "locked")
    jobctl("queues", "pause", "default")

    out = jobctl("inspect", "locked")
    told = jobctl("inspect", "locked", "-o", "json").json

    assert "queue      default, 1 job before it, paused" in out.stdout
    assert ", held by this job" in out.stdout
    assert told["position"] == 1
    assert told["unique_lock"]["holder"] == "saq:job:default:locked"
    assert [job["key"] for job in jobctl("inspect", "first", "locked", "-o", "json").json] == ["first", "locked"]


def test_a_job_is_watched_until_it_has_ended(jobctl, work) -> None:
    jobctl("enqueue", "greet", "--name", "Ada", "--key", "done")
    work()

    out = jobctl("inspect", "done", "--watch", "-o", "json")

    assert (out.exit_code, out.json["state"]) == (0, "complete")


def test_what_a_filter_reads_is_explained(jobctl, work) -> None:
    jobctl("enqueue", "boom", "--retries", "0")
    work()

    heading, *rows = jobctl("inspect", "state=dead and (queue=critical or payload.id=7)", "--explain").lines
    assert heading.split() == ["INDEX", "ENTRIES", "BETWEEN", "ASKED", "OF", "THE", "RECORDS"]
    assert [row.split() for row in rows] == [
        ["jobctl:critical:dead", "1"],
        ["jobctl:default:dead", "0", "payload.id=7"],
    ]
    (bounded,) = jobctl("inspect", "state=dead queue=critical age<1h", "--explain", "-o", "json").json
    assert (bounded["asked"], bounded["to"], bounded["from"] is None) == (None, None, False)
    assert jobctl("inspect", "key=a,b", "--explain", "-o", "json").json[0]["index"] is None
    assert jobctl("inspect", "queue=critical state=dead state=active", "--explain").stdout == (
        "nothing is read: no job can match\n"
    )
