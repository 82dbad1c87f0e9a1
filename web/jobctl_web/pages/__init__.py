"""All pages, in the order in which their addresses are tried."""

from __future__ import annotations

from jobctl_web.page import Page
from jobctl_web.pages import (
    alerts,
    audit,
    broker,
    dead,
    enqueue,
    job,
    jobs,
    overview,
    queue,
    schedule,
    schedules,
    type,
    types,
    workers,
)

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    queue.PAGE,
    jobs.PAGE,
    job.EDIT,
    job.PAGE,
    dead.PAGE,
    types.PAGE,
    type.PAGE,
    workers.PAGE,
    schedules.PAGE,
    schedule.PAGE,
    alerts.PAGE,
    enqueue.CHOOSE,
    enqueue.FORM,
    audit.PAGE,
    broker.PAGE,
)

SECTIONS = (
    ("overview", "/", "Overview"),
    ("jobs", "/jobs", "Jobs"),
    ("dead", "/dead", "Dead"),
    ("types", "/types", "Types"),
    ("schedules", "/schedules", "Schedules"),
    ("workers", "/workers", "Workers"),
    ("alerts", "/alerts", "Alerts"),
    ("enqueue", "/enqueue", "Enqueue"),
    ("audit", "/audit", "Audit log"),
    ("broker", "/broker", "Broker"),
)
"""The menu: section, address, title."""
