"""Whether an alert is to be told, and of what. Each condition returns lines, one a thing that is wrong."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jobctl.broker.keys import QueueKeys
from jobctl.compiler.alerting import TYPE
from jobctl.durations import format_duration, format_elapsed
from jobctl.inspector.redaction import redact
from jobctl.inspector.rows import read_rows
from jobctl.worker.tally import read_field

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from jobctl.compiler.plan import Plan
    from jobctl.inspector.schedules import ScheduleStatus
    from jobctl.inspector.status import QueueStatus
    from jobctl.spec.model import Alert

MOST_DEATHS = 500  # that are looked at for one message

Ends = dict[tuple[str, str], tuple[int, int]]
"""By queue and type: attempts that failed, and all that ended but for cancelled ones, since ever."""


@dataclass(frozen=True, slots=True)
class Found:
    """What an alert has found: a title, and a line for each thing. Nothing = all is well."""

    title: str = ""
    lines: tuple[str, ...] = ()


async def deaths(redis: Redis, plan: Plan, alert: Alert, since_ms: int) -> Found:
    """Return the jobs that died after a moment, grouped by type and error."""
    types = _types(plan, alert)
    ids: list[str] = []
    for queue in alert.queues or plan.queue_names:
        found = await redis.zrange(
            QueueKeys(queue).dead,
            f"({since_ms}",
            "+inf",
            byscore=True,
            offset=0,
            num=MOST_DEATHS,
        )
        ids += [job.decode() for job in found]
    groups: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    for row in await read_rows(redis, ids[:MOST_DEATHS]):
        record = row.record()
        if record is None or record.type == TYPE or (types is not None and record.type not in types):
            continue
        group = (record.type, _last_line(redact(record, plan).error or "no reason given"))
        groups[group] += 1
        examples.setdefault(group, record.key)
    if not groups:
        return Found()
    total = groups.total()
    more = " or more" if len(ids) >= MOST_DEATHS else ""
    lines = [
        f"{count} x {kind}: {error} (e.g. {examples[kind, error]})" for (kind, error), count in groups.most_common()
    ]
    return Found(f"{total}{more} {'job' if total == 1 else 'jobs'} died", tuple(lines))


@dataclass(slots=True)
class History:
    """Counts of attempts at earlier looks, for the share that failed within a window."""

    looks: deque[tuple[float, Ends]] = field(default_factory=deque)

    def add(self, at_s: float, ends: Ends, keep_s: float) -> None:
        """Keep a look, and forget those that no window reaches back to."""
        self.looks.append((at_s, ends))
        while len(self.looks) > 1 and self.looks[1][0] <= at_s - keep_s:
            self.looks.popleft()

    def covers(self, window_s: float) -> bool:
        """Whether it reaches back as far as a window: only then is nothing found a sign that all is well."""
        return bool(self.looks) and self.looks[-1][0] - self.looks[0][0] >= window_s

    def failures(self, plan: Plan, alert: Alert) -> Found:
        """Return the types whose share of failed attempts is too large, over the alert's window.

        After a restart of the worker that looks, the window is as long as it has looked.
        """
        if not self.looks:
            return Found()
        now_s, now = self.looks[-1]
        before = next((ends for at_s, ends in reversed(self.looks) if at_s <= now_s - alert.window_s), self.looks[0][1])
        types = _types(plan, alert)
        lines = []
        for (queue, kind), (failed, ended) in now.items():
            if (
                kind == TYPE
                or (types is not None and kind not in types)
                or (alert.queues and queue not in alert.queues)
            ):
                continue
            failed_before, ended_before = before.get((queue, kind), (0, 0))
            # counters that went back have begun anew
            bad, count = max(failed - failed_before, 0), max(ended - ended_before, 0)
            if count >= alert.least and bad / count >= alert.ratio:
                lines.append(f"{bad / count:.0%} of {count} attempts of {kind} in queue {queue} failed")
        if not lines:
            return Found()
        return Found(f"attempts fail, over the last {format_duration(alert.window_s)}", tuple(lines))


def read_ends(queue: str, totals: Mapping[bytes, bytes]) -> Ends:
    """Return what a queue's totals say of attempts."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for raw, count in totals.items():
        kind, what, _ = read_field(raw.decode(errors="replace"))
        if what in ("complete", "retry", "dead"):
            failed, ended = found.get((queue, kind), (0, 0))
            found[queue, kind] = (failed + (int(count) if what != "complete" else 0), ended + int(count))
    return found


def age(alert: Alert, queues: Iterable[QueueStatus]) -> Found:
    """Return the queues whose next job waits too long; paused ones are meant to."""
    lines = [
        f"the next job of queue {queue.name} has been due for {format_elapsed((queue.oldest_wait_ms or 0) / 1000)}"
        for queue in queues
        if not queue.paused
        and (not alert.queues or queue.name in alert.queues)
        and (queue.oldest_wait_ms or 0) > alert.above_s * 1000
    ]
    return Found("jobs wait too long", tuple(lines)) if lines else Found()


def missed(alert: Alert, schedules: Iterable[ScheduleStatus]) -> Found:
    """Return the schedules whose tick nobody has claimed in time."""
    lines = [
        f"schedule {one.schedule.id} has been due for {format_elapsed(one.overdue_ms / 1000)}"
        for one in schedules
        if one.overdue_ms > alert.above_s * 1000
        and (not alert.jobs or one.schedule.job in alert.jobs)
        and (not alert.queues or one.schedule.queue in alert.queues)
    ]
    return Found("schedules did not fire", tuple(lines)) if lines else Found()


def _types(plan: Plan, alert: Alert) -> frozenset[str] | None:
    """Return the types an alert is about; None = all."""
    return frozenset(plan.by_name[job].type for job in alert.jobs) if alert.jobs else None


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1][:200] if text.strip() else ""
