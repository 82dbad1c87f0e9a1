"""A replay that is killed, or stopped by hand, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import redis

DEADLINE_S = 20.0
JOBS = 240


@pytest.fixture
def dead(jobctl, server: redis.Redis) -> None:
    """Many dead jobs, as a worker leaves them."""
    lines = "\n".join(json.dumps({"job": "boom", "key": f"boom-{n}", "retries": 0}) for n in range(JOBS))
    assert jobctl("enqueue", "--file", "-", stdin=lines).exit_code == 0
    assert jobctl("run", "--burst", "--log-level", "error").exit_code == 0
    assert server.zcard("jobctl:critical:dead") == JOBS


@contextmanager
def replaying(redis_url: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "jobctl_cli", "replay", "state=dead", "--yes", *options]
    process = subprocess.Popen(
        command, env={**os.environ, "REDIS_URL": redis_url}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def replays_of_each(server: redis.Redis) -> list[int]:
    return [len(keys.split()) for keys in server.hvals("jobctl:critical:replays")]


def test_a_replay_killed_at_any_moment_is_resumed_without_doubling(jobctl, dead, server, redis_url) -> None:
    with replaying(redis_url, "--rate", "200/s") as process:
        wait_until(lambda: server.llen("saq:critical:queued") >= 30)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(DEADLINE_S)
    done = server.llen("saq:critical:queued")
    assert 30 <= done < JOBS
    # meanwhile the first of them run, and die again: they are not to be replayed a second time
    assert jobctl("run", "--burst", "--log-level", "error").exit_code == 0
    assert server.zcard("jobctl:critical:dead") == JOBS

    out = jobctl("replay", "--resume", "last", "--rate", "10000/s", "-o", "json")

    assert out.exit_code == 0, out.stderr
    assert len(out.json) == JOBS - done
    assert replays_of_each(server) == [1] * JOBS
    assert server.llen("saq:critical:queued") == JOBS - done
    again = jobctl("replay", "--resume", "last")
    assert (again.exit_code, again.stderr) == (2, "error[replay.unknown]: no replay was interrupted\n")


def test_ctrl_c_leaves_a_summary_and_a_way_to_go_on(jobctl, dead, server, redis_url) -> None:
    with replaying(redis_url, "--rate", "100/s") as process:
        wait_until(lambda: server.llen("saq:critical:queued") >= 10)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=DEADLINE_S)

    done = server.llen("saq:critical:queued")
    assert process.returncode == 130
    assert f"{done} jobs of 240 replayed" in stderr
    resume = stderr.partition("`jobctl replay --resume ")[2].partition("`")[0]
    assert jobctl("replay", "--resume", resume, "--rate", "10000/s").exit_code == 0
    assert replays_of_each(server) == [1] * JOBS
