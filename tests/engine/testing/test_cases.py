from __future__ import annotations

from pathlib import Path

from jobctl.testing import AsyncJobsCase, JobsCase, Options

SPEC = Path(__file__).parent / "app/jobs.yaml"


class TestPlainCase(JobsCase):
    options = Options(spec=[SPEC])

    def test_jobs_run(self) -> None:
        self.client.enqueue("greet", name="ada", delay="1h")
        self.jobs.assert_enqueued("greet", in_="1h")

        ran = self.worker.advance("1h", schedules=())

        assert ran.outcomes == ["complete"]
        assert self.jobs.perform("plain", n=2).result == 4

    def test_each_test_has_an_empty_broker(self) -> None:
        assert self.broker.records() == []


class TestAsyncCase(AsyncJobsCase):
    options = Options(spec=[SPEC])

    def make_state(self) -> dict[str, object]:
        return {"greeting": "ahoy"}

    async def test_jobs_run(self) -> None:
        await self.client.enqueue("greet", name="ada")

        [ran] = await self.worker.drain(schedules=())

        assert ran.result == "ahoy ada"
