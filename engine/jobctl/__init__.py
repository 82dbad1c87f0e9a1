"""jobctl: declare, run and load-test background jobs.

The public names are imported on first use, so that `import jobctl` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobctl.broker.connect import open_broker
    from jobctl.broker.queue import JobQueue
    from jobctl.client import BlockingClient, Client, Enqueued, NewJob
    from jobctl.compiler import Plan, load_plan
    from jobctl.errors import (
        BrokerError,
        DuplicateJob,
        JobctlError,
        JobNotFound,
        PayloadError,
        UnknownJob,
        UsageError,
        WaitTimeout,
    )
    from jobctl.inspector import Inspector, JobFilter, parse_filter, where
    from jobctl.outcomes import Cancel, Dead, RetryAfter
    from jobctl.records import JobRecord, JobState
    from jobctl.spec import SpecErrors
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
    "JobRecord": "jobctl.records",
    "JobState": "jobctl.records",
    "open_broker": "jobctl.broker.connect",
    # compile and run
    "load_plan": "jobctl.compiler",
    "Plan": "jobctl.compiler",
    "saq_settings": "jobctl.worker.stock",
    "Worker": "jobctl.worker.worker",
    "JobQueue": "jobctl.broker.queue",
    # look and repair
    "Inspector": "jobctl.inspector",
    "JobFilter": "jobctl.inspector",
    "parse_filter": "jobctl.inspector",
    "where": "jobctl.inspector",
    # catch
    "JobctlError": "jobctl.errors",
    "BrokerError": "jobctl.errors",
    "DuplicateJob": "jobctl.errors",
    "JobNotFound": "jobctl.errors",
    "PayloadError": "jobctl.errors",
    "SpecErrors": "jobctl.spec",
    "UnknownJob": "jobctl.errors",
    "UsageError": "jobctl.errors",
    "WaitTimeout": "jobctl.errors",
}

__all__ = [
    "BlockingClient",
    "BrokerError",
    "Cancel",
    "Client",
    "Context",
    "Dead",
    "DuplicateJob",
    "Enqueued",
    "Failure",
    "Inspector",
    "JobFilter",
    "JobNotFound",
    "JobQueue",
    "JobRecord",
    "JobState",
    "JobctlError",
    "NewJob",
    "PayloadError",
    "Plan",
    "RetryAfter",
    "SpecErrors",
    "UnknownJob",
    "UsageError",
    "WaitTimeout",
    "Worker",
    "load_plan",
    "open_broker",
    "parse_filter",
    "saq_settings",
    "where",
]

if not TYPE_CHECKING:  # a type checker that saw it would take any name for one of ours

    def __getattr__(name: str) -> Any:
        home = _HOME.get(name)
        if home is None:
            raise AttributeError(f"module `jobctl` has no attribute `{name}`")
        from importlib import import_module

        return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
