"""Looks at the broker ten times a second while a phase runs: how deep its queues are, and what it uses."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobctl.broker.connect import connect_blocking
from jobctl.broker.keys import QueueKeys

EVERY_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One look at the broker.

    Attributes:
        waiting: queue -> jobs that are due and wait (count).
        left: jobs of all queues that have not ended (count).
        cpu_s: CPU seconds the server has used since its start.
        memory: bytes of data it holds.
    """

    at_ns: int
    waiting: Mapping[str, int]
    left: int
    cpu_s: float
    memory: int


class Sampler:
    """Takes moments when asked and, as a context manager, in a thread. Close it in the end.

    Attributes:
        moments: all so far, in order.
    """

    def __init__(self, url: str, queues: Sequence[str]) -> None:
        self.moments: list[Moment] = []
        self._queues = {name: QueueKeys(name) for name in queues}
        self._server = connect_blocking(url)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()

    def is_rewriting(self) -> bool:
        """Whether the server rewrites its append-only file, in a process beside it."""
        answer: Any = self._server.info("persistence")
        return bool(answer["aof_rewrite_in_progress"])

    def close(self) -> None:
        """Close the connection."""
        self._server.close()

    def look(self) -> Moment:
        """Take a moment now."""
        with self._lock, self._server.pipeline(transaction=False) as pipe:
            for of in self._queues.values():
                pipe.llen(of.queued)
                pipe.zcard(of.incomplete)
            pipe.info("cpu")
            pipe.info("memory")
            *counts, cpu, memory = pipe.execute()
            moment = Moment(
                at_ns=time.monotonic_ns(),
                waiting=dict(zip(self._queues, counts[::2], strict=True)),
                left=sum(counts[1::2]),
                cpu_s=_cpu_s(cpu),
                memory=int(memory["used_memory"]),
            )
            self.moments.append(moment)
            return moment

    def _run(self) -> None:
        while not self._closing.wait(EVERY_S):
            self.look()


def _cpu_s(info: Mapping[str, Any]) -> float:
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])
