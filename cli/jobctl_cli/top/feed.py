"""What the console reads of the broker: a bounded number of commands each time, whatever the backlog.

An overview costs 7 commands, 13 a queue (60 more at first, for the rates of the last ten minutes) and 1 a schedule; a
page of jobs at most 2 and, for each batch read, 2 and 14 a queue; the schedules' tab 6 and 4 a schedule. `jobctl top
--help` says so, and a test counts them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobctl.inspector.rate_history import RateHistory

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan
    from jobctl.inspector import Inspector, Overview
    from jobctl_cli.environment import Environment
    from jobctl_cli.view import View


class Feed:
    """The broker as last read.

    Attributes:
        inspector: reads and acts.
        plan: the specs, if there are any.
        view: how records may be shown.
        env: of the run; its clock tells ages.
        overview: the latest one.
        history: rates of the last ten minutes.
    """

    def __init__(self, env: Environment, inspector: Inspector, plan: Plan | None, view: View) -> None:
        self.env = env
        self.inspector = inspector
        self.plan = plan
        self.view = view
        self.history = RateHistory()
        self.overview: Overview | None = None

    async def read(self, failures: int = 1) -> Overview:
        """Read the overview anew.

        Args:
            failures: how many of the latest failures.
        """
        self.overview = await self.inspector.overview(failures=failures, history=self.history)
        return self.overview

    @property
    def now_ms(self) -> float:
        """The time of this machine, ms since the epoch."""
        return self.env.clock.time() * 1000

    def queue_names(self) -> list[str]:
        """Return the queues of the latest overview."""
        return [queue.name for queue in self.overview.queues] if self.overview else []
