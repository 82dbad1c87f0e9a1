from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl.client import Enqueued, NewJob, Preparer
from jobctl.client.batch import Batch
from jobctl.client.prepare import BATCH_BYTES, BATCH_JOBS
from jobctl.clock import FakeClock
from jobctl.compiler.plan import Plan
from jobctl.errors import DuplicateJob, PayloadError, UnknownJob, UsageError


@pytest.fixture
def preparer(plan: Plan, clock: FakeClock) -> Preparer:
    return Preparer(plan, clock)


def test_a_job_is_sealed_with_the_options_of_its_spec(preparer: Preparer) -> None:
    prepared = preparer.prepare(NewJob("mail-send", {"to": "a@example.org"}))

    record = json.loads(prepared.envelope.record)
    assert record["function"] == "mail:send"
    assert record["kwargs"] == {"to": "a@example.org"}
    assert (record["queue"], record["retries"], record["timeout"], record["ttl"]) == ("default", 4, 300.0, 3600)
    assert prepared.receipt == Enqueued(key=record["key"], queue="default", type="mail:send")
    assert prepared.receipt.id == f"saq:job:default:{record['key']}"


def test_options_of_the_call_win_over_the_spec(preparer: Preparer) -> None:
    new = NewJob("clean-up", queue="critical", retries=0, timeout="90s", retention=-1, key="tonight")

    record = json.loads(preparer.prepare(new).envelope.record)

    assert (record["queue"], record["retries"], record["timeout"], record["ttl"]) == ("critical", 1, 90.0, -1)
    assert record["key"] == "tonight"


def test_a_job_is_known_by_name_and_by_type(preparer: Preparer) -> None:
    assert preparer.prepare(NewJob("clean:up")).receipt.type == preparer.prepare(NewJob("clean-up")).receipt.type


def test_the_receipt_says_when_the_job_is_due(preparer: Preparer, clock: FakeClock) -> None:
    now_ms = int(clock.time() * 1000)
    at = datetime.fromtimestamp(clock.time() + 60, UTC)

    delayed = preparer.prepare(NewJob("clean-up", delay="5m"))
    timed = preparer.prepare(NewJob("clean-up", at=at))

    assert delayed.receipt.due_ms == now_ms + 300_000
    assert timed.receipt.due_ms == now_ms + 60_000
    assert (timed.envelope.delay_ms, timed.envelope.at_ms) == (0, now_ms + 60_000)


def test_a_time_in_the_past_is_now(preparer: Preparer) -> None:
    prepared = preparer.prepare(NewJob("clean-up", at=datetime(2001, 1, 1, tzinfo=UTC)))

    assert prepared.receipt.due_ms == 0


def test_an_unknown_job_is_refused_with_the_nearest_name(preparer: Preparer) -> None:
    with pytest.raises(UnknownJob) as caught:
        preparer.prepare(NewJob("mail-sent"))

    assert caught.value.hint == "did you mean `mail-send`?"


def test_a_queue_that_nobody_serves_is_refused_with_the_nearest_name(preparer: Preparer) -> None:
    with pytest.raises(UsageError, match="no queue `critcal` is declared") as caught:
        preparer.prepare(NewJob("clean-up", queue="critcal"))

    assert caught.value.hint == "did you mean `critical`?"


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "x" * 257, "\x00", 7])
def test_a_key_that_cannot_be_typed_is_refused(preparer: Preparer, key: object) -> None:
    with pytest.raises(UsageError, match="cannot be a job's key"):
        preparer.prepare(NewJob("clean-up", key=key))  # type: ignore[arg-type]


def test_a_queue_that_is_no_text_is_refused(preparer: Preparer) -> None:
    with pytest.raises(UsageError, match="no queue `7` is declared"):
        preparer.prepare(NewJob("clean-up", queue=7))  # type: ignore[arg-type]


def test_a_payload_that_does_not_fit_is_refused(preparer: Preparer) -> None:
    with pytest.raises(PayloadError):
        preparer.prepare(NewJob("mail-send", {"two": "a@example.org"}))


def test_an_answer_names_the_job_that_has_the_key(preparer: Preparer) -> None:
    prepared = preparer.prepare(NewJob("clean-up", key="tonight"))

    answer = prepared.settle("saq:job:low:tonight")

    assert isinstance(answer, DuplicateJob)
    assert answer.holder == "tonight"
    assert answer.message == "job `tonight` is in queue `low` already and has not ended"


def test_an_answer_names_the_job_that_holds_the_lock(preparer: Preparer) -> None:
    prepared = preparer.prepare(NewJob("sync-tenant", {"id": 7}))

    answer = prepared.settle("saq:job:critical:first:one")

    assert isinstance(answer, DuplicateJob)
    assert answer.holder == "first:one"
    assert answer.message == "job `first:one` in queue `critical` holds the unique lock of this `sync:tenant`"


def test_answers_keep_the_order_of_their_batch(preparer: Preparer) -> None:
    batch = Batch([preparer.prepare(NewJob("clean-up", key=key)) for key in "abc"])

    answers = batch.settle([0, b"saq:job:low:b", 0])

    assert [type(answer) for answer in answers] == [Enqueued, DuplicateJob, Enqueued]


@given(count=st.integers(0, 3 * BATCH_JOBS))
def test_batches_hold_every_job_once_and_in_order(plan: Plan, count: int) -> None:
    batches = list(Preparer(plan).batches(NewJob("clean-up", key=f"job-{n}") for n in range(count)))

    assert all(0 < len(batch.jobs) <= BATCH_JOBS for batch in batches)
    keys = [prepared.receipt.key for batch in batches for prepared in batch.jobs]
    assert keys == [f"job-{n}" for n in range(count)]


def test_large_records_close_a_batch_early(preparer: Preparer) -> None:
    big = "x" * (BATCH_BYTES // 3)

    batches = list(preparer.batches(NewJob("mail-send", {"to": big}) for _ in range(7)))

    assert [len(batch.jobs) for batch in batches] == [3, 3, 1]


def test_a_generator_is_read_no_further_than_the_batch(preparer: Preparer) -> None:
    read = 0

    def jobs() -> Iterator[NewJob]:
        nonlocal read
        while True:
            read += 1
            yield NewJob("clean-up")

    next(preparer.batches(jobs()))

    assert read == BATCH_JOBS
