"""The sweep: looks after active jobs that no worker of ours holds (`scripts/sweep.lua` says how)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from saq.utils import now as caller_ms

from jobctl.broker.keys import QueueKeys
from jobctl.broker.scripts import Script

if TYPE_CHECKING:
    from redis.asyncio import Redis

SILENT_S = 30.0  # SAQ's workers report every 10 s; one that has not for so long is taken for dead
UNKNOWN_S = 10.0  # SAQ's workers move a job and mark it active a moment later
PATIENCE_S = 5.0  # what SAQ gives a job that was asked to stop
STRETCH = 500  # active jobs looked at in one call: under a ms of the server's time
SIMULATED_MS = 3_600_000
"""A caller's clock this far from the server's is a test's (time-machine, a patched `saq.utils.time`) and is followed;
any nearer one is a host's, and the server's own counts (hazard D5)."""


class Sweep:
    """The sweep of one queue.

    Args:
        message: the error of a job that was asked to stop because it was stuck.
        silent_s: seconds without a report after which a stock worker's jobs are handed out again.
        unknown_s: seconds after which a job that was moved and never started is handed out again.
    """

    def __init__(
        self,
        server: Redis,
        of: QueueKeys,
        message: str = "swept",
        *,
        silent_s: float = SILENT_S,
        unknown_s: float = UNKNOWN_S,
    ) -> None:
        self._script = Script(server, "sweep")
        self._names = [
            *(of.active, of.incomplete, of.queued, of.leases, of.owners, of.strays, of.cancels, of.poison),
            *(of.cancelled, of.expiry, of.retrying),
        ]
        self._queue = of.name
        self._message = message
        self._limits_ms = (round(silent_s * 1000), round(unknown_s * 1000))
        self._offset = 0

    async def tick(self, *, patience_s: float = PATIENCE_S, timeouts: bool = False) -> dict[str, str]:
        """Look at the next stretch of active jobs and at what has been strange for long enough.

        Args:
            patience_s: seconds a job that was asked to stop has for it.
            timeouts: whether running past the timeout makes a job stuck, not only a missed heartbeat: a living worker
                sees to timeouts itself.

        Returns:
            job id -> what was done: missing, poison, aborting, retried, aborted, cleared, lost.

        Raises:
            redis.exceptions.RedisError: the broker did not take it.
        """
        self._offset, flat = await self._script(
            self._names,
            [
                *(self._queue, caller_ms(), SIMULATED_MS, self._offset, STRETCH, *self._limits_ms),
                *(round(patience_s * 1000), self._message, int(timeouts)),
            ],
        )
        texts = [text.decode() for text in flat]
        return dict(zip(texts[::2], texts[1::2], strict=True))

    async def run(self, *, patience_s: float = PATIENCE_S, timeouts: bool = False) -> dict[str, str]:
        """Look at all active jobs."""
        self._offset = 0
        done = await self.tick(patience_s=patience_s, timeouts=timeouts)
        while self._offset:
            done |= await self.tick(patience_s=patience_s, timeouts=timeouts)
        return done
