"""The harness finds a planted bug of each kind, and passes the same code without it."""

from __future__ import annotations

import gc
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from jobctl import BlockingClient
from jobctl.compiler.payload import PayloadSchema
from jobctl.errors import PayloadError
from jobctl.testing import BlockingJobs, BlockingWorker, Jobs, invalid_payloads, kill, overrun, payloads

BUGS = Path(__file__).parent / "app/bugs.yaml"
pytestmark = pytest.mark.jobctl(spec=BUGS)


@pytest.fixture
def world() -> dict[str, Any]:
    import harness_bugs

    harness_bugs.reset()
    harness_bugs.WORLD["spec"] = BUGS
    return harness_bugs.WORLD


class TestIdempotence:
    def check(self, jobs: BlockingJobs | Jobs, job: str, probe: str, **payload: Any) -> int:
        import harness_bugs

        return jobs.check_idempotent(
            job, payload, probe=lambda: repr(harness_bugs.WORLD[probe]), reset=harness_bugs.reset, key="k"
        )

    def test_an_effect_that_is_repeated_is_found(self, jobs: BlockingJobs):
        with pytest.raises(AssertionError) as caught:
            self.check(jobs, "charge", "balance", amount=5)

        lines = str(caught.value).splitlines()
        assert lines[0] == "`charge` is not safe to run again: one run leaves '-5', but"
        assert lines[1] == "  run twice: '-10'"
        assert lines[2].startswith("  crashed at point 2 (line ")
        assert lines[2].endswith(", in `charge`) and run again: '-10'")
        assert len(lines) == 3  # a crash before the effect does no harm

    def test_an_effect_that_is_guarded_passes_at_every_point(self, jobs: BlockingJobs):
        assert self.check(jobs, "charge-once", "balance", amount=5) == 2

    async def test_it_can_be_asked_within_an_event_loop(self, jobs: Jobs):
        with pytest.raises(AssertionError, match="run twice"):
            self.check(jobs, "charge", "balance", amount=5)

    def test_tasks_and_threads_of_a_handler_are_crashed_as_well(self, jobs: BlockingJobs):
        with pytest.raises(AssertionError, match=r"crashed at point \d \(line \d+, in `tell`\) and run again"):
            self.check(jobs, "fan-out", "told")
        assert self.check(jobs, "fan-out-well", "told") >= 3

    def test_a_crash_leaves_no_warning_of_what_had_not_begun(self, jobs: BlockingJobs, worker: BlockingWorker):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert self.check(jobs, "fan-out-wrapped", "told") >= 1
            worker.inject(kill("fan-out-wrapped", at=1))
            assert jobs.perform("fan-out-wrapped", expect=None).outcome == "lost"
            gc.collect()

        assert [str(one.message) for one in caught] == []

    def test_a_plain_handler_is_crashed_at_every_line(self, jobs: BlockingJobs):
        with pytest.raises(AssertionError, match=r"point 2 \(line \d+, in `book`\) and run again: '\[5, 5\]'"):
            self.check(jobs, "book", "entries", amount=5)
        assert self.check(jobs, "book-well", "entries", amount=5) == 3

    def test_a_handler_that_does_not_complete_is_told_of(self, jobs: BlockingJobs):
        with pytest.raises(AssertionError, match="`give-up` does not complete even once"):
            self.check(jobs, "give-up", "balance")


@pytest.mark.jobctl(spec=BUGS, concurrency=10)
@pytest.mark.parametrize(("job", "seen"), [("count-up", 1), ("count-up-well", 10)])
def test_a_lost_update_shows_when_jobs_run_side_by_side(
    client: BlockingClient, worker: BlockingWorker, world: dict[str, Any], job: str, seen: int
):
    for _ in range(10):
        client.enqueue(job)

    ran = worker.drain()

    assert ran.outcomes == ["complete"] * 10
    assert world["seen"] == seen


def test_a_wrong_backoff_is_found(client: BlockingClient, worker: BlockingWorker):
    client.enqueue("backs-off")

    ran = worker.advance("1h")

    assert [one.retry_in_s for one in ran] == [10, 10, 10, 10, None]  # and not 10, 20, 40, 80


def test_a_job_that_is_never_enqueued_is_found(jobs: BlockingJobs, world: dict[str, Any]):
    jobs.perform("sign-up", name="ada", welcome=True)

    with pytest.raises(AssertionError, match="no job `charge` is enqueued\nnothing is enqueued at all"):
        jobs.assert_enqueued("charge")


def test_a_handler_that_lets_itself_be_stopped_passes(jobs: BlockingJobs, worker: BlockingWorker):
    worker.inject(overrun("charge", at=1))
    jobs.perform("charge", amount=1, expect="retry")
    # One that does not: see test_perform.py::test_a_handler_that_swallows_its_timeout_is_found


class TestPayloads:
    schema = PayloadSchema("picky", ())

    @pytest.fixture(autouse=True)
    def _schema(self, jobs: BlockingJobs) -> None:
        self.schema = PayloadSchema("picky", jobs.plan.registration("picky").payload)

    @settings(max_examples=50, suppress_health_check=list(HealthCheck), deadline=None)
    @given(payload=payloads("picky", BUGS))
    def test_valid_ones_are_taken(self, payload: dict[str, Any]):
        assert self.schema.convert(self.schema.normalise(payload))["size"] == payload["size"]

    @settings(max_examples=50, suppress_health_check=list(HealthCheck), deadline=None)
    @given(payload=invalid_payloads("picky", BUGS))
    def test_broken_ones_are_refused(self, payload: dict[str, Any]):
        with pytest.raises(PayloadError):
            self.schema.normalise(payload)

    @settings(max_examples=5, suppress_health_check=list(HealthCheck), deadline=None)
    @given(payload=payloads("oversized", BUGS))
    async def test_each_example_has_the_harness_in_an_event_loop(self, jobs: Jobs, worker, client, payload):
        await client.enqueue("oversized", payload)

        assert [ran.job for ran in await worker.drain()] == ["oversized"]
        assert (await jobs.perform("oversized", payload, expect=None)).job == "oversized"

    def test_a_jobs_bug_is_found_and_shrunk(self, jobs: BlockingJobs):
        found: list[dict[str, Any]] = []

        @settings(max_examples=60, deadline=None, database=None, derandomize=True)
        @given(payload=payloads("oversized", BUGS))
        def run(payload: dict[str, Any]) -> None:
            if jobs.perform("oversized", payload, expect=None).outcome != "complete":
                found.append(payload)
                raise ArithmeticError

        with pytest.raises(ArithmeticError):
            run()
        assert (found[-1]["size"], found[-1]["plan"], found[-1]["name"]) == (251, "pro", "0")
