"""SAQ's burst mode: end when no job has come for a while, or after so many jobs."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from jobctl.broker.cycle import Turn
from jobctl.worker.execution import Execution

LOOKS = 10  # in the time after which a worker counts as idle


class CountedExecution(Execution):
    """An execution that takes no more than so many jobs in all."""

    def __init__(self, *args: Any, most: int, **options: Any) -> None:
        super().__init__(*args, **options)
        self._left = most

    @property
    def is_spent(self) -> bool:
        """Whether it has taken all it may."""
        return self._left <= 0

    def wanted(self) -> int:
        """Return how many jobs to claim now."""
        return max(min(super().wanted(), self._left - self.asked), 0)

    def accept(self, turn: Turn) -> None:
        """Take over claimed jobs."""
        self._left -= len(turn.claims)
        super().accept(turn)

    def return_waiting(self) -> None:
        """Give back claimed jobs that have not started."""
        self._left += len(self._waiting)
        super().return_waiting()


async def wait_until_idle(execution: Execution, idle_s: float) -> None:
    """Return when nothing has started and nothing has run for so many seconds, or no more may be taken."""
    started, idle_since = -1, 0.0
    while True:
        count, now_at = sum(execution.tally.starts.values()), time.monotonic()
        # while the broker has not answered yet (it may be slow, or we), there may be work
        if count != started or not execution.is_idle or execution.asked:
            started, idle_since = count, now_at
        if execution.is_idle:
            is_spent = isinstance(execution, CountedExecution) and execution.is_spent
            if is_spent or now_at - idle_since >= idle_s:
                return
        await asyncio.sleep(idle_s / LOOKS)
