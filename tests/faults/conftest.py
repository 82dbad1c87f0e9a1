"""A stage for faults: a server to break, real `jobctl run` processes to kill, a journal that nobody can falsify.

`make test` plays every fault in a short form. `make chaos` plays the long one and ends with a table of what was
measured; it sets ``JOBCTL_CHAOS`` to the file for the raw results.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from jobctl.broker import keys
from jobctl.broker.connect import connect_blocking
from jobctl.broker.record import read_record
from jobctl.client import BlockingClient, NewJob
from jobctl.compiler import load_plan
from jobctl.compiler.plan import Plan
from jobctl.errors import BrokerError, BrokerUnreachable, DuplicateJob
from jobctl.records import JobState
from jobctl.testing.accounting import Account, Books, Fate, close_books
from jobctl.testing.journal import DONE, START, Journal, count
from jobctl.testing.servers import PrivateServer

APP = Path(__file__).parent / "app"
LEASE_S = 2.0
DEADLINE_S = 60.0
FOREIGN = ("REDIS_", "JOBCTL_", "ASYNQ_")
REPORT = pytest.StashKey[list["Result"]]()


@dataclass(frozen=True, slots=True)
class Form:
    """Short in CI, long for `make chaos`.

    Attributes:
        slack_s: added to the bounds on time. A CI machine may be busy with anything; `make chaos` wants a quiet one.
    """

    is_long: bool

    @property
    def slack_s(self) -> float:
        return 0.0 if self.is_long else 4.0

    def pick(self, short: Any, long: Any) -> Any:
        return long if self.is_long else short


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table."""

    fault: str
    account: Account | None
    figures: dict[str, Any]


