"""Reading and writing SAQ's job records.

Two readers for two needs: `Wire`, a fast typed decode of what a worker needs to run a job, and `read_record`, the full
view for people. Both take records of stock SAQ of any version: unknown fields are passed over, missing ones have
SAQ's defaults.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from jobctl.broker.keys import split_job_id
from jobctl.records import META, Attempt, JobRecord, JobState

SAQ_DEFAULT_TIMEOUT_S = 10
SAQ_DEFAULT_TTL_S = 600


class Wire(msgspec.Struct, gc=False):
    """What a worker needs to know of a record to run it. Field names and units are SAQ's."""

    function: str
    key: str
    queue: str
    kwargs: dict[str, Any] | None = None
    timeout: float | None = SAQ_DEFAULT_TIMEOUT_S
    heartbeat: float = 0
    retries: int = 1
    ttl: int | None = SAQ_DEFAULT_TTL_S
    attempts: int = 0
    queued: int = 0
    scheduled: float = 0
    retry_delay: float = 0.0
    retry_backoff: bool | float = False
    meta: dict[str, Any] | None = None

    @property
    def ours(self) -> Mapping[str, Any]:
        """What jobctl keeps in the record beyond SAQ's fields."""
        ours = self.meta.get(META) if self.meta else None
        return ours if isinstance(ours, dict) else {}


LONGEST_S = 3_000_000_000  # the server's clock ends; a record that is kept for a century is kept long enough


_decode_wire = msgspec.json.Decoder(Wire).decode
_decode = msgspec.json.Decoder().decode
encode = msgspec.json.Encoder().encode
"""JSON bytes of any value a handler may return: also dataclasses, datetimes, UUIDs, Decimals. NaN becomes null."""


def read_wire(raw: bytes) -> Wire:
    """Decode a record for running.

    Raises:
        ValueError: it is no job record; the message says why.
    """
    try:
        return _decode_wire(raw)
    except (msgspec.MsgspecError, RecursionError) as error:
        try:
            # SAQ writes Python's JSON, in which NaN, Infinity and halves of surrogate pairs may stand
            wire = msgspec.convert(json.loads(raw), Wire)
            (wire.function + wire.key + wire.queue).encode()  # names of keys, counts and log lines are made of these
        except (ValueError, msgspec.MsgspecError, RecursionError):
            raise ValueError(f"not a job record: {error}") from None
        return wire


def encode_record(fields: Mapping[str, Any]) -> bytes:
    """Encode a record that was read by `read_fields`; what Python's JSON can hold and UTF-8 cannot is kept, escaped."""
    try:
        return encode(fields)
    except UnicodeEncodeError:
        return json.dumps(fields).encode()


def read_fields(raw: bytes) -> dict[str, Any]:
    """Decode a record into a plain dict, all fields kept.

    Raises:
        ValueError: not a JSON object.
    """
    try:
        fields = _decode(raw)
    except msgspec.MsgspecError:
        fields = json.loads(raw)
    if not isinstance(fields, dict):
        raise ValueError(f"not a job record: a JSON {type(fields).__name__}")
    return fields


def read_record(
    job_id: str,
    raw: bytes,
    *,
    due_ms: int = 0,
    crashes: int = 0,
    interruptions: int = 0,
    losses: bytes | None = None,
) -> JobRecord:
    """Decode a record for people.

    Args:
        job_id: the record's key in Redis.
        raw: the record.
        due_ms: when the job is due, from the queue's `incomplete` index; 0 = due.
        crashes: deliveries lost with their worker.
        interruptions: deliveries handed back by a shutdown.
        losses: the JSON objects kept for lost and interrupted deliveries, joined by commas.

    Raises:
        ValueError: it is no job record.
    """
    fields = read_fields(raw)
    queue, key = split_job_id(job_id)
    meta = _mapping(fields.get("meta"))
    ours = _mapping(meta.get(META))
    schedule = _mapping(ours.get("schedule"))
    attempts = _whole(fields, "attempts")
    return JobRecord(
        key=key,
        type=str(fields.get("function", "")),
        queue=queue,
        state=_state(str(fields.get("status", "")), due_ms, attempts),
        payload=fields.get("kwargs") or {},
        attempts=attempts,
        max_attempts=_whole(fields, "retries", 1),
        timeout_s=_number(fields, "timeout", SAQ_DEFAULT_TIMEOUT_S),
        retention_s=_number(fields, "ttl", SAQ_DEFAULT_TTL_S),
        enqueued_ms=_whole(fields, "queued"),
        started_ms=_whole(fields, "started"),
        completed_ms=_whole(fields, "completed"),
        due_ms=due_ms,
        touched_ms=_whole(fields, "touched"),
        progress=_number(fields, "progress", 0.0),
        result=fields.get("result"),
        error=fields.get("error"),
        worker=fields.get("worker_id"),
        history=_history(ours.get("history"), losses),
        crashes=crashes,
        interruptions=interruptions,
        origin=ours.get("origin"),
        schedule=schedule.get("id"),
        tags=_tags(ours.get("tags")),
        meta=meta,
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _state(status: str, due_ms: int, attempts: int) -> JobState:
    match status:
        case "complete":
            return JobState.COMPLETE
        case "failed":
            return JobState.DEAD
        case "aborted" | "aborting":
            return JobState.CANCELLED
        case "active":
            return JobState.ACTIVE
    if due_ms:
        return JobState.RETRYING if attempts else JobState.SCHEDULED
    return JobState.QUEUED


def _history(stored: Any, losses: bytes | None) -> tuple[Attempt, ...]:
    entries = list(stored) if isinstance(stored, list) else []
    if losses:
        entries += _decode(b"[" + losses + b"]")
    attempts = [
        Attempt(
            attempt=_whole(entry, "attempt"),
            outcome=str(entry.get("outcome", "")),
            at_ms=_whole(entry, "at_ms"),
            started_ms=_whole(entry, "started_ms"),
            error=entry.get("error"),
            worker=entry.get("worker"),
        )
        for entry in entries
        if isinstance(entry, dict)
    ]
    return tuple(sorted(attempts, key=lambda attempt: attempt.at_ms))


def _tags(stored: Any) -> tuple[str, ...]:
    return tuple(tag for tag in stored if isinstance(tag, str)) if isinstance(stored, list) else ()


def _whole(fields: Mapping[str, Any], name: str, default: int = 0) -> int:
    value = fields.get(name)
    return int(value) if isinstance(value, int | float) else default


def _number(fields: Mapping[str, Any], name: str, default: float) -> float:
    value = fields.get(name)
    return float(value) if isinstance(value, int | float) else default
