from __future__ import annotations

import re
from dataclasses import replace

import pytest

from jobctl.inspector import FailureLine, Overview, QueueStatus, Rates, Running, WorkerStatus
from jobctl.records import JobState
from jobctl_cli.environment import Environment
from jobctl_cli.screens import top

AT_MS = 1_700_000_000_000


def queue(name: str, **counts: int) -> QueueStatus:
    filled = {state: counts.get(state.value, 0) for state in JobState}
    return QueueStatus(name=name, weight=6, share=0.6, paused=False, counts=filled, oldest_wait_ms=3400)


def rates(started: int = 600) -> Rates:
    return Rates(
        started=started,
        complete=started,
        failed=6,
        started_per_s=started / 60,
        complete_per_s=started / 60,
        failed_per_s=0.1,
        share=0.58,
        wait_ms=12.0,
        run_ms=250.0,
    )


def overview(queues: int = 3, workers: int = 2, failures: int = 10) -> Overview:
    names = [f"queue-with-a-long-name-{n}" for n in range(queues)]
    return Overview(
        at_ms=AT_MS,
        queues=tuple(queue(name, queued=1_234_567, active=12_345, dead=99_999, retrying=54_321) for name in names),
        rates={name: rates() for name in names},
        workers=tuple(
            WorkerStatus(
                id=f"w{n}",
                host="worker-7f9c6d5b8-abcde.example.internal",
                pid=12345,
                started_ms=AT_MS - 90_000_000,
                concurrency=100,
                active=100,
                running=(Running(key="k", type="tenant:initialize", ran_ms=4200, progress=0.4),),
                starts={"a": 1_000_000},
            )
            for n in range(workers)
        ),
        failures=tuple(
            FailureLine(
                key="1a20a2e8e9b331f07693fab9",
                type="a-job-with-a-rather-long-name",
                at_ms=AT_MS,
                attempt=3,
                max_attempts=6,
                outcome="retry",
                error="ConnectError: " + "x" * 200 + "\x1b[31m",
            )
            for _ in range(failures)
        ),
    )


@pytest.fixture
def env() -> Environment:
    import io

    return Environment(stdin=io.StringIO(), stdout=io.StringIO(), stderr=io.StringIO(), variables={})


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 40), (200, 24), (80, 15)])
@pytest.mark.parametrize("amounts", [(3, 2, 10), (0, 0, 0), (1, 1, 1), (30, 1, 10), (2, 50, 10), (40, 40, 40)])
def test_frame_fits_whatever_it_shows(env, size: tuple[int, int], amounts: tuple[int, int, int]) -> None:
    columns, lines = size

    shown = top.frame(env, None, overview(*amounts), columns, lines).split("\n")

    assert len(shown) <= max(lines, 15)
    assert max(map(len, shown)) <= columns


def test_what_is_left_out_is_counted(env) -> None:
    shown = top.frame(env, None, overview(queues=30), 80, 24)

    assert "more" in shown


def test_slots_held_by_threads_past_their_timeout_are_counted(env) -> None:
    one = overview(workers=1)
    late = Running(key="l", type="render", ran_ms=1000, overdue=True)
    (worker,) = one.workers
    one = replace(one, workers=(replace(worker, running=(*worker.running, late, late)),))

    assert "tenant:initialize 4.2s 40%, 2 slots held past timeout" in top.frame(env, None, one, 200, 40)


def test_frame(env, snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    import time

    time.tzset()

    snapshot("top-120x30", top.frame(env, None, overview(), 120, 30) + "\n")
    snapshot("top-80x24", top.frame(env, None, overview(), 80, 24) + "\n")


def test_nothing_there_yet_says_what_to_do(jobctl) -> None:
    out = jobctl("top", "--once")

    assert out.exit_code == 0
    assert "no worker runs: `jobctl run` starts one" in out.stdout
    assert "no failures" in out.stdout
    assert [line.split()[0] for line in out.lines if line.startswith(("critical", "default"))] == [
        "critical",
        "default",
    ]


def test_counts_and_failures_of_a_real_broker(jobctl, work) -> None:
    jobctl("enqueue", "boom", "--id", "7", "--retries", "0", "--key", "dies")
    work()
    jobctl("enqueue", "greet", "--name", "Ada")

    data = jobctl("top", "--once", "-o", "json").json

    by_name = {queue["name"]: queue for queue in data["queues"]}
    assert by_name["critical"]["counts"]["dead"] == 1
    assert by_name["default"]["counts"]["queued"] == 1
    assert by_name["critical"]["share"] == 0.6667
    assert (data["failures"][0]["job"], data["failures"][0]["key"]) == ("boom", "dies")
    assert "ValueError: boom 7" in jobctl("top", "--once").stdout


def test_pipe_gets_one_frame(jobctl) -> None:
    assert jobctl("top").stdout.startswith("jobctl top  ")


def test_names_are_the_queues(jobctl) -> None:
    assert jobctl("top", "-o", "name").lines == ["critical", "default"]


def test_once_on_a_terminal_fits_it(jobctl) -> None:
    out = jobctl("top", "--once", tty=True)

    bare = re.sub(r"\x1b\[[0-9;]*m", "", out.stdout).splitlines()
    assert len(bare) <= 24
    assert max(map(len, bare)) <= 80


def test_unreachable_broker(offline) -> None:
    out = offline("top", "--once")

    assert (out.exit_code, out.stdout) == (4, "")
    assert "no broker answers at redis://localhost:1" in out.stderr


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0"), (0.254, "0.25"), (9.999, "10.00"), (12.34, "12.3"), (999.96, "1000.0"), (12_345, "12.3k"), (2e6, "2M")],
)
def test_compact_numbers(count: float, shown: str) -> None:
    assert top.compact(count) == shown
