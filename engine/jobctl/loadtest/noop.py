"""The handler of `_noop.yaml`. Locust leaves files with a leading underscore alone."""

from __future__ import annotations

from jobctl import Context


async def noop(ctx: Context, number: int) -> None:
    """Do nothing."""
