"""Enqueue jobs and wait for them: `Client` for asyncio, `BlockingClient` for everything else.

The names are imported on first use: a blocking program does not pay for the asyncio client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobctl.client.blocking import BlockingClient
    from jobctl.client.client import Client
    from jobctl.client.jobs import Enqueued, NewJob
    from jobctl.client.prepare import Preparer

_HOME = {
    "BlockingClient": "blocking",
    "Client": "client",
    "Enqueued": "jobs",
    "NewJob": "jobs",
    "Preparer": "prepare",
}

__all__ = ["BlockingClient", "Client", "Enqueued", "NewJob", "Preparer"]

if not TYPE_CHECKING:  # a type checker that saw it would take any name for one of ours

    def __getattr__(name: str) -> Any:
        home = _HOME.get(name)
        if home is None:
            raise AttributeError(f"module `jobctl.client` has no attribute `{name}`")
        from importlib import import_module

        return getattr(import_module(f"jobctl.client.{home}"), name)
