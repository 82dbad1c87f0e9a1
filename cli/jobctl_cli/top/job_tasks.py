"""What can be done to jobs, from a list or from one that is open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from jobctl.inspector.deeds import Target
from jobctl.records import JobRecord
from jobctl_cli.text import plural
from jobctl_cli.top.keys import Key
from jobctl_cli.top.task import Task

if TYPE_CHECKING:
    from jobctl.inspector import Inspector

REPLAY = Key(("r",), "r", "replay", "Run ended jobs again, as new jobs", "replay", changes=True)
CANCEL = Key(("c",), "c", "cancel", "Cancel jobs that wait or run", "cancel", changes=True)
DELETE = Key(("x", "delete"), "x", "delete", "Delete ended jobs, with their history", "delete", changes=True)
Outcomes = list[tuple[bool, str | None]]  # whether it was done, and if not, why
JOB_KEYS = (REPLAY, CANCEL, DELETE)


def replay(records: Sequence[JobRecord]) -> Task | None:
    """Run those that have ended again."""

    async def do(inspector: Inspector, targets: Sequence[Target]) -> Outcomes:
        return [(one.key is not None, one.reason) for one in await inspector.repair.replay(targets)]

    return _task("replay", "replayed", [one for one in records if one.state.is_final], do)


def cancel(records: Sequence[JobRecord]) -> Task | None:
    """Cancel those that have not ended."""

    async def do(inspector: Inspector, targets: Sequence[Target]) -> Outcomes:
        return [(bool(one.what), one.reason) for one in await inspector.repair.cancel(targets)]

    return _task("cancel", "cancelled", [one for one in records if not one.state.is_final], do)


def delete(records: Sequence[JobRecord]) -> Task | None:
    """Delete those that have ended."""

    async def do(inspector: Inspector, targets: Sequence[Target]) -> Outcomes:
        return [(bool(one.what), one.reason) for one in await inspector.repair.delete(targets)]

    return _task("delete", "deleted", [one for one in records if one.state.is_final], do)


def _task(
    verb: str,
    done: str,
    records: Sequence[JobRecord],
    act: Callable[[Inspector, Sequence[Target]], Awaitable[Outcomes]],
) -> Task | None:
    """Return a task that does one thing to all these jobs; None = it applies to none of those chosen."""
    if not records:
        return None
    what = f"job {records[0].key}" if len(records) == 1 else plural(len(records), "job")

    async def do(inspector: Inspector) -> str:
        outcomes = await act(inspector, [Target.of(record) for record in records])
        refused = [reason or "it has changed meanwhile" for is_done, reason in outcomes if not is_done]
        told = f"{plural(len(outcomes) - len(refused), 'job')} {done}"
        return f"{told}; {len(refused)} not: {refused[0]}" if refused else told

    return Task(f"{verb.capitalize()} {what}?", do)
