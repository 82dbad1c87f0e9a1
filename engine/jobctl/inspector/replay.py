"""Running ended jobs again: each replay is a new job that names its origin. Pure but for the script call."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobctl.broker.envelope import lock_key, new_key
from jobctl.broker.keys import QUEUES, QueueKeys, job_id, split_job_id
from jobctl.broker.scripts import source
from jobctl.errors import DuplicateJob, JobctlError, JobNotFound, JobStateError
from jobctl.inspector.revision import UNCHANGED, Revision
from jobctl.records import META
from jobctl.tracing import TRACE, replayed

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from jobctl.compiler.plan import Plan

NOT_ENDED = "only a job that is complete, dead or cancelled can be replayed"
BATCH = 100  # jobs replayed in one script call

# What belongs to the run, not to the job: everything else of the record, fields we do not know included, is kept.
RUN_FIELDS = (
    "attempts", "completed", "error", "progress", "queued", "result", "scheduled", "started", "touched", "worker_id",
)  # fmt: skip
RUN_FACTS = ("history", "nonce", "origin", "replays", TRACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What became of one job that was to be replayed.

    Attributes:
        origin: key of the ended job.
        queue: the queue of the new one.
        key: key of the new one; None = there is none, by a dry run or for a reason.
        error: why it was not replayed, or None.
    """

    origin: str
    queue: str
    type: str
    key: str | None = None
    error: JobctlError | None = None

    @property
    def reason(self) -> str | None:
        """Why it was not replayed, in a sentence, or None."""
        return None if self.error is None else self.error.message


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """A new run of an ended job, ready to be stored. The lock is as in an `Envelope`."""

    origin_id: str
    queue: str
    key: str
    type: str
    record: bytes
    lock: str = ""
    lock_ms: int = 0

    @property
    def id(self) -> str:
        """The key of the new record in Redis."""
        return job_id(self.queue, self.key)


def renew(origin_id: str, raw: bytes, plan: Plan | None = None, revision: Revision = UNCHANGED) -> Renewal:
    """Make the new run of an ended job: payload and options as they were, everything else as at first.

    Args:
        origin_id: the ended job.
        raw: its record.
        plan: tells how long a unique lock lasts; without it, until the new job ends.
        revision: what is to be different. A changed payload has the unique lock that its enqueue would have.

    Raises:
        JobStateError: the record cannot be read.
        PayloadError, UsageError: the payload cannot be changed so.
    """
    queue, origin = split_job_id(origin_id)
    try:
        # The standard library's reader takes what SAQ writes (NaN, whole numbers of any size) and gives it back.
        fields = json.loads(raw)
        kind = fields["function"]
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise JobStateError(f"the record of job `{origin}` cannot be read: {error}") from error
    meta = _mapping(fields.get("meta"))
    before = _mapping(meta.get(META))
    ours = {name: value for name, value in before.items() if name not in RUN_FACTS}
    key, queue = new_key(), revision.queue or queue
    record = {name: value for name, value in fields.items() if name not in RUN_FIELDS}
    changed = revision.payload(kind, _mapping(fields.get("kwargs")))
    if changed is not None:
        record["kwargs"] = changed[1]
        if "unique" in ours:
            ours["unique"] = lock_key(*changed)
    registration = plan.by_type.get(kind) if plan else None
    if trace := replayed(before.get(TRACE), registration.name if registration else str(kind), queue, key):
        ours[TRACE] = trace
    record |= {"queue": queue, "key": key, "status": "queued", "meta": {**meta, META: {**ours, "origin": origin}}}
    lock = ours.get("unique")
    unique = registration.unique if registration else None
    return Renewal(
        origin_id=origin_id,
        queue=queue,
        key=key,
        type=str(kind),
        record=json.dumps(record, separators=(",", ":")).encode(),
        lock=lock if isinstance(lock, str) else "",
        lock_ms=round(unique.for_s * 1000) if lock and unique and unique.for_s else 0,
    )


async def send(redis: Redis, renewals: Sequence[Renewal], *, force: bool = False) -> list[JobctlError | None]:
    """Store replays in one script call.

    Returns:
        per replay None, or why it was refused: `JobNotFound`, `JobStateError` or `DuplicateJob`.
    """
    queues: dict[str, int] = {}
    args: list[str | bytes | int] = []
    for renewal in renewals:
        position = queues.setdefault(split_job_id(renewal.origin_id)[0], len(queues))
        target = queues.setdefault(renewal.queue, len(queues))
        args += (position, target, renewal.origin_id, renewal.id, renewal.key, renewal.record)
        args += (renewal.lock, renewal.lock_ms, int(force))
    names: list[str] = []
    for queue in queues:
        of = QueueKeys(queue)
        names += (of.queued, of.incomplete, of.dead, of.replayed, of.replays)
    answer = await redis.register_script(source("replay"))(keys=[*names, QUEUES], args=args)
    words = [word.decode() for word in answer]
    return [_refusal(renewal, *words[2 * n : 2 * n + 2]) for n, renewal in enumerate(renewals)]


def replayed_before(origin: str, last: str) -> JobStateError:
    """Return the error of a second replay."""
    return JobStateError(
        f"job `{origin}` has been replayed already, as `{last}`",
        hint=f"`jobctl inspect {last}` shows that run; `--force` replays it again",
    )


def _refusal(renewal: Renewal, done: str, text: str) -> JobctlError | None:
    origin = split_job_id(renewal.origin_id)[1]
    match done:
        case "replayed":
            return None
        case "gone":
            return JobNotFound(f"the record of job `{origin}` is gone")
        case "unfinished":
            return JobStateError(f"job `{origin}` has not ended", hint=NOT_ENDED)
        case "before":
            return replayed_before(origin, text.rsplit(maxsplit=1)[-1])
    queue, holder = split_job_id(text)
    return DuplicateJob(
        f"job `{holder}` in queue `{queue}` holds the unique lock of job `{origin}`",
        holder=holder,
        hint="replay it again when that job has ended",
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
