"""The watch: one worker of all looks every few seconds whether an alert is to be told, and enqueues its delivery.

What has been told is kept with the broker. Between two messages of an alert lies its `every`; what happens meanwhile is
gathered. A worker that ends between the enqueue and the note of it may tell a thing twice, never not at all.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from jobctl.alerts import conditions, ledger
from jobctl.alerts.conditions import Found, History
from jobctl.alerts.ledger import Told
from jobctl.alerts.message import particulars
from jobctl.broker.connect import connect, translate_errors
from jobctl.broker.keys import QueueKeys
from jobctl.client import Client, NewJob
from jobctl.compiler.alerting import JOB
from jobctl.errors import BrokerError
from jobctl.inspector.inspector import Inspector
from jobctl.spec.model import Alert, AlertCondition

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from jobctl.compiler.plan import Plan
    from jobctl.worker.worker import Worker

log = logging.getLogger(__name__)

PERIOD_S = 5.0
CLAIM_MS = 15_000  # a watcher that is lost is replaced after so long


async def run(worker: Worker) -> None:
    """Watch beside a worker until cancelled; what it watches for are the alerts of the worker's plan."""
    redis = connect(worker.url, max_connections=3)
    watch = Watch(redis, worker.id)
    try:
        while True:
            await worker.started.wait()  # from then on, before its first job: what dies now is told of
            plan = worker.duties.plan if worker.duties else None
            if plan is not None and plan.alerts:
                try:
                    with translate_errors():
                        await watch.look(plan)
                except BrokerError as error:
                    log.debug("alerts wait for the broker", extra={"error": error.message})
            await asyncio.sleep(PERIOD_S)
    finally:
        await redis.aclose()


class Watch:
    """Looks for alerts.

    Args:
        redis: an asyncio client that answers bytes.
        worker: id of the worker it runs beside.
    """

    def __init__(self, redis: Redis, worker: str) -> None:
        self._redis = redis
        self._worker = worker
        self._history = History()

    async def look(self, plan: Plan) -> list[str]:
        """Look once, unless another worker does; return the names of the alerts that were told of.

        Raises:
            redis.exceptions.RedisError, BrokerError: the broker did not take it.
        """
        if not await ledger.claim(self._redis, self._worker, CLAIM_MS):
            self._history = History()
            return []
        seconds, micros = await self._redis.time()
        now_ms = seconds * 1000 + micros // 1000
        before = await ledger.read(self._redis, [alert.name for alert in plan.alerts])
        kinds = {alert.when for alert in plan.alerts}
        inspector = Inspector(self._redis, plan)
        queues = await inspector.queues() if AlertCondition.AGE in kinds else ()
        schedules = await inspector.schedules.statuses() if AlertCondition.MISSED in kinds else ()
        if AlertCondition.FAILURES in kinds:
            await self._count(plan, now_ms)
        told = []
        for alert in plan.alerts:
            state = before.get(alert.name) or Told(seen_ms=now_ms)
            match alert.when:
                case AlertCondition.DEAD:
                    found = await conditions.deaths(self._redis, plan, alert, state.seen_ms)
                case AlertCondition.FAILURES:
                    found = self._history.failures(plan, alert)
                case AlertCondition.AGE:
                    found = conditions.age(alert, queues)
                case AlertCondition.MISSED:
                    found = conditions.missed(alert, schedules)
            if await self._decide(plan, alert, state, found, now_ms, is_new=alert.name not in before):
                told.append(alert.name)
        return told

    async def _count(self, plan: Plan, now_ms: int) -> None:
        async with self._redis.pipeline(transaction=False) as pipe:
            for queue in plan.queue_names:
                pipe.hgetall(QueueKeys(queue).totals)
            totals = await pipe.execute()
        ends: conditions.Ends = {}
        for queue, found in zip(plan.queue_names, totals, strict=True):
            ends |= conditions.read_ends(queue, found)
        keep_s = max(alert.window_s for alert in plan.alerts)
        self._history.add(now_ms / 1000, ends, keep_s)

    async def _decide(self, plan: Plan, alert: Alert, state: Told, found: Found, now_ms: int, *, is_new: bool) -> bool:
        """Tell of an alert if it is time to; return whether it was."""
        is_quiet = now_ms - state.told_ms < alert.every_s * 1000
        if found.lines and not is_quiet:
            await self._tell(plan, alert, "firing", found, now_ms)
            is_state = alert.when is not AlertCondition.DEAD  # a death is not over
            await ledger.write(self._redis, alert.name, Told(now_ms, now_ms, is_state))
            return True
        if state.is_firing and not found.lines and self._is_sure(alert):
            await self._tell(plan, alert, "resolved", Found("all is well again"), now_ms)
            await ledger.write(self._redis, alert.name, Told(state.told_ms, now_ms, False))
            return True
        if is_new:
            await ledger.write(self._redis, alert.name, state)
        return False

    def _is_sure(self, alert: Alert) -> bool:
        """Whether nothing found means that all is well. A worker that has just begun to watch has seen no attempts."""
        return alert.when is not AlertCondition.FAILURES or self._history.covers(alert.window_s)

    async def _tell(self, plan: Plan, alert: Alert, event: str, found: Found, now_ms: int) -> None:
        log.warning("alert", extra={"alert": alert.name, "event": event, "title": found.title})
        await enqueue(Client(plan, redis=self._redis), alert, event, found, now_ms)


async def enqueue(client: Client, alert: Alert, event: str, found: Found, at_ms: int) -> list[str]:
    """Enqueue a delivery for each destination of an alert; return the keys of the jobs."""
    body = {"alert": alert.name, "event": event, "title": found.title, "at_ms": at_ms}
    jobs = [NewJob(JOB, {**body, "lines": particulars(found.lines), "to": to}) for to in range(len(alert.to))]
    answers = await client.enqueue_many(jobs)
    return [answer.key for answer in answers if not isinstance(answer, Exception)]
