"""jobctl: declare, run and load-test background jobs.

The public names are imported on first use, so that `import jobctl` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobctl.broker.queue import JobQueue
    from jobctl.client import BlockingClient, Client, Enqueued, NewJob
    from jobctl.compiler import load_plan
    from jobctl.errors import JobctlError
    from jobctl.inspector import Inspector, JobFilter, parse_filter, where
    from jobctl.outcomes import Cancel, Dead, RetryAfter
    from jobctl.worker.context import Context
    from jobctl.worker.hooks import Failure
    from jobctl.worker.stock import saq_settings
    from jobctl.worker.worker import Worker

__version__ = "0.1.0"

_HOME = {
    # enqueue and wait
    "Client": "jobctl.client",
    "BlockingClient": "jobctl.client",
    "Enqueued": "jobctl.client",
    "NewJob": "jobctl.client",
    # write handlers
    "Context": "jobctl.worker.context",
    "Failure": "jobctl.worker.hooks",
    "Dead": "jobctl.outcomes",
    "RetryAfter": "jobctl.outcomes",
    "Cancel": "jobctl.outcomes",
    # compile and run
    "load_plan": "jobctl.compiler",
    "saq_settings": "jobctl.worker.stock",
    "Worker": "jobctl.worker.worker",
    "JobQueue": "jobctl.broker.queue",
    # look and repair
    "Inspector": "jobctl.inspector",
    "JobFilter": "jobctl.inspector",
    "parse_filter": "jobctl.inspector",
    "where": "jobctl.inspector",
    "JobctlError": "jobctl.errors",
}

__all__ = [
    "BlockingClient",
    "Cancel",
    "Client",
    "Context",
    "Dead",
    "Enqueued",
    "Failure",
    "Inspector",
    "JobFilter",
    "JobQueue",
    "JobctlError",
    "NewJob",
    "RetryAfter",
    "Worker",
    "load_plan",
    "parse_filter",
    "saq_settings",
    "where",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module `jobctl` has no attribute `{name}`")
    from importlib import import_module

    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
