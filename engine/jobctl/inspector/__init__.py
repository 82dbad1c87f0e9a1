"""Look at jobs, queues and workers, and run ended jobs again. Its names are imported on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobctl.inspector.audit import AuditEntry
    from jobctl.inspector.deeds import Deed
    from jobctl.inspector.filters import FilterError, JobFilter, parse_filter, where
    from jobctl.inspector.fleet import Fleet
    from jobctl.inspector.inspector import Inspector
    from jobctl.inspector.query import Page
    from jobctl.inspector.redaction import redact
    from jobctl.inspector.replay import Replayed
    from jobctl.inspector.schedules import ScheduleRun, Schedules, ScheduleStatus
    from jobctl.inspector.stats import Stats
    from jobctl.inspector.status import FailureLine, Overview, QueueStatus, Rates, Running, WorkerStatus

_HOME = {
    "AuditEntry": "audit",
    "Deed": "deeds",
    "FilterError": "filters",
    "Fleet": "fleet",
    "Inspector": "inspector",
    "JobFilter": "filters",
    "parse_filter": "filters",
    "where": "filters",
    "Page": "query",
    "redact": "redaction",
    "Replayed": "replay",
    "ScheduleRun": "schedules",
    "ScheduleStatus": "schedules",
    "Schedules": "schedules",
    "Stats": "stats",
    "FailureLine": "status",
    "Overview": "status",
    "QueueStatus": "status",
    "Rates": "status",
    "Running": "status",
    "WorkerStatus": "status",
}

__all__ = [
    "AuditEntry",
    "Deed",
    "FailureLine",
    "FilterError",
    "Fleet",
    "Inspector",
    "JobFilter",
    "Overview",
    "Page",
    "QueueStatus",
    "Rates",
    "Replayed",
    "Running",
    "ScheduleRun",
    "ScheduleStatus",
    "Schedules",
    "Stats",
    "WorkerStatus",
    "parse_filter",
    "redact",
    "where",
]

if not TYPE_CHECKING:  # a type checker that saw it would take any name for one of ours

    def __getattr__(name: str) -> Any:
        home = _HOME.get(name)
        if home is None:
            raise AttributeError(f"module `jobctl.inspector` has no attribute `{name}`")
        from importlib import import_module

        return getattr(import_module(f"jobctl.inspector.{home}"), name)
