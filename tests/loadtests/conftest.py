"""Locust as users run it: in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 120


@dataclass(frozen=True)
class Ran:
    """A finished run. `result` is what `--jobctl-result` wrote."""

    code: int
    out: str
    err: str
    result: dict[str, Any]

    def total(self, method: str, field: str) -> int:
        """Sum a field over Locust's rows of one request type."""
        rows: list[dict[str, Any]] = json.loads(self.out[self.out.index("[") :])
        return sum(row[field] for row in rows if row["method"] == method)


Locust = Callable[..., Ran]


@pytest.fixture
def locust(redis_url: str, tmp_path: Path) -> Locust:
    """Run Locust headless on `loadtests/` with a few users, on the empty broker of the test."""

    def run(*options: str, file: str = "loadtests/", env: dict[str, str] | None = None) -> Ran:
        result = tmp_path / "result.json"
        command = [sys.executable, "-m", "locust", "-f", file, "--headless", "--json", "-u", "2", "-r", "2"]
        command += ["--jobctl-warmup", "500ms", "--jobctl-result", str(result)]
        done = subprocess.run(
            [*command, *options],
            cwd=ROOT,
            env={**os.environ, "REDIS_URL": redis_url, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        data = json.loads(result.read_text()) if result.exists() else {}
        return Ran(done.returncode, done.stdout, done.stderr, data)

    return run


@pytest.fixture
def leftovers(server: redis.Redis) -> Callable[[], list[bytes]]:
    """Return what a run has left on the broker, but reports and counts that expire by themselves."""

    def look() -> list[bytes]:
        kept = (b"jobctl:worker", b"jobctl:credits", b"jobctl:plan", b"jobctl:failures", b"jobctl:audit")
        return sorted(key for key in server.scan_iter() if not key.startswith(kept))

    return look
