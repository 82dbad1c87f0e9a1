"""The worker: runs claimed jobs, keeps their leases, reports, and stops without losing anything.

The names are imported on first use: the processes around a worker (its supervisor, the children that run isolated
jobs) live here too, and need neither the broker's client nor SAQ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobctl.worker.process import run_worker
    from jobctl.worker.worker import Worker

_HOME = {"Worker": "jobctl.worker.worker", "run_worker": "jobctl.worker.process"}

__all__ = ["Worker", "run_worker"]

if not TYPE_CHECKING:  # a type checker that saw it would take any name for one of ours

    def __getattr__(name: str) -> Any:
        home = _HOME.get(name)
        if home is None:
            raise AttributeError(f"module `jobctl.worker` has no attribute `{name}`")
        from importlib import import_module

        return getattr(import_module(home), name)
