"""Orders: what an operator tells a running worker. They come with the upkeep's answer, so that they cost no polling.

An order stands in the broker for an hour, for a worker that cannot reach it just now, and is obeyed once. Orders from
before the worker began are another one's: an id may come back, that of a restarted container for instance.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from jobctl.broker.cycle import Cycle, Ended, Turn


class Order(StrEnum):
    """What a worker is told."""

    QUIET = "quiet"
    """Claim no more; what runs goes on, and the schedules do."""
    SERVE = "serve"
    """Claim again."""
    STOP = "stop"
    """End as at SIGTERM: the jobs that run get the grace."""
    STOP_NOW = "stop-now"
    """End as at a second SIGTERM: the jobs that run are handed back at once."""


class Orders:
    """The orders one worker has had.

    Attributes:
        is_quiet: it is to claim nothing.
        is_dismissed: it was told to end, and nobody is to take its place.
    """

    def __init__(self) -> None:
        self.is_quiet = False
        self.is_dismissed = False
        self._since_ms: int | None = None
        self._latest = ""

    def take(self, text: str, now_ms: int) -> Order | None:
        """Return the order to obey now, None if there is none, or none that is new.

        Args:
            text: what stands in the broker: ``<ms> <nonce> <order>``, or "".
            now_ms: the broker's clock.
        """
        if self._since_ms is None:
            self._since_ms = now_ms
        if not text or text == self._latest:
            return None
        self._latest = text
        at_ms, _, rest = text.partition(" ")
        word = rest.rpartition(" ")[2]
        if not at_ms.isdigit() or int(at_ms) < self._since_ms or word not in list(Order):
            return None  # of a later version, or for the worker that had this id before
        order = Order(word)
        self.is_quiet = order is not Order.SERVE
        self.is_dismissed = self.is_dismissed or order in (Order.STOP, Order.STOP_NOW)
        return order


class GatedCycle(Cycle):
    """A cycle that claims nothing while its worker is to be quiet."""

    def __init__(
        self, url: str, weights: dict[str, int], worker_id: str, *, orders: Orders, strict: bool, lease_ms: int
    ) -> None:
        super().__init__(url, weights, worker_id, strict=strict, lease_ms=lease_ms)
        self._orders = orders

    async def turn(self, ended: Ended, want: int, limits: Sequence[tuple[int, int]] | None = None) -> Turn:
        """End runs and claim jobs; when quiet, only end runs."""
        if self._orders.is_quiet:
            want, limits = 0, None
        return await super().turn(ended, want, limits)
