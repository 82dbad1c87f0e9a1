"""`make demo` as a newcomer runs it, and what is left of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Demo = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def demo(tmp_path: Path) -> Demo:
    """Start the demo with a temporary folder of its own, by which everything it starts can be found."""

    def start(**env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "examples.tenants.demo"],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1", **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def left_running(tmp_path: Path) -> list[str]:
    """Return the commands of processes that have this folder in their environment (Linux only)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(tmp_path).encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def test_everything_happens_as_expected_and_nothing_is_left(demo: Demo, tmp_path: Path):
    began = time.monotonic()

    # what the one who runs it has configured must not matter
    run = demo(REDIS_URL="redis://127.0.0.1:1", DATABASE_URL="postgres://nowhere/x", EMAIL_PROVIDER="pigeon")
    out, err = run.communicate(timeout=100)

    assert run.returncode == 0, err
    assert time.monotonic() - began < 60
    assert "Everything happened as expected" in out
    for seen in ("POST /tenants", "billing: answered 503", "│ dead ", "To: grace@example.org", "Try next"):
        assert seen in out
    assert list(tmp_path.iterdir()) == []
    assert left_running(tmp_path) == []


def test_interrupted_it_leaves_nothing(demo: Demo, tmp_path: Path):
    run = demo()
    assert run.stdout is not None
    for line in run.stdout:
        if "enqueue" in line:  # by now all its servers are up
            break

    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)

    assert run.returncode == 130
    assert "interrupted" in err
    assert list(tmp_path.iterdir()) == []
    assert left_running(tmp_path) == []


def test_a_program_that_does_not_start_fails_the_demo(demo: Demo, tmp_path: Path):
    run = demo(PYTHONPATH=str(broken_program(tmp_path / "broken")))
    _, err = run.communicate(timeout=60)

    assert run.returncode == 1
    assert re.search("the worker ended with exit code 7|jobctl exited with 7", err)
    assert left_running(tmp_path) == []


def broken_program(folder: Path) -> Path:
    """Return a folder to be first on the path, in which the command line is broken."""
    package = folder / "jobctl_cli"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "main.py").write_text("def main():\n    raise SystemExit(7)\n")
    return folder
