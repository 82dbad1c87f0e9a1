"""The whole program in-process: ``out = jobctl("enqueue", "greet", "--name", "Ada"); out.exit_code, out.json``."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jobctl.clock import Clock
from jobctl_cli.environment import Environment
from jobctl_cli.main import main

SPEC = """\
version: 1
queues: {critical: {weight: 6}, default: {weight: 3}}
lint:
  ignore: [cron-dst, no-alert, unique-without-for]
defaults:
  backoff: {delay: 1h, jitter: 0}
jobs:
  greet:
    summary: Say hello
    handler: cli_app:greet
    payload:
      name: {type: string, required: true, help: Whom to greet}
      times: {type: int, default: 1, min: 1, max: 5}
      kind: {type: enum, choices: [warm, cold], default: warm}
      token: {type: string, required: false, secret: true}
  boom:
    type: boom:now
    summary: Fail
    queue: critical
    retries: 1
    handler: cli_app:boom
    cron: "0 2 * * *"
    timezone: Europe/Berlin
    payload:
      id: {type: int, default: 0}
  sync:
    summary: Bring a tenant up to date
    handler: cli_app:sync
    unique: {by: [id]}
    payload:
      id: {type: int, required: true}
"""

HANDLERS = """\
async def greet(ctx, name, times, kind, token=None):
    return {"said": f"hello {name} " * times}

async def boom(ctx, id):
    raise ValueError(f"boom {id}")

def sync(ctx, id):
    return f"synced {id}"
"""


class Stream(io.StringIO):
    """A text stream that may claim to be a terminal."""

    def __init__(self, text: str = "", *, is_tty: bool = False) -> None:
        super().__init__(text)
        self._is_tty = is_tty

    def isatty(self) -> bool:
        return self._is_tty


@dataclass
class Outcome:
    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def lines(self) -> list[str]:
        return self.stdout.splitlines()


class Program:
    """Runs the whole program with streams and variables of its own."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.variables = variables
        self.clock: Clock | None = None

    def __call__(self, *args: str, stdin: str = "", tty: bool = False, columns: int = 80, **variables: str) -> Outcome:
        out, err = Stream(is_tty=tty), Stream(is_tty=tty)
        env = Environment(
            stdin=Stream(stdin),
            stdout=out,
            stderr=err,
            variables={"COLUMNS": str(columns), "LINES": "24", **self.variables, **variables},
            **({"clock": self.clock} if self.clock else {}),
        )
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):  # typer prints its help there
            status = main(args, env)
        return Outcome(int(status), out.getvalue(), err.getvalue())


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with specs and their handlers, which is the current one."""
    (tmp_path / "jobspecs").mkdir()
    (tmp_path / "jobspecs/jobs.yaml").write_text(SPEC)
    (tmp_path / "cli_app.py").write_text(HANDLERS)
    monkeypatch.chdir(tmp_path)
    path = list(sys.path)
    yield tmp_path
    sys.path[:] = path
    sys.modules.pop("cli_app", None)


@pytest.fixture
def offline(project: Path) -> Program:
    """The program with specs, and without a broker that answers."""
    return Program({"REDIS_URL": "redis://localhost:1"})


@pytest.fixture
def jobctl(project: Path, redis_url: str) -> Iterator[Program]:
    """The program with specs and an empty broker."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield Program({"REDIS_URL": redis_url})
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def work(jobctl: Program) -> Callable[[], None]:
    """A function that runs a worker until nothing is due."""

    def burst() -> None:
        out = jobctl("run", "--burst", "--log-level", "error")
        assert out.exit_code == 0, out.stderr

    return burst


@pytest.fixture
def snapshot(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare text with `snapshots/NAME.txt`; `UPDATE_SNAPSHOTS=1` writes it anew."""

    def compare(name: str, text: str) -> None:
        path = Path(__file__).parent / "snapshots" / f"{name}.txt"
        if os.environ.get("UPDATE_SNAPSHOTS"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        assert text == path.read_text()

    return compare
