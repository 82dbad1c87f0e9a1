"""A `jobctl run` worker beside the load test, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

STOP_TIMEOUT_S = 40.0  # over the worker's own grace


@contextmanager
def worker(spec: str, url: str, concurrency: int) -> Iterator[None]:
    """Run a worker for as long as the context lasts. Its log goes to this process's standard error."""
    command = [sys.executable, "-m", "jobctl_cli", "run", "--spec", spec, "--concurrency", str(concurrency)]
    process = subprocess.Popen(
        [*command, "--no-scheduler"], env={**os.environ, "REDIS_URL": url}, stdin=subprocess.DEVNULL, stdout=sys.stderr
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
