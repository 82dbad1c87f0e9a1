"""The handlers of `soak.yaml`."""

from __future__ import annotations

from uuid import UUID

from jobctl import Context


async def do_async(ctx: Context, number: int, id: UUID) -> dict[str, str]:
    """Report progress and return a result."""
    ctx.progress(0.5)
    return {"id": str(id), "number": str(number)}


def do_in_thread(ctx: Context, number: int) -> int:
    """Return a result from a thread."""
    return number


async def fail_once(ctx: Context, number: int) -> int:
    """Fail the first attempt with a traceback, succeed at the second."""
    if ctx.attempt == 1:
        raise ValueError(f"number {number} comes back later")
    return number
