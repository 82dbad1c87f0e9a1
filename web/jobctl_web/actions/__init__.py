"""Everything that can be done here."""

from __future__ import annotations

from jobctl_web.action import Action
from jobctl_web.actions import alerts, bulk, enqueue, jobs, queues, schedules, workers

ACTIONS: tuple[Action, ...] = (
    *queues.ACTIONS,
    *jobs.ACTIONS,
    *bulk.ACTIONS,
    *schedules.ACTIONS,
    *workers.ACTIONS,
    *alerts.ACTIONS,
    *enqueue.ACTIONS,
)
