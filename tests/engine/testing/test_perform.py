from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jobctl import Cancel, Dead, RetryAfter
from jobctl.errors import PayloadError, UnknownJob, UsageError
from jobctl.testing import BlockingJobs, BlockingWorker, InjectedFailure, Jobs, block, fail, kill, overrun


def test_a_handler_runs_with_its_context_and_converted_payload(jobs: BlockingJobs):
    ran = jobs.perform("greet", name="ada", at=datetime(2026, 1, 1, tzinfo=UTC))

    assert (ran.outcome, ran.result, ran.attempt, ran.max_attempts) == ("complete", "hello ada", 1, 3)


async def test_in_an_asyncio_test_it_is_awaited(jobs: Jobs):
    assert (await jobs.perform("greet", name="ada")).result == "hello ada"


def test_a_plain_handler_runs_in_a_thread(jobs: BlockingJobs):
    assert jobs.perform("plain", {"n": 4}).result == 8
    assert jobs.perform("plain:double", n=5).job == "plain"


def test_a_payload_that_does_not_fit_is_refused_as_by_a_client(jobs: BlockingJobs):
    with pytest.raises(PayloadError, match="`n` must be a whole number"):
        jobs.perform("plain", n="four")
    with pytest.raises(UnknownJob, match="plane"):
        jobs.perform("plane")


def test_an_end_that_was_not_expected_fails_the_test_with_the_handlers_error(jobs: BlockingJobs):
    with pytest.raises(AssertionError, match="`flaky` ended retry and not complete") as caught:
        jobs.perform("flaky")

    assert "ValueError: no luck in attempt 1" in str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_failure_is_retried_by_the_declared_backoff_until_the_last_attempt(jobs: BlockingJobs):
    first = jobs.perform("flaky", expect="retry")
    second = jobs.perform("flaky", expect="retry", attempt=2)
    last = jobs.perform("flaky", expect="dead", attempt=3)

    assert (first.retry_in_s, second.retry_in_s, last.retry_in_s) == (10, 30, None)


@pytest.mark.parametrize(("how", "outcome", "kind"), [("dead", "dead", Dead), ("cancel", "cancelled", Cancel)])
def test_outcomes_of_the_handlers_choice(jobs: BlockingJobs, how: str, outcome: str, kind: type[Exception]):
    ran = jobs.perform("choosy", how=how, expect=outcome)

    assert isinstance(ran.error, kind)


def test_a_retry_after_says_when(jobs: BlockingJobs):
    ran = jobs.perform("choosy", how="later", expect="retry")

    assert (ran.retry_in_s, type(ran.error)) == (300, RetryAfter)


def test_the_error_hook_is_told(jobs: BlockingJobs):
    import harness_app

    jobs.perform("flaky", expect="retry", key="told")

    [failure] = [failure for key, failure in harness_app.FAILURES if key == "told"]
    assert (failure.outcome, failure.attempt, failure.retry_in_s) == ("retry", 1, 10)


def test_a_timeout_ends_the_attempt(jobs: BlockingJobs, worker: BlockingWorker):
    worker.inject(overrun("greet", at=2))

    ran = jobs.perform("greet", name="x", expect="retry")

    assert ran.text == "timed out after 30s"


def test_a_handler_that_swallows_its_timeout_is_found(jobs: BlockingJobs, worker: BlockingWorker):
    worker.inject(overrun("stubborn", at=1))

    with pytest.raises(AssertionError, match=r"ended complete and not retry .* 'as if nothing had happened'"):
        jobs.perform("stubborn", expect="retry")


def test_a_timeout_of_the_callers_own_is_real_time(jobs: BlockingJobs):
    assert jobs.perform("stubborn", timeout=timedelta(milliseconds=20)).result == "as if nothing had happened"


def test_what_can_never_be_is_refused(jobs: BlockingJobs):
    with pytest.raises(UsageError, match="no job ends `completed`"):
        jobs.perform("plain", n=1, expect="completed")
    for point in ("middle", 0, -1):
        with pytest.raises(UsageError, match=f"a handler has no point `{point}`"):
            kill("plain", at=point)


def test_faults_fail_block_and_kill(jobs: BlockingJobs, worker: BlockingWorker):
    worker.inject(fail("greet", attempts=2), block("greet", seconds=0.02, times=1), kill("plain"))

    assert jobs.perform("greet", name="x").outcome == "complete"
    assert isinstance(jobs.perform("greet", name="x", attempt=2, expect="retry").error, InjectedFailure)
    assert jobs.perform("plain", n=1, expect=None).outcome == "lost"
    assert jobs.perform("plain", n=1).result == 2


def test_a_fault_of_an_unknown_job_is_refused(worker: BlockingWorker):
    with pytest.raises(UnknownJob, match="greed"):
        worker.inject(fail("greed"))


def test_a_tick_can_be_given(jobs: BlockingJobs):
    assert jobs.perform("hourly").result == "by hand"
    assert jobs.perform("hourly", tick=datetime(2026, 5, 6, 7, tzinfo=UTC)).result == "06 07:00"


class TestState:
    @pytest.fixture
    def jobctl_state(self) -> dict[str, object]:
        return {"greeting": "ahoy"}

    def test_a_test_may_give_the_state_itself(self, jobs: BlockingJobs):
        assert jobs.perform("greet", name="ada").result == "ahoy ada"
