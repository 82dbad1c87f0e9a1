"""A stage for faults: it enqueues, keeps the books that nobody can falsify, starts workers, and closes the books."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.faults.worker_process import APP, WorkerProcess
from tests.waiting import DEADLINE_S, wait_until

from jobctl.broker import keys
from jobctl.broker.connect import connect_blocking
from jobctl.broker.record import read_record
from jobctl.client import BlockingClient, NewJob
from jobctl.compiler import load_plan
from jobctl.compiler.plan import Plan
from jobctl.errors import BrokerError, BrokerUnreachable, DuplicateJob
from jobctl.records import JobState
from jobctl.testing.accounting import Account, Books, close_books
from jobctl.testing.journal import DONE, START, Journal, count
from jobctl.testing.servers import PrivateServer

LEASE_S = 2.0
FOREIGN = ("REDIS_", "JOBCTL_", "ASYNQ_")


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
        wait_until(lambda: self.starts() >= times, self.trouble)

    def until_settled(self, deadline_s: float = DEADLINE_S) -> float:
        """Wait until every acknowledged job has a final record; return the time of that."""

        def is_settled() -> bool:
            states = self.states(self.acknowledged)
            return len(states) == len(self.acknowledged) and all(state.is_final for state in states.values())

        wait_until(is_settled, self.trouble, deadline_s)
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
