"""The workers: how busy they are, for how long, what they run; slots held by threads past their timeout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from jobctl.durations import format_elapsed
from jobctl.inspector import WorkerStatus
from jobctl.worker.orders import Order
from jobctl_cli import table
from jobctl_cli.moments import ago, clock
from jobctl_cli.palette import Palette
from jobctl_cli.screens.top import WIDE_COLUMNS, WORKER_COLUMNS, job_name, worker_row
from jobctl_cli.table import Cell, Column
from jobctl_cli.text import plural
from jobctl_cli.top.keys import MARK, MARK_ALL, OPEN, Key
from jobctl_cli.top.tabs.base import Row, Tab
from jobctl_cli.top.task import Task

if TYPE_CHECKING:
    from jobctl.inspector import Inspector

WIDE = (Column("QUEUES", least=12), Column("VERSION"), Column("PLAN"))
RUNNING_COLUMNS = (
    Column("KEY"),
    Column("JOB", least=8),
    Column("QUEUE", least=6),
    Column("TRY", right=True),
    Column("RUNS", right=True),
    Column("", least=8),
)


class WorkersTab(Tab):
    """Workers that reported themselves in the last 20 s."""

    title: ClassVar[str] = "Workers"
    keys: ClassVar[tuple[Key, ...]] = (
        OPEN,
        Key(("u",), "u", "quiet/resume", "Let the worker claim no more jobs, or claim again", "quiet", changes=True),
        Key(("S",), "S", "stop", "Stop the worker as SIGTERM does: the grace for what runs", "stop", changes=True),
        MARK,
        MARK_ALL,
    )
    empty: ClassVar[str] = "no worker runs: `jobctl run` starts one"

    def columns(self) -> Sequence[Column]:
        """Return the columns; a wide screen has queues, version and plan as well."""
        if self.width < WIDE_COLUMNS:
            return WORKER_COLUMNS
        *most, last = WORKER_COLUMNS
        return (*most, *WIDE, last)

    def rows(self) -> list[Row]:
        """Return a row a worker."""
        overview = self.feed.overview
        found = []
        for worker in overview.workers if overview else ():
            *most, last = worker_row(self.feed.plan, worker, overview.at_ms if overview else 0)
            wide = (_weights(worker), worker.version, worker.fingerprint[:8]) if self.width >= WIDE_COLUMNS else ()
            found.append(Row(worker.id, (*most, *wide, last), worker))
        return found

    def count(self) -> int | None:
        """Return how many workers there are."""
        return len(self.feed.overview.workers) if self.feed.overview else None

    def open(self, row: Row) -> None:
        """Show the worker with everything it runs."""
        opened: WorkerStatus = row.item

        async def read() -> str:
            workers = self.feed.overview.workers if self.feed.overview else ()
            worker = next((one for one in workers if one.id == opened.id), None)
            return self._text(worker) if worker else "this worker has gone"

        self.console.open_text(f"worker {opened.host}:{opened.pid}", read)

    def quiet(self, rows: list[Row]) -> Task:
        """Let workers claim nothing, or let those that are quiet claim again, as the first of them needs."""
        if rows[0].item.state == "quiet":
            return _order([row.item for row in rows], Order.SERVE, "Resume", "will claim jobs again")
        return _order([row.item for row in rows], Order.QUIET, "Quiet", "will claim no more jobs")

    def stop(self, rows: list[Row]) -> Task:
        """Stop workers as SIGTERM does."""
        return _order([row.item for row in rows], Order.STOP, "Stop", "will stop")

    def _text(self, worker: WorkerStatus) -> str:
        palette = self.feed.env.out
        at_ms = self.feed.overview.at_ms if self.feed.overview else 0
        facts = [
            ("id", worker.id),
            ("state", worker.state),
            ("started", f"{clock(worker.started_ms)}  ({ago(worker.started_ms, at_ms)} ago)"),
            ("seen", f"{ago(worker.seen_ms, at_ms)} ago"),
            ("slots", f"{worker.active} of {worker.concurrency} busy"),
            ("queues", f"{_weights(worker)}  ({worker.scheduling})"),
            ("version", worker.version),
            ("plan", worker.fingerprint),
        ]
        lines = [f"  {palette('dim', name.ljust(8))} {value}" for name, value in facts if value]
        return "\n".join([*lines, "", self._running(worker, palette)])

    def _running(self, worker: WorkerStatus, palette: Palette) -> str:
        runs = sorted(worker.running, key=lambda run: -run.ran_ms)
        rows: list[list[str | Cell]] = [
            [
                run.key,
                job_name(self.feed.plan, run.type),
                run.queue,
                str(run.attempt),
                format_elapsed(run.ran_ms / 1000),
                Cell("past its timeout, holds its slot", "bold red")
                if run.overdue
                else (f"{run.progress:.0%}" if run.progress else ""),
            ]
            for run in runs
        ]
        if not rows:
            return palette("dim", "it runs nothing")
        left = worker.active - len(runs)
        more = f"\n{palette('dim', f'... and {left} more')}" if left > 0 else ""
        return table.render(RUNNING_COLUMNS, rows, palette, None) + more


def _order(workers: list[WorkerStatus], order: Order, verb: str, then: str) -> Task:
    """Return the task that tells workers something. They obey within a second, and are not waited for."""
    what = f"{workers[0].host}:{workers[0].pid}" if len(workers) == 1 else plural(len(workers), "worker")

    async def do(inspector: Inspector) -> str:
        await inspector.fleet.tell(workers, order)
        return f"{what} {then}"

    return Task(f"{verb} {what}?", do)


def _weights(worker: WorkerStatus) -> str:
    return " ".join(f"{queue}={weight}" for queue, weight in worker.queues.items())
