"""Which records a name given by a person may mean: a key, ``queue:key``, or a record's full id. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from jobctl.broker.keys import JOB_PREFIX, job_id, split_job_id
from jobctl.errors import JobNotFound, UsageError
from jobctl.names import QUEUE_NAME, did_you_mean

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan

T = TypeVar("T")


def known_queues(plan: Plan | None, stored: Iterable[bytes]) -> tuple[str, ...]:
    """Return the plan's queues in its order, then the others that ever held a job."""
    planned = plan.queue_names if plan else ()
    names = {name.decode("utf-8", "replace") for name in stored}
    return (*planned, *sorted(names.difference(planned)))


def require_known(queue: str, names: Sequence[str]) -> None:
    """Make sure that there is a queue of this name.

    Raises:
        UsageError: there is none.
    """
    if queue not in names:
        hint = did_you_mean(queue, names) or "queues: " + ", ".join(names)
        raise UsageError(f"there is no queue `{queue}`", code="queue.unknown", hint=hint)


def is_full_id(name: str) -> bool:
    """Whether the name is the id of a record, which needs no search through the queues."""
    return name.startswith(JOB_PREFIX) and ":" in name[len(JOB_PREFIX) :]


def candidates(name: str, queues: Iterable[str]) -> list[str]:
    """Return the ids a name may stand for, each once.

    A key may hold colons (SAQ's cron keys do), so ``a:b`` is key ``b`` of queue ``a`` and key ``a:b`` of any queue.

    Args:
        name: a key, ``queue:key`` or a full id.
        queues: the queues known.
    """
    if is_full_id(name):
        return [name]
    ids = [job_id(queue, name) for queue in queues]
    queue, colon, key = name.partition(":")
    if colon and key and QUEUE_NAME.fullmatch(queue):
        ids.append(job_id(queue, key))
    return list(dict.fromkeys(ids))


def choose(name: str, found: Mapping[str, T]) -> tuple[str, T]:
    """Return the one ``(id, value)`` that was found for a name.

    Raises:
        JobNotFound: nothing was found.
        UsageError: jobs of several queues have this key.
    """
    if not found:
        raise JobNotFound(
            f"the broker holds no job `{name}`",
            hint="a record is kept for the job's retention only; `jobctl inspect` lists what is there",
        )
    if len(found) > 1:
        names = [":".join(split_job_id(job)) for job in found]
        raise UsageError(
            f"`{name}` is the key of {len(names)} jobs",
            code="job.ambiguous",
            hint="name the queue as well: " + " or ".join(f"`{each}`" for each in names),
        )
    return next(iter(found.items()))
