"""A key space of a run's own on a broker that others may know: refused where they work, and nothing left behind.

Every queue of a run has a name of its own (`bench-3f9a2c-critical`). What workers write beyond their queues (the plan
that runs there, failures, their reports) is put back as it was.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jobctl.broker import keys
from jobctl.broker.connect import connect_blocking, translate_errors
from jobctl.loadtest.keyspace import LOCK_S, BrokerInUse, keep_reserved, reserved

if TYPE_CHECKING:
    from redis import Redis


def new_prefix() -> str:
    """Return what stands in front of the names of a run's queues."""
    return f"bench-{secrets.token_hex(3)}-"


class Space:
    """A run's own key space.

    Attributes:
        workers: ids of the run's workers; whoever starts one adds it.
    """

    def __init__(self, server: Redis, prefix: str) -> None:
        self.workers: list[str] = []
        self._server = server
        self._prefix = prefix
        self._kept_at = time.monotonic()

    def keep(self) -> None:
        """Say that the run is alive, if it is time to: it would lose its space to another one."""
        now_at = time.monotonic()
        if now_at - self._kept_at > LOCK_S / 3:
            self._kept_at = now_at
            keep_reserved(self._server, self._prefix)


@contextmanager
def own_space(url: str, prefix: str, queues: Sequence[str], *, may_share: bool) -> Iterator[Space]:
    """Have a broker for a run; remove everything of the run afterwards.

    Args:
        url: the broker.
        prefix: of the queues' names.
        queues: their names.
        may_share: go ahead although the broker holds other jobs.

    Raises:
        BrokerInUse: it does, and that was not allowed; or another load test runs there.
        BrokerUnreachable: no broker answers.
    """
    with translate_errors(url), connect_blocking(url) as server:
        plan: Any = server.get(keys.PLAN)
        space = Space(server, prefix)
        try:
            with reserved(server, queues, run=prefix, is_shared=may_share):
                try:
                    yield space
                finally:
                    _put_back(server, space, prefix, plan)
        except BrokerInUse as error:
            if not may_share:
                error.hint = "measure on a broker of its own (without REDIS_URL, jobctl starts one), or say `--shared`"
            raise


def _put_back(server: Redis, space: Space, prefix: str, plan: bytes | None) -> None:
    """Undo what the run's workers have written beyond their queues."""
    for worker in space.workers:
        server.unlink(keys.credits_of(worker), keys.worker(worker))
        server.zrem(keys.WORKERS, worker)
    failures: Any = server.lrange(keys.FAILURES, 0, -1)
    for line in failures:
        if prefix.encode() in line:
            server.lrem(keys.FAILURES, 1, line)
    if plan is None:
        server.delete(keys.PLAN)
    else:
        server.set(keys.PLAN, plan)
