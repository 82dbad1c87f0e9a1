"""Stock SAQ on uvloop, its defaults otherwise: `python -m jobctl.bench.subjects.stock`, with an `Order` on stdin.

All jobs go into one queue, SAQ's best case: it knows no weights. With `apart` every queue has a SAQ worker with its
share of the slots, which is how one gives SAQ weights.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import uvloop
from redis import asyncio as redis
from saq import Job, Worker
from saq.queue.redis import RedisQueue
from saq.types import Context

from jobctl.bench.journal import Journal
from jobctl.bench.order import Order, plan_of, say_ready, take_order
from jobctl.bench.pacing import send_all
from jobctl.bench.scenario import Portion
from jobctl.compiler.handlers import Handler, bind
from jobctl.compiler.plan import Plan

SIDE_BY_SIDE = 1000  # coroutines at once; SAQ lets 20 of its calls run side by side


class Attempt:
    """What the shipped handlers want to know of a run."""

    __slots__ = ("attempt", "key", "queue")

    def __init__(self, job: Job) -> None:
        self.key, self.attempt = job.key, job.attempts
        self.queue = job.get_queue().name


def queue_name(order: Order, declared: str) -> str:
    """Return the name of the queue that jobs declared for a queue go to."""
    return declared if order.apart else f"{order.prefix}all"


def open_queue(order: Order, name: str) -> RedisQueue:
    """Return a queue as `Queue.from_url` makes it, which knows no unix sockets."""
    return RedisQueue(redis.from_url(order.url), name=name)


def saq_function(handler: Handler, journal: Journal) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return a handler as SAQ calls it."""
    run = journal.timed(handler.function)
    if handler.is_async:

        async def call(context: Context, **payload: Any) -> Any:
            return await run(Attempt(context["job"]), **payload)

        return call

    async def call_thread(context: Context, **payload: Any) -> Any:
        return await asyncio.to_thread(run, Attempt(context["job"]), **payload)

    return call_thread


async def work(order: Order, plan: Plan, journal: Journal) -> None:
    """Run SAQ's worker, or several side by side, until SIGTERM."""
    functions = [(handler.type, saq_function(handler, journal)) for handler in bind(plan).values()]
    slots = {queue_name(order, queue.name): order.concurrency for queue in plan.queues}
    if order.apart:
        slots = {queue.name: max(round(queue.share * order.concurrency), 1) for queue in plan.queues}
    workers: list[Worker[Context]] = []
    for name, count in slots.items():
        worker: Worker[Context] = Worker(open_queue(order, name), functions, concurrency=count)
        worker.SIGNALS = []  # several in a loop take each other's signals
        workers.append(worker)

    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    serving = [asyncio.ensure_future(worker.start()) for worker in workers]
    keeping = asyncio.ensure_future(journal.keep(asyncio.sleep(0), say_ready))
    await stopping.wait()
    for worker in workers:
        worker.event.set()
    await asyncio.gather(*serving)
    keeping.cancel()


def produce(order: Order, plan: Plan, journal: Journal) -> None:
    """Enqueue the phase's jobs, as SAQ's users do: one call each, many side by side where many are due."""
    padding = "x" * order.padding
    names = {queue_name(order, queue.name) for queue in plan.queues}

    def job_of(portion: Portion) -> tuple[str, Job]:
        registration = plan.registration(portion.job)
        job = Job(
            function=registration.type,
            kwargs={**portion.payload, "padding": padding},
            retries=registration.attempts,
            timeout=int(registration.timeout_s),
            ttl=int(registration.retention_s),
            retry_delay=registration.backoff.delay_s,
        )
        return queue_name(order, registration.queue), job

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:

        async def connect() -> dict[str, RedisQueue]:
            queues = {name: open_queue(order, name) for name in names}
            for queue in queues.values():
                await queue.connect()
            return queues

        queues = runner.run(connect())

        async def enqueue(jobs: Sequence[tuple[str, Job]]) -> None:
            await asyncio.gather(*(queues[name].enqueue(job) for name, job in jobs))

        def send(portions: Sequence[Portion]) -> list[tuple[str, str]]:
            jobs = [job_of(each) for each in portions]
            for start in range(0, len(jobs), SIDE_BY_SIDE):
                runner.run(enqueue(jobs[start : start + SIDE_BY_SIDE]))
            return [(job.key, name) for name, job in jobs]

        send_all(order.phase, order.mix, send, journal)

        async def disconnect() -> None:
            for queue in queues.values():
                await queue.disconnect()

        runner.run(disconnect())


def main() -> int:
    """Do what the order says."""
    order = take_order()
    logging.getLogger("saq").setLevel(logging.CRITICAL)  # it logs every failed attempt
    plan = plan_of(order.spec, order.prefix, order.weights)
    with Journal(order.journal) as journal:
        if order.task == "work":
            uvloop.run(work(order, plan, journal))
        else:
            produce(order, plan, journal)
    return 0


if __name__ == "__main__":
    sys.exit(main())
