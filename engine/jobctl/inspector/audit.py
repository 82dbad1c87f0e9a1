"""The audit log: who did what to jobs, queues, workers and schedules, when, and to how many. Kept in the broker.

The functions that act note it themselves, so that command line, console and client cannot forget to. What changed
nothing (a pause of what is paused) is not noted.
"""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from jobctl.broker import keys
from jobctl.broker.connect import translate_errors
from jobctl.broker.scripts import source
from jobctl.errors import UsageError
from jobctl.names import did_you_mean

if TYPE_CHECKING:
    from redis.asyncio import Redis

KEPT = 10_000  # entries; the broker drops older ones in blocks of about a hundred
PAGE = 500  # entries read at once while looking for those that match
DETAIL_LIMIT = 2_000  # characters of a detail's value; the log is no place for payloads


class Action(StrEnum):
    """What operators do."""

    QUEUE_PAUSE = "queue.pause"
    QUEUE_RESUME = "queue.resume"
    QUEUE_PURGE = "queue.purge"
    WORKER_QUIET = "worker.quiet"
    WORKER_RESUME = "worker.resume"
    WORKER_STOP = "worker.stop"
    SCHEDULE_PAUSE = "schedule.pause"
    SCHEDULE_RESUME = "schedule.resume"
    SCHEDULE_RUN = "schedule.run"
    SCHEDULE_BACKFILL = "schedule.backfill"
    SCHEDULE_FORGET = "schedule.forget"
    JOB_ENQUEUE = "job.enqueue"
    """By hand in a console; what applications enqueue is not an operator's doing."""
    JOB_REPLAY = "job.replay"
    JOB_CANCEL = "job.cancel"
    JOB_DELETE = "job.delete"
    ALERT_TEST = "alert.test"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One action.

    Attributes:
        id: unique, ascending with time.
        at_ms: by the broker's clock.
        actor: who, as ``user@host``, or what a console calls its user.
        action: one of `Action`, or a text of a later version.
        target: on what: a queue, worker, schedule or job, or the filter that chose the jobs.
        count: how many things it changed.
        detail: what else is worth knowing, as plain texts and numbers.
    """

    id: str
    at_ms: int
    actor: str
    action: str
    target: str
    count: int
    detail: Mapping[str, Any] = field(default_factory=dict)


@cache
def default_actor() -> str:
    """Return who runs this process, as ``user@host``: ``JOBCTL_ACTOR`` if set, else behind `sudo` who called it."""
    if told := os.environ.get("JOBCTL_ACTOR"):
        return told
    user = os.environ.get("SUDO_USER")
    if not user:
        try:
            user = getpass.getuser()
        except (KeyError, OSError):  # in a container whose user id has no name
            user = f"uid-{os.getuid()}"
    return f"{user}@{socket.gethostname()}"


async def record(
    redis: Redis,
    action: str,
    *,
    target: str,
    count: int,
    actor: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Note an action that was done. A full broker takes it as well.

    Args:
        redis: the broker.
        action: one of `Action`.
        target: what it was done to, or the filter that chose it.
        count: how many jobs, queues, workers or ticks it changed.
        actor: who; None = `default_actor`.
        detail: plain values; payloads and secrets have no place here.

    Raises:
        BrokerError: the broker did not take it, or does not answer.
    """
    shown = {name: _short(value) for name, value in (detail or {}).items() if value is not None}
    fields = ("actor", actor or default_actor(), "action", str(action), "target", _short(target), "count", count)
    args = (KEPT, secrets.token_hex(6), *fields, "detail", msgspec.json.encode(shown))
    with translate_errors():
        await redis.register_script(source("audit"))(keys=[keys.AUDIT], args=args)


async def read(
    redis: Redis,
    limit: int = 50,
    *,
    action: str | None = None,
    actor: str | None = None,
    target: str | None = None,
    since_ms: int = 0,
) -> list[AuditEntry]:
    """Return the latest actions, newest first. Read in pages of 500.

    Args:
        redis: the broker.
        limit: at most.
        action: only this one, or with ``queue`` every one on queues.
        actor: only of those whose name begins so: ``ann`` finds ``ann@laptop``.
        target: only on this.
        since_ms: only at or after this time of the broker's clock.

    Raises:
        UsageError: there is no such action.
        BrokerUnreachable: no broker answers.
    """
    if action is not None and action not in (known := {*Action, *(each.partition(".")[0] for each in Action)}):
        hint = did_you_mean(action, known) or "actions: " + ", ".join(Action)
        raise UsageError(f"there is no action `{action}`", code="audit.action", hint=hint)
    found: list[AuditEntry] = []
    newest = "+"
    with translate_errors():
        while len(found) < limit:
            page: Any = await redis.xrevrange(keys.AUDIT, max=newest, min=str(since_ms), count=PAGE)
            for entry in _entries(page):
                if _matches(entry, action, actor, target):
                    found.append(entry)
            if len(page) < PAGE:
                break
            newest = f"({page[-1][0].decode()}"
    return found[:limit]


def _matches(entry: AuditEntry, action: str | None, actor: str | None, target: str | None) -> bool:
    return (
        (action is None or entry.action == action or entry.action.startswith(f"{action}."))
        and (actor is None or entry.actor.startswith(actor))
        and (target is None or entry.target == target)
    )


def _entries(page: list[tuple[bytes, Mapping[bytes, bytes]]]) -> Iterator[AuditEntry]:
    for entry_id, raw in page:
        texts = {name.decode(): value.decode("utf-8", "replace") for name, value in raw.items()}
        yield AuditEntry(
            id=entry_id.decode(),
            at_ms=int(entry_id.partition(b"-")[0]),
            actor=texts.get("actor", ""),
            action=texts.get("action", ""),
            target=texts.get("target", ""),
            count=int(texts.get("count", 0)),
            detail=msgspec.json.decode(texts.get("detail", "{}")),
        )


def _short(value: Any) -> Any:
    return f"{value[: DETAIL_LIMIT - 1]}…" if isinstance(value, str) and len(value) > DETAIL_LIMIT else value
