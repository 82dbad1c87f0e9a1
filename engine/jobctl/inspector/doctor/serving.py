"""Serving: whether somebody runs what waits."""

from __future__ import annotations

from collections import Counter

import msgspec

from jobctl.broker.keys import QueueKeys
from jobctl.inspector.doctor.case import Case
from jobctl.inspector.doctor.finding import Finding, Severity
from jobctl.inspector.status import QueueStatus, WorkerStatus
from jobctl.records import JobState

SAMPLE = 200  # jobs at a queue's head whose types are looked at


class _Head(msgspec.Struct):
    function: str = ""


_HEAD = msgspec.json.Decoder(_Head)


async def check(case: Case) -> list[Finding]:
    """Look for queues and types with jobs waiting that no worker serves."""
    findings = []
    for queue in case.overview.queues:
        waiting = queue.counts[JobState.QUEUED]
        if not waiting:
            continue
        serving = [one for one in case.overview.workers if queue.name in one.queues and one.state != "stopping"]
        if queue.paused:
            findings.append(_paused(queue, waiting))
        elif not serving:
            findings.append(_unserved(queue, waiting, any_worker=bool(case.overview.workers)))
        elif all(worker.state == "quiet" for worker in serving):
            findings.append(_quiet(queue, waiting, serving))
        else:
            findings += await _unknown_types(case, queue, serving)
    return findings


def _paused(queue: QueueStatus, waiting: int) -> Finding:
    return Finding(
        code="serving.paused",
        severity=Severity.WARNING,
        summary=f"{_waiting(waiting)} in queue `{queue.name}`, which is paused",
        meaning="No worker starts them until it is resumed; `jobctl audit --action queue` tells who paused it.",
        remedy=f"jobctl queues resume {queue.name}",
        facts={"queue": queue.name, "waiting": waiting},
    )


def _unserved(queue: QueueStatus, waiting: int, *, any_worker: bool) -> Finding:
    return Finding(
        code="serving.nobody",
        severity=Severity.ERROR,
        summary=f"{_waiting(waiting)} in queue `{queue.name}`, and "
        + ("no worker serves it" if any_worker else "there is no worker"),
        meaning="Nobody starts them.",
        remedy=f"jobctl run --queues {queue.name}" if any_worker else "jobctl run",
        facts={"queue": queue.name, "waiting": waiting},
    )


def _quiet(queue: QueueStatus, waiting: int, serving: list[WorkerStatus]) -> Finding:
    return Finding(
        code="serving.quiet",
        severity=Severity.WARNING,
        summary=f"{_waiting(waiting)} in queue `{queue.name}`, and all workers that serve it are quiet",
        meaning="They were told to claim nothing; `jobctl audit --action worker` tells by whom.",
        remedy="jobctl workers resume " + " ".join(worker.id for worker in serving[:3]),
        facts={"queue": queue.name, "waiting": waiting, "workers": [worker.id for worker in serving]},
    )


async def _unknown_types(case: Case, queue: QueueStatus, serving: list[WorkerStatus]) -> list[Finding]:
    if not all(worker.types for worker in serving):
        return []  # a worker of a version that does not tell
    known = {each for worker in serving for each in worker.types}
    ids: list[bytes] = await case.redis.lrange(QueueKeys(queue.name).queued, 0, SAMPLE - 1)  # type: ignore[misc]
    raws = await case.redis.mget(ids) if ids else []
    waiting = Counter(found for raw in raws if (found := _type(raw)) and found not in known)
    return [
        Finding(
            code="serving.type",
            severity=Severity.ERROR,
            summary=f"{count:,} of the next {len(ids):,} jobs of queue `{queue.name}` are of type `{name}`, for which "
            "no worker has a handler",
            meaning="They die when their turn comes. A worker of an older or newer spec may be missing.",
            remedy=f"jobctl queues pause {queue.name}  # until a worker that knows the type runs",
            facts={"queue": queue.name, "type": name, "count": count, "sample": len(ids)},
        )
        for name, count in waiting.most_common()
    ]


def _waiting(count: int) -> str:
    return "1 job waits" if count == 1 else f"{count:,} jobs wait"


def _type(raw: bytes | None) -> str:
    try:
        return _HEAD.decode(raw or b"{}").function
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
