"""The tabs of the console, one a file, in their order."""

from __future__ import annotations

from jobctl_cli.top.tabs.base import Tab
from jobctl_cli.top.tabs.errors import ErrorsTab
from jobctl_cli.top.tabs.jobs import DeadTab, JobsTab
from jobctl_cli.top.tabs.queues import QueuesTab
from jobctl_cli.top.tabs.schedules import SchedulesTab
from jobctl_cli.top.tabs.workers import WorkersTab

TABS: tuple[type[Tab], ...] = (QueuesTab, JobsTab, WorkersTab, SchedulesTab, DeadTab, ErrorsTab)
