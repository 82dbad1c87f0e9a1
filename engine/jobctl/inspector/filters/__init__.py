"""The filter language: which jobs are meant, in one line. Pure.

    state=dead and type=tenant:* and error~"timed out" and age<1h
    payload.id=7 or (queue=low and not tag=nightly)

`parse_filter` reads it, `where` builds it from values, `explain` says what a filter reads. `docs/filters.md` is the
reader's page.
"""

from __future__ import annotations

from jobctl.inspector.filters.filter import EVERYTHING, JobFilter, parse_filter, where
from jobctl.inspector.filters.problem import FilterError

__all__ = ["EVERYTHING", "FilterError", "JobFilter", "parse_filter", "where"]
