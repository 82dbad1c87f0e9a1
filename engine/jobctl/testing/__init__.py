"""What users test their jobs with, and what we test ourselves with.

For pytest there are fixtures, without an import: `jobs`, `client`, `worker`, `broker`, `clock`; for unittest,
`JobsCase` and `AsyncJobsCase`. The names here are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobctl.testing.accounting import Account, Fate
    from jobctl.testing.broker import HarnessBroker
    from jobctl.testing.cases import AsyncJobsCase, JobsCase
    from jobctl.testing.clock import SteppedClock
    from jobctl.testing.faults import Fault, InjectedFailure, block, fail, kill, overrun
    from jobctl.testing.harness import Options
    from jobctl.testing.jobs import BlockingJobs, BlockingWorker, Jobs
    from jobctl.testing.proxy import Proxy
    from jobctl.testing.ran import Ran, Runs
    from jobctl.testing.stepped import SteppedWorker
    from jobctl.testing.strategies import invalid_payloads, payloads

_HOME = {
    # what the fixtures are, for annotations
    "Jobs": "jobctl.testing.jobs",
    "BlockingJobs": "jobctl.testing.jobs",
    "SteppedWorker": "jobctl.testing.stepped",
    "BlockingWorker": "jobctl.testing.jobs",
    "HarnessBroker": "jobctl.testing.broker",
    "SteppedClock": "jobctl.testing.clock",
    "Ran": "jobctl.testing.ran",
    "Runs": "jobctl.testing.ran",
    # unittest
    "JobsCase": "jobctl.testing.cases",
    "AsyncJobsCase": "jobctl.testing.cases",
    "Options": "jobctl.testing.harness",
    # break things
    "Fault": "jobctl.testing.faults",
    "InjectedFailure": "jobctl.testing.faults",
    "block": "jobctl.testing.faults",
    "fail": "jobctl.testing.faults",
    "kill": "jobctl.testing.faults",
    "overrun": "jobctl.testing.faults",
    "Proxy": "jobctl.testing.proxy",
    # payloads from the declaration
    "payloads": "jobctl.testing.strategies",
    "invalid_payloads": "jobctl.testing.strategies",
    "Account": "jobctl.testing.accounting",
    "Fate": "jobctl.testing.accounting",
}

__all__ = [
    "Account",
    "AsyncJobsCase",
    "BlockingJobs",
    "BlockingWorker",
    "Fate",
    "Fault",
    "HarnessBroker",
    "InjectedFailure",
    "Jobs",
    "JobsCase",
    "Options",
    "Proxy",
    "Ran",
    "Runs",
    "SteppedClock",
    "SteppedWorker",
    "block",
    "fail",
    "invalid_payloads",
    "kill",
    "overrun",
    "payloads",
]

if not TYPE_CHECKING:  # a type checker that saw it would take any name for one of ours

    def __getattr__(name: str) -> Any:
        home = _HOME.get(name)
        if home is None:
            raise AttributeError(f"module `jobctl.testing` has no attribute `{name}`")
        from importlib import import_module

        try:
            return getattr(import_module(home), name)
        except ModuleNotFoundError as error:
            if error.name != "hypothesis":
                raise
            text = f"`{name}` needs hypothesis, which is not installed; pip install 'jobctl[testing]'"
            raise ModuleNotFoundError(text, name=error.name) from None
