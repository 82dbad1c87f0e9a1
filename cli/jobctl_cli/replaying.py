"""Replays of jobs that were named one by one: each stands for itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobctl.errors import BrokerError, JobctlError, JobStateError
from jobctl.inspector import Replayed

if TYPE_CHECKING:
    from jobctl.inspector import Inspector


async def replay_keys(
    inspector: Inspector, names: Sequence[str], *, force: bool, dry_run: bool
) -> list[Replayed | JobctlError]:
    """Replay each job, and return what became of it; a job that cannot be replayed does not stop the others.

    Raises:
        BrokerUnreachable: no broker answers.
    """
    outcome: list[Replayed | JobctlError] = []
    for name in dict.fromkeys(names):
        try:
            outcome.append(
                await _rehearse(inspector, name, force=force) if dry_run else await inspector.replay(name, force=force)
            )
        except BrokerError:
            raise
        except JobctlError as error:
            outcome.append(error)
    return outcome


async def _rehearse(inspector: Inspector, name: str, *, force: bool) -> Replayed:
    record = await inspector.job(name)
    if not record.state.is_final:
        raise JobStateError(
            f"job `{record.key}` has not ended", hint="only a job that is complete, dead or cancelled can be replayed"
        )
    if record.replays and not force:
        raise JobStateError(
            f"job `{record.key}` has been replayed already, as `{record.replays[-1]}`",
            hint="`--force` replays it again",
        )
    return Replayed(origin=record.key, queue=record.queue, type=record.type)
