"""A try of an alert: a test message to all its destinations, by the way of a real one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from jobctl.alerts.conditions import Found
from jobctl.alerts.watching import enqueue
from jobctl.client import Client
from jobctl.errors import WaitTimeout
from jobctl.inspector import Inspector
from jobctl.inspector.audit import Action, record
from jobctl.records import JobRecord

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from jobctl.compiler.plan import Plan
    from jobctl.spec.model import Alert

TRIAL = Found("this is a test", ("Somebody tries this alert; nothing is wrong.",))


async def send_test(client: Client, redis: Redis, alert: Alert, *, actor: str | None = None) -> list[str]:
    """Send a test message to all destinations of an alert, and return the keys of the jobs that deliver it.

    Args:
        actor: who is noted in the audit log; None = whoever runs this process.
    """
    seconds, micros = await redis.time()
    keys = await enqueue(client, alert, "test", TRIAL, seconds * 1000 + micros // 1000)
    await record(redis, Action.ALERT_TEST, target=alert.name, count=len(keys), actor=actor)
    return keys


async def fire(redis: Redis, plan: Plan, alert: Alert, timeout_s: float) -> list[JobRecord]:
    """Send a test message, and return the jobs that deliver it, in the order of the alert's destinations.

    Args:
        timeout_s: seconds to wait for them; those that have not ended by then are returned as they are.
    """
    client = Client(plan, redis=redis)
    loop = asyncio.get_running_loop()
    until = loop.time() + timeout_s
    keys = await send_test(client, redis, alert)
    jobs = []
    for key in keys:
        try:
            jobs.append(await client.wait(key, timeout=max(until - loop.time(), 0.0)))
        except WaitTimeout:
            jobs.append(await Inspector(redis, plan).job(key))
    return jobs
