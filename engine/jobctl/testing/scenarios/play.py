"""Playing a scenario: on a real broker with the production scripts, the clock stepped from one moment to the next."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from jobctl.client import BlockingClient
from jobctl.errors import DuplicateJob, Location, PayloadError, UsageError
from jobctl.testing.broker import HarnessBroker
from jobctl.testing.clock import stepped_scripts
from jobctl.testing.ran import Runs
from jobctl.testing.scenarios.checks import World, check
from jobctl.testing.scenarios.model import Expected, Given, Mismatch, Played, Scenario
from jobctl.testing.scenarios.reading import BadScenario
from jobctl.testing.scenarios.scripted import Script
from jobctl.testing.server import shared_server
from jobctl.testing.specs import plan_of
from jobctl.testing.state import WorkerState
from jobctl.testing.stepped import SteppedWorker
from jobctl.worker.hooks import WorkerHooks


def play(scenario: Scenario) -> Played:
    """Play a scenario; return what was not as expected.

    Raises:
        BadScenario: a payload does not fit its declaration, or a name cannot be a key.
        NoEmbeddedBroker: there is no server to play on.
    """
    began_at = time.monotonic()
    with _opened(scenario) as player:
        shared_server().loop.run(player.play())
    return Played(scenario=scenario, mismatches=tuple(player.mismatches), took_s=time.monotonic() - began_at)


@contextmanager
def _opened(scenario: Scenario) -> Iterator[_Player]:
    with ExitStack() as stack:
        server = shared_server()
        stack.enter_context(stepped_scripts())
        broker = HarnessBroker(server, scenario.start)
        stack.callback(broker.close)
        client = stack.enter_context(BlockingClient(plan_of(scenario.spec), redis=broker.redis, clock=broker.clock))
        yield _Player(scenario, broker, client)


class _Player:
    def __init__(self, scenario: Scenario, broker: HarnessBroker, client: BlockingClient) -> None:
        plan = plan_of(scenario.spec)
        script = Script(plan, scenario.outcomes, {key: one.name for one in scenario.given for key in one.names})
        self.mismatches: list[Mismatch] = []
        self._scenario = scenario
        self._broker = broker
        self._client = client
        self._worker = SteppedWorker(
            plan,
            broker,
            WorkerState(WorkerHooks, {}),
            concurrency=scenario.concurrency,
            handlers=script.handlers(),
            loop=shared_server().loop,
        )
        script.stage = self._worker
        self._ran = Runs()

    async def play(self) -> None:
        """Go from moment to moment: what is given comes first, then all that is due runs, then it is compared."""
        try:
            moments = {one.at_s for one in self._scenario.given} | {one.at_s for one in self._scenario.expect}
            for at_s in sorted(moments):
                await self._advance_to(at_s)
                for given in self._scenario.given:
                    if given.at_s == at_s:
                        self._enqueue(given)
                await self._advance_to(at_s)
                for expected in self._scenario.expect:
                    if expected.at_s == at_s:
                        self._compare(expected)
        finally:
            await self._worker.close()

    async def _advance_to(self, at_s: float) -> None:
        clock = self._broker.clock
        left_s = at_s - (clock.now_ms - clock.started_ms) / 1000
        self._ran += await self._worker.advance(left_s, schedules=self._scenario.schedules)

    def _enqueue(self, given: Given) -> None:
        for name in given.names:
            try:
                self._client.enqueue(given.job, given.payload, key=name, delay=given.delay_s, queue=given.queue)
                is_refused, holder = False, ""
            except DuplicateJob as error:
                is_refused, holder = True, error.holder
            except (PayloadError, UsageError) as error:
                raise BadScenario(
                    str(error), location=Location(str(self._scenario.file), given.line, 1), hint=error.hint
                ) from None
            if is_refused is not given.is_refused:
                got = f"refused, `{holder}` holds its lock" if is_refused else "enqueued"
                expected = "refused" if given.is_refused else "enqueued"
                self.mismatches.append(
                    Mismatch(at_s=given.at_s, line=given.line, what=name, expected=expected, got=got)
                )

    def _compare(self, expected: Expected) -> None:
        world = World(
            plan=self._worker.plan,
            ran=self._ran,
            records={record.key: record for record in self._broker.records()},
            start=self._scenario.start,
        )
        self.mismatches += check(expected, world)
