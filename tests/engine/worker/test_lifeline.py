"""Children that must not outlive their parent."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

FED = """\
import time
from jobctl.worker import lifeline
lifeline.PARENT_LEAVES_S = 0.05
lifeline.end_with_input()
print("ready", flush=True)
time.sleep(60)
"""
GUARDED = """\
import sys, time
from jobctl.worker.lifeline import Guard
guard = Guard("sh", "-c", 'echo guarded >"$1"', "sh", sys.argv[1])
if sys.argv[2:]:
    guard.dismiss()
print("ready", flush=True)
time.sleep(60)
"""


def start(script: str, *arguments: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def test_the_end_of_its_input_is_sigterm_and_bytes_are_none() -> None:
    with start(FED) as child:
        assert child.stdin is not None
        child.stdin.write(b"anything\n")
        child.stdin.close()

        assert child.wait(30) == -signal.SIGTERM


def test_a_guard_acts_when_its_process_is_killed(tmp_path: Path) -> None:
    place = tmp_path / "a name with 'quotes' and blanks"
    with start(GUARDED, str(place)) as process:
        process.kill()

    deadline_s = time.monotonic() + 30
    while not place.exists() or place.read_text() != "guarded\n":
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_a_dismissed_guard_does_nothing(tmp_path: Path) -> None:
    place = tmp_path / "written"
    with start(GUARDED, str(place), "dismissed") as process:
        process.kill()

    assert not place.exists()
