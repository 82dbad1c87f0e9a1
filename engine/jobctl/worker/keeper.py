"""The lease keeper: renews the leases of a worker's jobs from a thread with its own connection.

In a thread, because a handler that blocks the event loop must not cost its neighbours their leases (hazard A11). The
limit: C code that holds the interpreter lock for longer than a lease stops this thread too.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from jobctl.broker.connect import connect_blocking
from jobctl.broker.keys import QueueKeys
from jobctl.broker.scripts import source

if TYPE_CHECKING:
    from redis import Redis
    from redis.commands.core import Script

log = logging.getLogger(__name__)


class LeaseKeeper(threading.Thread):
    """Renews what is in ``held`` every third of a lease.

    Args:
        held: job id -> (queue position, token); written by the event loop, read here.
        on_lost: called in this thread with the ``(id, token)`` of deliveries whose job another one owns by now.
    """

    def __init__(
        self,
        url: str,
        queues: tuple[QueueKeys, ...],
        held: dict[str, tuple[int, str]],
        lease_ms: int,
        on_lost: Callable[[list[tuple[str, str]]], None],
    ) -> None:
        super().__init__(name="jobctl-lease-keeper", daemon=True)
        self.lease_ms = lease_ms
        self.held = held
        self.on_lost = on_lost
        self._names: list[str] = []
        for of in queues:
            self._names += (of.leases, of.owners)
        self._ended = threading.Event()
        timeout_s = lease_ms / 6000  # an answer that takes longer than half the period is no help
        self._server: Redis = connect_blocking(
            url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=None, health_check_interval=0
        )

    def run(self) -> None:
        """Renew until told to end."""
        failing = False
        script = self._server.register_script(source("renew"))
        # After a failure sooner: when the broker comes back, leases are to be renewed before somebody finds them ended.
        while not self._ended.wait(self.lease_ms / (12_000 if failing else 3000)):
            try:
                self._renew(script)
            except Exception as error:  # whatever it is, a keeper that ends costs every job its lease
                if not failing:
                    log.warning("leases cannot be renewed", extra={"error": str(error), "jobs": len(self.held)})
                failing = True
            else:
                failing = False
        self._server.close()

    def _renew(self, script: Script) -> None:
        held = self.held.copy()  # in one step: the event loop writes it meanwhile
        if not held:
            return
        args: list[str | int] = [self.lease_ms]
        for job_id, (queue, token) in held.items():
            args += (queue, job_id, token)
        lost: list[bytes] = script(keys=self._names, args=args)
        if lost:
            self.on_lost([(job_id, held[job_id][1]) for job_id in map(bytes.decode, lost)])

    def end(self) -> None:
        """Stop renewing."""
        self._ended.set()