class WorkerProcess:
    """One `jobctl run`, its log, and the ways to hurt it."""

    def __init__(self, log: Path, env: dict[str, str], arguments: Iterable[str]) -> None:
        self._log = log
        command = [sys.executable, "-m", "jobctl_cli", "run", "--spec", "jobs.yaml", "--log-format", "json", *arguments]
        with log.open("wb") as output:
            self.process = subprocess.Popen(command, cwd=APP, env=env, stdin=subprocess.DEVNULL, stderr=output)
        self.pid = self.process.pid

    def lines(self, message: str = "") -> list[dict[str, Any]]:
        """Return the log lines, or those with one message."""
        # the last line may be half written, and the last words of a crash are no JSON
        found = []
        for text in self._log.read_text(errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                line = json.loads(text)
                if message in ("", line["message"]):
                    found.append(line)
        return found

    def log_text(self) -> str:
        return self._log.read_text(errors="replace")

    def wait_for(self, message: str, times: int = 1) -> list[dict[str, Any]]:
        """Wait until the log says something."""
        eventually(lambda: len(self.lines(message)) >= times or self.process.poll() is not None)
        lines = self.lines(message)
        assert len(lines) >= times, f"the worker did not say `{message}`:\n{self.log_text()}"
        return lines

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> float:
        """SIGKILL; return the time of death."""
        self.process.kill()
        self.process.wait()
        return time.time()

    def wait(self, seconds: float = 30.0) -> int:
        """Wait for the end; return the exit code."""
        return self.process.wait(seconds)

    def cpu_s(self) -> float:
        """Return the CPU time it has used, user and system, all threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.send_signal(signal.SIGCONT)
            self.process.wait()


class Stage:
    """Enqueues, keeps the books, starts workers, and closes the books at the end."""

    def __init__(self, folder: Path, server: PrivateServer) -> None:
        self.folder = folder
        self.server = server
        self.plan: Plan = load_plan(APP / "jobs.yaml")
        self.journal = Journal(folder / "journal.ndjson")
        self.acknowledged: set[str] = set()
        self.unanswered: set[str] = set()
        self.refused: set[str] = set()
        self.workers: list[WorkerProcess] = []
        self.redis = connect_blocking(server.url)

    def worker(
        self,
        *,
        concurrency: int = 10,
        url: str | None = None,
        lease_s: float = LEASE_S,
        patience: str = "5m",
        grace: str = "5s",
        hold_ms: int = 0,
        ready: bool = True,
        arguments: Iterable[str] = (),
    ) -> WorkerProcess:
        """Start a worker; return once it serves, unless ``ready`` is False."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        env |= {
            "REDIS_URL": url or self.server.url,
            "JOBCTL_LEASE": f"{lease_s * 1000:.0f}ms",
            "JOBCTL_PATIENCE": patience,
            "JOBCTL_GRACE": grace,
            "JOURNAL": str(self.journal.path),
            "HOLD_MS": str(hold_ms),
        }
        log = self.folder / f"worker-{len(self.workers)}.log"
        worker = WorkerProcess(log, env, ("--concurrency", str(concurrency), "--no-scheduler", *arguments))
        self.workers.append(worker)
        if ready:
            worker.wait_for("worker started")
        return worker

    def enqueue(
        self, job: str, times: int = 1, *, url: str | None = None, queue: str | None = None, **payload: Any
    ) -> list[str]:
        """Enqueue in one call, and note in the books what came of it; return the keys that were acknowledged."""
        with BlockingClient(self.plan, url or self.server.url) as client:
            return self.enqueue_with(client, job, times, queue=queue, **payload)

    def enqueue_with(
        self, client: BlockingClient, job: str, times: int = 1, *, queue: str | None = None, **payload: Any
    ) -> list[str]:
        names = [f"{job}-{os.urandom(5).hex()}" for _ in range(times)]
        try:
            answers = client.enqueue_many([NewJob(job, payload, key=name, queue=queue) for name in names])
        except BrokerUnreachable:
            self.unanswered.update(names)
            return []
        except BrokerError:
            self.refused.update(names)
            return []
        assert not any(isinstance(answer, DuplicateJob) for answer in answers), answers
        self.acknowledged.update(names)
        return names

    def use(self, server: PrivateServer) -> None:
        """Look at another server from now on."""
        self.server = server
        self.redis.close()
        self.redis = connect_blocking(server.url)

    @staticmethod
    def wait_s(seconds: float) -> None:
        """Let time pass. Only where the fault is that nothing happens for so long."""
        time.sleep(max(seconds, 0))

    def starts(self, key: str | None = None) -> int:
        return len(self.journal.entries(START, key))

    def done(self, key: str | None = None) -> int:
        return len(self.journal.entries(DONE, key))

    def until_started(self, times: int) -> None:
        eventually(lambda: self.starts() >= times, self.trouble)

    def until_settled(self, deadline_s: float = DEADLINE_S) -> float:
        """Wait until every acknowledged job has a final record; return the time of that."""

        def is_settled() -> bool:
            states = self.states(self.acknowledged)
            return len(states) == len(self.acknowledged) and all(state.is_final for state in states.values())

        eventually(is_settled, self.trouble, deadline_s)
        return time.time()

    def states(self, of: Iterable[str]) -> dict[str, JobState]:
        """Return key -> state, for those that have a record."""
        names = sorted(of)
        ids = [keys.job_id("default", name) for name in names]
        raws = self.redis.mget(ids) if ids else []
        return {
            name: read_record(job_id, raw).state
            for name, job_id, raw in zip(names, ids, raws, strict=True)  # type: ignore[arg-type]
            if raw is not None
        }

    def record(self, key: str) -> Any:
        """Return the record of a job, with what is kept beside it."""
        of, job_id = keys.QueueKeys("default"), keys.job_id("default", key)
        raw = self.redis.get(job_id)
        assert raw is not None, key
        return read_record(
            job_id,
            raw,  # type: ignore[arg-type]
            crashes=int(self.redis.hget(of.crashes, job_id) or 0),  # type: ignore[arg-type]
            interruptions=int(self.redis.hget(of.interruptions, job_id) or 0),  # type: ignore[arg-type]
        )

    def left_over(self) -> dict[str, int]:
        """Return what still stands in the indexes of unfinished jobs; empty after a drain."""
        of = keys.QueueKeys("default")
        sizes = {
            "queued": self.redis.llen(of.queued),
            "active": self.redis.llen(of.active),
            "incomplete": self.redis.zcard(of.incomplete),
            "leases": self.redis.zcard(of.leases),
            "owners": self.redis.hlen(of.owners),
        }
        return {name: size for name, size in sizes.items() if size}  # type: ignore[misc]

    def account(self) -> Account:
        """Close the books."""
        entries = self.journal.read()
        everyone = self.acknowledged | self.unanswered | self.refused
        return close_books(
            Books(
                acknowledged=self.acknowledged,
                unanswered=self.unanswered,
                refused=self.refused,
                starts=count(entries, START),
                ends=count(entries, DONE),
                states=self.states(everyone),
            )
        )

    def settle(self, deadline_s: float = DEADLINE_S) -> Account:
        """Wait until everything is final, close the books, and insist that no promise was broken."""
        self.until_settled(deadline_s)
        account = self.account()
        assert account.is_sound, f"{account}\n{self.trouble()}"
        assert self.left_over() == {}
        return account

    def trouble(self) -> str:
        """Say what is known, for a failed test."""
        with contextlib.suppress(Exception):
            return f"{self.account()}; left over: {self.left_over()}\n" + "\n".join(
                f"--- worker {number}, exit {worker.process.poll()}\n{worker.log_text()[-3000:]}"
                for number, worker in enumerate(self.workers)
            )
        return "the server does not answer"

    def close(self) -> None:
        for worker in self.workers:
            worker.end()
        self.redis.close()


