"""Envelopes: jobs ready to be stored. Pure; both clients, the scheduler and the queue send them with one script."""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from jobctl.broker import keys
from jobctl.compiler.plan import Registration
from jobctl.records import META

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One job to be stored.

    Attributes:
        record: SAQ's JSON, an object; the script adds the server's enqueue time.
        delay_ms: due so many milliseconds after the server's now; 0 = at once.
        at_ms: due at this time, ms since the epoch; 0 = not given. A past one means at once.
        lock: key of the unique lock, or "".
        lock_ms: the lock's longest life, ms; 0 = until the job ends.
        nonce: text inside the record that tells our own resent call from a real duplicate, or "".
        claim: what a schedule's job claims, JSON as the script `enqueue` reads it, or nothing.
    """

    queue: str
    key: str
    record: bytes
    delay_ms: int = 0
    at_ms: int = 0
    lock: str = ""
    lock_ms: int = 0
    nonce: str = ""
    claim: bytes = b""


def new_key() -> str:
    """Return a fresh job key: 24 hex digits, 16 of them the time in ns, so that keys sort by it, and 32 random bits."""
    return f"{time.time_ns():016x}{os.urandom(4).hex()}"


def lock_key(registration: Registration, payload: Mapping[str, Any]) -> str:
    """Return the key of the unique lock for this payload, or "" if the job declares none."""
    unique = registration.unique
    if unique is None:
        return ""
    chosen = {name: payload.get(name) for name in unique.by} if unique.by else dict(payload)
    text = msgspec.json.encode(chosen, order="deterministic")
    return keys.unique_lock(registration.type, hashlib.blake2b(text, digest_size=12).hexdigest())


def seal(
    registration: Registration,
    payload: dict[str, Any],
    *,
    key: str | None = None,
    queue: str | None = None,
    attempts: int | None = None,
    timeout_s: float | None = None,
    retention_s: float | None = None,
    delay_ms: int = 0,
    at_ms: int = 0,
    unique: bool = True,
    meta: Mapping[str, Any] | None = None,
) -> Envelope:
    """Make the envelope of one job. Options left out come from the registration.

    Args:
        registration: the compiled job.
        payload: normalised (JSON types, defaults filled in).
        key: the caller's own key; a job with an unfinished job's key is refused as a duplicate.
        queue: another queue than the declared one.
        attempts: total attempts (SAQ's `retries`).
        timeout_s: seconds per attempt, 0 = no limit.
        retention_s: seconds the record is kept once complete; 0 = for ever, negative = not at all.
        delay_ms: due so many ms from the server's now.
        at_ms: due at, ms since the epoch.
        unique: False to pass by the declared unique lock.
        meta: facts to put under ``meta["jobctl"]``.
    """
    queue = queue or registration.queue
    lock = lock_key(registration, payload) if unique else ""
    nonce = ""
    ours: dict[str, Any] = dict(meta) if meta else {}
    if lock:
        ours["unique"] = lock
    if key is not None:
        nonce = ours["nonce"] = os.urandom(6).hex()
    else:
        key = nonce = new_key()
    record: dict[str, Any] = {
        "function": registration.type,
        "kwargs": payload,
        "queue": queue,
        "key": key,
        "timeout": registration.timeout_s if timeout_s is None else timeout_s,
        "retries": registration.attempts if attempts is None else attempts,
        "ttl": _whole_seconds(registration.retention_s if retention_s is None else retention_s),
        "retry_delay": registration.backoff.delay_s,
        "retry_backoff": registration.backoff.max_s if registration.backoff.factor > 1 else False,
        "status": "queued",
    }
    if registration.heartbeat_s:
        record["heartbeat"] = _whole_seconds(registration.heartbeat_s)
    if ours:
        record["meta"] = {META: ours}
    lock_ms = int(registration.unique.for_s * 1000) if lock and registration.unique and registration.unique.for_s else 0
    return Envelope(
        queue=queue,
        key=key,
        record=_encode(record),
        delay_ms=delay_ms,
        at_ms=at_ms,
        lock=lock,
        lock_ms=lock_ms,
        nonce=nonce,
    )


def _whole_seconds(seconds: float) -> int:
    # SAQ hands `ttl` and `heartbeat` to commands that take whole seconds only
    return math.ceil(seconds) if seconds > 0 else math.floor(seconds)


def pack(envelopes: Sequence[Envelope]) -> tuple[list[str], list[str | bytes | int]]:
    """Return ``(keys, args)`` of the script ``enqueue`` for these envelopes."""
    index: dict[str, int] = {}
    jobs: list[str | bytes | int] = []
    for envelope in envelopes:
        position = index.setdefault(envelope.queue, len(index))
        jobs += (
            position,
            keys.job_id(envelope.queue, envelope.key),
            envelope.record,
            envelope.delay_ms,
            envelope.at_ms,
            envelope.lock,
            envelope.lock_ms,
            envelope.nonce,
            envelope.claim,
        )
    names: list[str] = []
    for queue in index:
        of = keys.QueueKeys(queue)
        names += (of.queued, of.incomplete, of.complete, of.dead, of.cancelled, of.replayed, of.expiry)
    return [*names, keys.QUEUES, keys.WAKE], [len(index), *index, *jobs]


def unpack(reply: Sequence[bytes | int]) -> list[str | None]:
    """Return per envelope None if it was stored, else the id of the job that holds its key or lock.

    An envelope with a claim may be answered with a word instead: see ``jobctl.scheduler.claim``.
    """
    return [holder.decode() if isinstance(holder, bytes) else None for holder in reply]
