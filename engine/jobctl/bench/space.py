"""A key space of a run's own on a broker: refused where others work, and nothing left behind.

Every queue of a run has a name of its own (`bench-3f9a2c-critical`), so all its keys can be told from any other. What
workers write beyond their queues (the plan that runs there, the list of queues) is put back as it was.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobctl.broker import keys
from jobctl.broker.connect import connect_blocking, translate_errors
from jobctl.errors import JobctlError
from jobctl.settings import redact_url

if TYPE_CHECKING:
    from redis import Redis

SCANNED = 2_000  # keys looked at in one step
LOOKED_AT = 200_000  # keys looked at before a broker without jobs so far is called empty


class BrokerInUse(JobctlError):
    """The broker holds jobs of others, or others' workers serve it."""

    code = "broker.in-use"
    exit_code = 2


@dataclass(frozen=True, slots=True)
class Space:
    """A run's own key space.

    Attributes:
        prefix: in front of every queue's name.
        workers: ids of the run's workers; whoever starts one adds it.
    """

    prefix: str
    workers: list[str] = field(default_factory=list)


@contextmanager
def own_space(url: str, *, may_share: bool) -> Iterator[Space]:
    """Yield a key space; remove all keys of it afterwards.

    Args:
        may_share: go ahead although the broker holds other jobs.

    Raises:
        BrokerInUse: it does, and that was not allowed.
        BrokerUnreachable: no broker answers.
    """
    space = Space(f"bench-{secrets.token_hex(3)}-")
    with translate_errors(url), connect_blocking(url) as server:
        if not may_share and (found := strangers(server)):
            raise BrokerInUse(
                f"the broker at {redact_url(url)} {found}",
                hint="measure on one of its own (without REDIS_URL, jobctl starts one), "
                "or say `--shared`: figures and neighbours will suffer",
            )
        plan = server.get(keys.PLAN)
    try:
        yield space
    finally:
        with translate_errors(url), connect_blocking(url) as server:
            clean(server, space)
            if plan is None:
                server.delete(keys.PLAN)
            else:
                server.set(keys.PLAN, plan)


def strangers(server: Redis) -> str | None:
    """Return what shows that others use this broker, as the end of a sentence; None = nothing does."""
    if workers := int(server.zcard(keys.WORKERS)):  # type: ignore[arg-type]  # the stubs say: or awaitable
        return f"is served by {workers} worker{'s' * (workers > 1)}"
    for number, key in enumerate(server.scan_iter(match=f"{keys.JOB_PREFIX}*", count=SCANNED)):
        if number >= LOOKED_AT:
            break
        queue, _ = keys.split_job_id(key.decode())
        return f"holds other jobs, such as those of queue `{queue}`"
    return None


def clean(server: Redis, space: Space) -> None:
    """Remove every key and entry that belongs to a key space."""
    prefix = space.prefix
    for worker in space.workers:
        server.unlink(keys.credits_of(worker), keys.worker(worker))
        server.zrem(keys.WORKERS, worker)
    for batch in _batched(server.scan_iter(match=f"*{prefix}*", count=SCANNED)):
        server.unlink(*batch)
    members: Any = server.smembers(keys.QUEUES)
    if ours := [name for name in members if name.startswith(prefix.encode())]:
        server.srem(keys.QUEUES, *ours)
    failures: Any = server.lrange(keys.FAILURES, 0, -1)
    for line in failures:
        if prefix.encode() in line:
            server.lrem(keys.FAILURES, 1, line)


def _batched(found: Iterable[Any]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for key in found:
        batch.append(key)
        if len(batch) >= SCANNED:
            yield batch
            batch = []
    if batch:
        yield batch
