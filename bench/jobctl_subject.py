"""Our side, three queues 6/3/1: `python -m bench.jobctl_subject work|one|many URL JOBS [SLOTS]`.

`work` drains a backlog of no-op jobs that holds the queues' jobs in the ratio of their weights; `one` enqueues jobs one
after the other, `many` in batches.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

import uvloop

from bench import noop
from bench.sample import Lap, Sample, cpu_s, socket_reads
from jobctl import Client, NewJob, Worker, load_plan
from jobctl.compiler.handlers import bind
from jobctl.compiler.plan import Plan
from jobctl.measure.fairness import busy_prefix, measure

SPEC = Path(__file__).with_name("noop.yaml")


def mixture(plan: Plan) -> list[str]:
    """Return job names, one per unit of weight: enqueued in turn, all queues run dry at about the same time."""
    weights = {queue.name: queue.weight for queue in plan.queues}
    return [job.name for job in plan.registrations for _ in range(weights[job.queue])]


async def enqueue_one(client: Client, plan: Plan, jobs: int) -> None:
    """Enqueue jobs one after the other."""
    for number, name in enumerate(islice(cycle(mixture(plan)), jobs)):
        await client.enqueue(name, {"number": number})


async def enqueue_many(client: Client, plan: Plan, jobs: int) -> None:
    """Enqueue jobs in batches."""
    names = islice(cycle(mixture(plan)), jobs)
    await client.enqueue_many(NewJob(name, {"number": number}) for number, name in enumerate(names))


async def measure_enqueue(plan: Plan, url: str, how: str, jobs: int) -> Sample:
    """Take the time of an enqueue; the first job, which loads the script, is left out."""
    async with Client(plan, url) as client:
        await enqueue_one(client, plan, 1)
        began_s, cpu_began_s = time.perf_counter(), cpu_s()
        await (enqueue_one if how == "one" else enqueue_many)(client, plan, jobs)
        return Sample(jobs=jobs, seconds=time.perf_counter() - began_s, cpu_s=cpu_s() - cpu_began_s)


async def measure_work(plan: Plan, url: str, jobs: int, slots: int) -> Sample:
    """Drain a backlog, and see how near each window of starts was to the weights."""
    async with Client(plan, url) as client:
        await enqueue_many(client, plan, jobs)
    worker = Worker.for_plan(plan, bind(plan), url=url, concurrency=slots, burst=True)
    noop.lap = Lap(jobs, lambda: None)
    reads = -socket_reads(url)
    await worker.run()
    reads += socket_reads(url)
    # Shares are defined while all queues have work.
    starts = busy_prefix(noop.starts, Counter(noop.starts))
    weights = {queue.name: queue.weight for queue in plan.queues}
    return replace(
        noop.lap.sample(
            worst_of_10=measure(starts, weights, 10).worst_starts,
            worst_of_100=measure(starts, weights, 100).worst_starts,
        ),
        reads=reads,
    )


async def main(how: str, url: str, jobs: int, slots: int) -> None:
    """Measure and print the sample."""
    plan = load_plan(SPEC)
    sample = await (measure_work(plan, url, jobs, slots) if how == "work" else measure_enqueue(plan, url, how, jobs))
    sample.print()


if __name__ == "__main__":
    how, url, jobs, slots = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(how, url, int(jobs), int(slots)))
