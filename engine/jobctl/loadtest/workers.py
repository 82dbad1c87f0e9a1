"""Workers beside a load test: `jobctl run` in processes of their own, which may be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psutil  # type: ignore[import-untyped]  # it has no types

from jobctl.broker import keys
from jobctl.errors import JobctlError
from jobctl.worker.lifeline import scratch_folder

if TYPE_CHECKING:
    from redis import Redis

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 40.0  # over the worker's own grace
POLL_S = 0.05
LAUNCH = """
import sys
from contextlib import nullcontext
from pathlib import Path
from jobctl.broker.embedded import embedded_broker
from jobctl.worker.lifeline import end_with_input
end_with_input()
home = sys.argv.pop(1)
with embedded_broker(Path(home)) if home else nullcontext():
    from jobctl_cli.main import main
    status = main()
sys.exit(status)
"""
"""`jobctl run`, which ends when we do, however that is, and with the last of them the embedded broker."""
LAST_WORDS = 20  # lines of a log that an error shows


class WorkerFailed(JobctlError):
    """A worker of the load test did not start, or ended by itself."""

    code = "loadtest.worker"


class Workers:
    """Several worker processes of one spec.

    Args:
        spec: path of the specs.
        url: the broker.
        home: folder of the embedded broker, which workers use as we do: the last one out stops it; None = another.
        concurrency: jobs each runs at once.
        lease: time until the jobs of a killed one run again, e.g. ``2s``; None = the worker's own.
        env: variables they have beside our own.
    """

    def __init__(
        self,
        spec: str,
        url: str,
        concurrency: int,
        *,
        home: Path | None = None,
        lease: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._command = [sys.executable, "-c", LAUNCH, "" if home is None else str(home.absolute())]
        self._command += ["run", "--spec", spec, "--concurrency", str(concurrency), "--no-scheduler"]
        self._env = {
            **os.environ,
            **(env or {}),
            "REDIS_URL": url,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        if lease is not None:
            self._env["JOBCTL_LEASE"] = lease
        self._scratch = ExitStack()
        self._logs = self._scratch.enter_context(scratch_folder("jobctl-load-"))
        self._processes: list[subprocess.Popen[bytes]] = []
        self._started = 0
        self.kills = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, count: int) -> None:
        """Start some more."""
        for _ in range(count):
            self._started += 1
            with self._log(self._started).open("wb") as log:
                # A session of its own: Ctrl-C is for us, who first wait for the jobs on their way.
                process = subprocess.Popen(  # noqa: S603 - our own command
                    self._command,
                    env=self._env,
                    stdin=subprocess.PIPE,  # whose end is the end of us
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            self._processes.append(process)

    def wait_until_ready(self, server: Redis, known: Collection[bytes], count: int) -> None:
        """Wait until so many workers have reported on the broker.

        Args:
            known: ids of workers that reported before.

        Raises:
            WorkerFailed: one ended meanwhile, or it took too long; the message carries its last words.
        """
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while len(reporting(server) - set(known)) < count:
            for process in self._processes:
                if process.poll() is not None:
                    text = f"the worker of the load test ended with {process.returncode}"
                    raise WorkerFailed(text, hint=self._said())
            if time.monotonic() > deadline_s:
                raise WorkerFailed("the worker of the load test did not start", hint=self._said())
            time.sleep(POLL_S)

    def kill_one(self) -> int:
        """Kill the oldest worker (SIGKILL) and start another in its place; return the process id of the dead."""
        victim = self._processes.pop(0)
        victim.kill()
        victim.wait()
        _close(victim)
        self.kills += 1
        self.start(1)
        return victim.pid

    def memory(self) -> int:
        """Return the resident memory of the largest worker, bytes; 0 without any."""
        sizes = [0]
        for process in self._processes:
            try:
                sizes.append(psutil.Process(process.pid).memory_info().rss)
            except psutil.Error:
                continue  # it was just killed
        return max(sizes)

    def stop(self) -> None:
        """Stop all: SIGTERM, and SIGKILL for what does not end within its grace."""
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        deadline_s = time.monotonic() + STOP_TIMEOUT_S
        for process in self._processes:
            try:
                process.wait(max(deadline_s - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            _close(process)
        self._processes.clear()
        self._scratch.close()

    def _log(self, number: int) -> Path:
        return self._logs / f"worker-{number}.log"

    def _said(self) -> str:
        text = self._log(self._started).read_text(errors="replace").strip()
        return "it said: " + "\n  ".join(text.splitlines()[-LAST_WORDS:]) if text else "it said nothing"


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()


def reporting(server: Redis) -> set[bytes]:
    """Return the ids of the workers that report on a broker."""
    ids: Any = server.zrange(keys.WORKERS, 0, -1)
    return set(ids)


@contextmanager
def running(
    server: Redis,
    *,
    spec: str,
    url: str,
    count: int,
    concurrency: int,
    home: Path | None = None,
    lease: str | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[Workers]:
    """Run `count` workers for as long as the context lasts, ready when it begins; arguments as of `Workers`.

    Raises:
        WorkerFailed: one did not start.
    """
    known = reporting(server)
    with Workers(spec, url, concurrency, home=home, lease=lease, env=env) as workers:
        workers.start(count)
        workers.wait_until_ready(server, known, count)
        yield workers