def eventually(condition: Callable[[], bool], trouble: Callable[[], str] = str, deadline_s: float = DEADLINE_S) -> None:
    """Poll a condition until it holds."""
    until = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > until:
            pytest.fail(f"not within {deadline_s:g} s: {trouble()}")
        time.sleep(0.01)


@dataclass
class Report:
    """Takes the rows of the table."""

    rows: list[Result] = field(default_factory=list)

    def __call__(self, fault: str, account: Account | None = None, **figures: Any) -> None:
        self.rows.append(Result(fault, account, figures))


@pytest.fixture(scope="session")
def form() -> Form:
    return Form(is_long=bool(os.environ.get("JOBCTL_CHAOS")))


@pytest.fixture
def report(pytestconfig: pytest.Config) -> Report:
    return Report(pytestconfig.stash.setdefault(REPORT, []))


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateServer]:
    """A server that outlives the tests that do it no harm."""
    with PrivateServer(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def stage(tmp_path: Path, shared_server: PrivateServer) -> Iterator[Stage]:
    """A stage on an empty, healthy server."""
    shared_server.ask("FLUSHALL")
    stage = Stage(tmp_path, shared_server)
    yield stage
    stage.close()


@pytest.fixture
def frail_stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage on a server of its own, to be broken."""
    with PrivateServer(tmp_path / "server") as server:
        stage = Stage(tmp_path, server)
        yield stage
        stage.close()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """End the long form with its table, and write the raw results."""
    target, rows = os.environ.get("JOBCTL_CHAOS"), config.stash.get(REPORT, [])
    if not target or not rows:
        return
    head = f"{'fault':<58} {'jobs':>5} {'lost':>5} {'twice':>5}  measured"
    terminalreporter.section("chaos")
    terminalreporter.write_line(head)
    raw = []
    for row in rows:
        of = row.account
        counts = (len(of.fates), of.count(Fate.LOST), len(of.duplicated)) if of else ("", "", "")
        measured = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in row.figures.items())
        terminalreporter.write_line(f"{row.fault:<58} {counts[0]:>5} {counts[1]:>5} {counts[2]:>5}  {measured}")
        fates = {fate.value: of.count(fate) for fate in Fate} if of else {}
        more = {"done_twice": len(of.duplicated), "begun_again": len(of.restarted)} if of else {}
        raw.append({"fault": row.fault, **fates, **more, **row.figures})
    facts = {"python": platform.python_version(), "machine": platform.platform(), "cpus": os.cpu_count()}
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    Path(target).write_text(json.dumps({**facts, "results": raw}, indent=1) + "\n")
