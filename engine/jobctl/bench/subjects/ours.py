"""Our side: `python -m jobctl.bench.subjects.ours`, with an `Order` on standard input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from jobctl.bench.journal import Journal
from jobctl.bench.order import Order, plan_of, say_ready, take_order
from jobctl.bench.pacing import send_all
from jobctl.bench.scenario import Portion
from jobctl.client import BlockingClient, Enqueued, NewJob
from jobctl.compiler.handlers import bind
from jobctl.compiler.plan import Plan
from jobctl.errors import JobctlError
from jobctl.worker import run_worker
from jobctl.worker.worker import Worker

GRACE_S = 1.0  # whoever stops a load test early waits for nothing


def work(order: Order, plan: Plan, journal: Journal) -> int:
    """Run a worker until it is stopped; return its exit code."""
    handlers = {
        name: replace(handler, function=journal.timed(handler.function)) for name, handler in bind(plan).items()
    }

    async def keep_journal(worker: Worker) -> None:
        await journal.keep(worker.started.wait(), partial(say_ready, worker.id))

    return run_worker(
        plan,
        handlers,
        url=order.url,
        concurrency=order.concurrency,
        grace_s=GRACE_S,
        run_scheduler=False,
        beside=keep_journal,
    )


def produce(order: Order, plan: Plan, journal: Journal) -> int:
    """Enqueue the phase's jobs."""
    padding = "x" * order.padding
    with BlockingClient(plan, order.url) as client:

        def send(portions: Sequence[Portion]) -> list[tuple[str, str]]:
            jobs = [
                NewJob(each.job, {**each.payload, "padding": padding} if padding else each.payload) for each in portions
            ]
            # unique locks are taken out of the plan and the keys are fresh: nothing is refused
            answers = client.enqueue_many(jobs)
            return [(each.key, each.queue) for each in answers if isinstance(each, Enqueued)]

        send_all(order.phase, order.mix, send, journal)
    return 0


def main() -> int:
    """Do what the order says."""
    order = take_order()
    try:
        plan = plan_of(order.spec, order.prefix, order.weights)
        with Journal(order.journal) as journal:
            return (work if order.task == "work" else produce)(order, plan, journal)
    except JobctlError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
