"""How a run ends: from what the handler did to what the broker is told. Pure but for the `Ended` it fills.

A success splices its few fields onto the record. A failure writes the record anew, with the attempt in its history.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jobctl.broker.cycle import Ended, EndOp
from jobctl.broker.keys import UNIQUE
from jobctl.broker.record import LONGEST_S, encode, encode_record, read_fields
from jobctl.errors import PayloadError
from jobctl.outcomes import Cancel, Dead, RetryAfter
from jobctl.records import HISTORY_LIMIT, META
from jobctl.spec.model import DEFAULT_DEAD_RETENTION_S, Backoff
from jobctl.worker.backoff import retry_delay_s
from jobctl.worker.isolation.failures import IsolatedFailure
from jobctl.worker.run import Run
from jobctl.worker.tracebacks import encodable, last_line, text_of, traceback_text, with_cause

RESULT_LIMIT = 1_048_576  # bytes; larger results belong in a store of their own, with a pointer as the result


class UnknownType(Exception):
    """No handler of this worker runs this type."""


class TimedOut(Exception):
    """The attempt outlasted its timeout or its heartbeat."""


class HandlerCancelledItself(Exception):
    """The handler let a CancelledError out that the worker had not asked for."""


_TOLD = (RetryAfter, TimedOut, HandlerCancelledItself, IsolatedFailure)  # say all in their text: no traceback of ours


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a run that did not succeed."""

    outcome: str  # retry, dead or cancelled
    error: BaseException
    text: str
    delay_s: float = 0.0


def complete(run: Run, result: Any, now_ms: int, ended: Ended) -> None:
    """Tell that a run succeeded.

    Raises:
        Dead: its result cannot be stored; running it again would not help.
    """
    try:
        encoded = b"null" if result is None else encode(result)
    except Exception as error:  # a class of the application's may fail in any way when it is read
        raise Dead(f"the result is not JSON: {text_of(error)}") from error
    if len(encoded) > RESULT_LIMIT:
        raise Dead(f"the result has {len(encoded):,} bytes, more than the limit of {RESULT_LIMIT:,}")
    fields = b',"status":"complete","attempts":%d,"progress":1.0,"completed":%d,"touched":%d,"result":%b' % (
        run.attempt,
        now_ms,
        now_ms,
        encoded,
    )
    if run.wire.attempts or b'"error"' in run.raw:
        fields += b',"error":null'
    ttl = run.wire.ttl
    keep_s = 0 if ttl is None else ttl if -LONGEST_S < ttl < LONGEST_S else _bounded(ttl)
    ended.add(run.queue, run.id, run.token, "c", fields, keep_s, lock_of(run))


def judge(run: Run, error: BaseException, chance: float) -> Verdict:
    """Decide what an unsuccessful attempt leads to.

    Args:
        run: the delivery.
        error: what the handler raised, or what the worker found.
        chance: uniform random number for the jitter.
    """
    if isinstance(error, Cancel):
        return Verdict("cancelled", error, text_of(error) or "cancelled by the handler")
    if isinstance(error, Dead):
        return Verdict("dead", error, with_cause(error, "given up by the handler"))
    if isinstance(error, PayloadError | UnknownType):
        return Verdict("dead", error, text_of(error))
    text = text_of(error) if isinstance(error, _TOLD) else traceback_text(error)
    if run.attempt >= run.max_attempts:
        return Verdict("dead", error, text)
    if isinstance(error, RetryAfter) and (delay_s := getattr(error, "delay_s", -1.0)) >= 0:  # a subclass may have none
        return Verdict("retry", error, text, min(delay_s, LONGEST_S))
    return Verdict("retry", error, text, retry_delay_s(_backoff(run), run.attempt, chance))


def fail(run: Run, verdict: Verdict, now_ms: int, worker_id: str, ended: Ended) -> None:
    """Tell that a run did not succeed."""
    record = read_fields(run.raw)
    entry = {
        "attempt": run.attempt,
        "outcome": verdict.outcome,
        "at_ms": now_ms,
        "started_ms": run.started_ms,
        "error": verdict.text,
        "worker": worker_id,
    }
    meta = _mapping(record.get("meta"))
    ours = _mapping(meta.get(META))
    history = ours.get("history")
    history = history if isinstance(history, list) else []
    record["meta"] = {**meta, META: {**ours, "history": [*history, entry][-HISTORY_LIMIT:]}}
    record.update(
        attempts=run.attempt, error=verdict.text, touched=now_ms, worker_id=worker_id, result=None, progress=0.0
    )
    op: EndOp
    if verdict.outcome == "retry":
        op, number, lock = "r", round(verdict.delay_s * 1000), ""
        record.update(status="queued", started=0, completed=0, scheduled=int(now_ms / 1000 + verdict.delay_s) + 1)
    else:
        op, status = ("d", "failed") if verdict.outcome == "dead" else ("x", "aborted")
        number, lock = _bounded(_dead_retention(run) if op == "d" else _retention(run)), lock_of(run)
        record.update(status=status, started=run.started_ms, completed=now_ms)
    failure = ""
    if verdict.outcome != "cancelled":
        failure = encode(
            {
                "key": run.wire.key,
                "queue": run.wire.queue,
                "type": run.wire.function,
                "at_ms": now_ms,
                "attempt": run.attempt,
                "max_attempts": run.max_attempts,
                "outcome": verdict.outcome,
                "error": last_line(verdict.text),
                "worker": worker_id,
            }
        ).decode()
    ended.add(run.queue, run.id, run.token, op, encode_record(record), number, lock, failure)


def hand_back(run: Run, ended: Ended, *, started: bool) -> None:
    """Give a job back to the head of its queue, no retry spent; an interruption is counted if it had started."""
    fields = b',"status":"queued","started":0'
    if started and (run.callee is None or run.callee.registration is None):
        fields += b',"error":"cancelled"'  # functions written for SAQ find what its worker would have left
    ended.add(run.queue, run.id, run.token, "b", fields, int(started))


def lock_of(run: Run) -> str:
    """Return the unique lock the job holds, or ""."""
    lock = run.wire.ours.get("unique") if run.wire.meta else None
    return encodable(lock) if isinstance(lock, str) and lock.startswith(UNIQUE) else ""


def wants_alert(run: Run, outcome: str) -> bool:
    """Whether the job's declaration asks for an alert on this outcome."""
    registration = run.callee.registration if run.callee else None
    return registration is not None and any(event.value == outcome for event in registration.alert)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _bounded(seconds: int) -> int:
    return max(min(seconds, LONGEST_S), -LONGEST_S)


def _backoff(run: Run) -> Backoff:
    registration = run.callee.registration if run.callee else None
    if registration is not None:
        return registration.backoff
    # A function no spec declares: the record's own numbers, as SAQ means them.
    wire = run.wire
    if wire.retry_backoff is False:
        return Backoff(delay_s=wire.retry_delay, factor=1.0, max_s=max(wire.retry_delay, 0.0), jitter=0.0)
    most = float("inf") if wire.retry_backoff is True else float(wire.retry_backoff)
    return Backoff(delay_s=wire.retry_delay, factor=2.0, max_s=most, jitter=1.0)


def _dead_retention(run: Run) -> int:
    registration = run.callee.registration if run.callee else None
    return int(registration.dead_retention_s if registration else DEFAULT_DEAD_RETENTION_S)


def _retention(run: Run) -> int:
    return 0 if run.wire.ttl is None else run.wire.ttl
