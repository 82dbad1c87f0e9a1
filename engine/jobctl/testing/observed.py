"""An execution whose every delivery is noted as it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobctl.broker.record import Wire
from jobctl.clock import utc
from jobctl.testing.ran import Ran
from jobctl.testing.waits import WorkerLost
from jobctl.worker import ending
from jobctl.worker.execution import Execution
from jobctl.worker.run import Run


class ObservedExecution(Execution):
    """An execution that notes every delivery that ends, and claims no more than it can start."""

    def __init__(self, *args: Any, names: Mapping[str, str], **options: Any) -> None:
        super().__init__(*args, **options)
        self.ran: list[Ran] = []
        self.is_lost = False
        self._names = names

    def wanted(self) -> int:
        """Return how many jobs to claim now."""
        return max(self.free - len(self._waiting) - self.asked, 0)

    def _succeeded(self, run: Run, result: Any) -> None:
        is_current, before = self.running.get(run.id) is run, len(self.ran)
        super()._succeeded(run, result)
        if is_current and len(self.ran) == before:  # a result that cannot be stored has been settled
            self._note(run, "complete", result=result)

    def _failed(self, run: Run, error: BaseException) -> None:
        if isinstance(error, WorkerLost):  # the worker is no more: it is not the one to say how this ended
            self.is_lost = True
            self._wake()
        else:
            super()._failed(run, error)

    def _settle(self, run: Run, verdict: ending.Verdict, now_ms: int) -> None:
        retry_in_s = verdict.delay_s if verdict.outcome == "retry" else None
        self._note(run, verdict.outcome, error=verdict.error, text=verdict.text, retry_in_s=retry_in_s)
        super()._settle(run, verdict, now_ms)

    def _hand_back(self, run: Run) -> None:
        self._note(run, "interrupted")
        super()._hand_back(run)

    def _note(self, run: Run, outcome: str, **facts: Any) -> None:
        self.ran.append(ran_of(run.wire, run.started_ms, outcome, self._names, **facts))


def ran_of(wire: Wire, started_ms: int, outcome: str, names: Mapping[str, str], **facts: Any) -> Ran:
    """Return the entry of a delivery."""
    return Ran(
        job=names.get(wire.function, wire.function),
        key=wire.key,
        type=wire.function,
        queue=wire.queue,
        outcome=outcome,
        attempt=wire.attempts + 1,
        max_attempts=max(wire.retries, 1),
        at=utc(started_ms / 1000),
        payload=wire.kwargs or {},
        **facts,
    )
