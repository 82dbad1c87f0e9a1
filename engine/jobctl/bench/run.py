"""Runs one phase of a scenario for one side: server, generator, workers, and everything that watches them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from jobctl.bench.order import Order, plan_of
from jobctl.bench.processes import Process
from jobctl.bench.sampling import Sampler
from jobctl.bench.scenario import BACKLOG, Phase, Portion
from jobctl.bench.space import Space, new_prefix, own_space
from jobctl.bench.trace import CUT_OFF, INTERRUPTED, Trace
from jobctl.broker.hearing import EndListener
from jobctl.testing.servers import PrivateServer
from jobctl.worker.lifeline import scratch_folder

LOOK_S = 0.05
DEFAULT_LIMIT_S = 300.0  # of a phase: nothing here runs for ever
SETTLE_S = 0.3  # an end is published just after its job left the index that we watch

Progress = Callable[[str, int, int], None]
"""Told while a phase runs: what is done, how many so far, of how many."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What stays the same over all phases, sides and repeats.

    Attributes:
        url: of the broker; None = every phase has a private server of its own, over TCP and appending to disk.
        may_share: go ahead on a broker that holds other jobs.
        spec: path of the specs; None = the shipped ones.
        processes: worker processes (count).
        concurrency: jobs each of them runs at once (count).
        weights: of queues, instead of the spec's.
        padding: bytes added to each payload of the shipped jobs.
        apart: stock SAQ has a worker for every queue.
        limit_s: longest duration of a phase.
    """

    url: str | None = None
    may_share: bool = False
    spec: str | None = None
    processes: int = 1
    concurrency: int = 10
    weights: Mapping[str, int] = field(default_factory=dict)
    padding: int = 0
    apart: bool = False
    limit_s: float = DEFAULT_LIMIT_S


def run_phase(side: str, phase: Phase, mix: tuple[Portion, ...], setup: Setup, tell: Progress) -> Trace:
    """Run a phase and return what was seen. Ctrl-C ends it early: the trace then says so and holds what there is.

    Raises:
        BrokerInUse: the configured broker holds other jobs.
        BrokerError: it cannot be reached, or none can be started.
        SubjectFailed: a worker or the generator broke.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_folder("jobctl-bench-"))  # of gigabytes at times
        url = setup.url or stack.enter_context(_private_server(folder / "server"))
        prefix = new_prefix()
        plan = plan_of(setup.spec, prefix, setup.weights)
        weights = {queue.name: queue.weight for queue in plan.queues}
        queues = [f"{prefix}all"] if side == "saq" and not setup.apart else list(weights)
        space = stack.enter_context(own_space(url, prefix, queues, may_share=setup.may_share)) if setup.url else None
        order = Order(
            task="produce",
            url=url,
            spec=setup.spec,
            prefix=prefix,
            phase=phase,
            mix=mix,
            padding=setup.padding,
            concurrency=setup.concurrency,
            weights=setup.weights,
            apart=setup.apart,
            journal=str(folder / "producer.journal"),
        )
        sampler = stack.enter_context(closing(Sampler(url, queues)))
        before = sampler.look()
        trace = Trace(phase=phase, prefix=prefix, weights=weights, before=before, filled=before)
        stage = _Stage(side, order, folder, setup, space, sampler, trace, tell)
        try:
            (stage.drain_backlog if phase.kind == BACKLOG else stage.serve_arrivals)(url, queues)
        except KeyboardInterrupt:
            trace.stopped = INTERRUPTED
        finally:
            stage.end_all()
        trace.moments = sampler.moments
        trace.read_producer(folder / "producer.journal")
        for number in range(setup.processes):
            trace.read_worker(folder / f"worker-{number}.journal")
        trace.read_records(url)
        return trace


@contextmanager
def _private_server(folder: Path) -> Iterator[str]:
    with PrivateServer(folder) as server:
        yield server.url
    with suppress(OSError):
        shutil.rmtree(folder)


class _Stage:
    """The processes of one phase, and the order of events on it."""

    def __init__(
        self,
        side: str,
        order: Order,
        folder: Path,
        setup: Setup,
        space: Space | None,
        sampler: Sampler,
        trace: Trace,
        tell: Progress,
    ) -> None:
        self._side, self._order, self._folder, self._setup = side, order, folder, setup
        self._space, self._sampler, self._trace, self._tell = space, sampler, trace, tell
        self._producer: Process | None = None
        self._workers: list[Process] = []
        self._deadline_s = time.monotonic() + setup.limit_s

    def drain_backlog(self, url: str, queues: list[str]) -> None:  # noqa: ARG002 - as `serve_arrivals`
        """Fill, then let workers drain.

        When they start, the generator has ended, and so has the rewrite of the server's log that the fill brought on.
        """
        total = self._order.phase.total
        self._producer = self._start_producer()
        while self._producer.is_running() and self._is_in_time():
            self._tell("enqueued", self._sampler.look().left, total)
            time.sleep(LOOK_S)
        while self._sampler.is_rewriting() and self._is_in_time():
            time.sleep(LOOK_S)
        with self._sampler:
            self._trace.filled = self._sampler.look()
            self._start_workers()
            self._watch("drained", total, total)

    def serve_arrivals(self, url: str, queues: list[str]) -> None:
        """Start workers, then send at the phase's rate, then wait for the rest."""
        total = self._order.phase.total
        with EndListener(url, queues) as listener, self._sampler:
            self._trace.heard = listener.ended_ns
            self._start_workers()
            self._producer = self._start_producer()
            while self._producer.is_running() and self._is_in_time():
                self._tell("done", len(listener.ended_ns), total)
                time.sleep(LOOK_S)
                self._check_workers()
            self._watch("done", self._sampler.look().left, total)
            time.sleep(SETTLE_S)

    def end_all(self) -> None:
        """End what still runs."""
        for process in (self._producer, *self._workers):
            if process is not None:
                process.end()

    def _start_producer(self) -> Process:
        return Process(self._side, self._order, self._folder, "producer")

    def _start_workers(self) -> None:
        for number in range(self._setup.processes):
            journal = str(self._folder / f"worker-{number}.journal")
            order = replace(self._order, task="work", journal=journal)
            self._workers.append(Process(self._side, order, self._folder, f"worker-{number}"))
        for worker in self._workers:
            worker_id = worker.wait_ready()
            if self._space is not None:
                self._space.workers.append(worker_id)

    def _watch(self, what: str, left: int, total: int) -> None:
        """Wait until no job is left."""
        while left and self._is_in_time():
            self._check_workers()
            time.sleep(LOOK_S)
            left = self._sampler.moments[-1].left if self._sampler.moments else total
            self._tell(what, max(total - left, 0), total)

    def _check_workers(self) -> None:
        for worker in self._workers:
            worker.is_running()

    def _is_in_time(self) -> bool:
        if self._space is not None:
            self._space.keep()
        if time.monotonic() < self._deadline_s:
            return True
        self._trace.stopped = CUT_OFF
        return False
