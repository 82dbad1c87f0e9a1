"""Stock SAQ on uvloop, one queue, its defaults otherwise: `python -m bench.saq_subject work|one|many URL JOBS [SLOTS]`.

`work` drains a backlog of no-op jobs, `one` enqueues them one after the other, `many` all at once (SAQ has no bulk
call; it lets 20 calls run side by side).
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import replace

import uvloop
from redis import asyncio as redis
from saq import Job, Worker
from saq.queue.redis import RedisQueue
from saq.types import Context

from bench.sample import Lap, Sample, cpu_s, socket_reads

BATCH = 1000  # coroutines at once: enough to keep SAQ's 20 calls busy


def noop_job(number: int) -> Job:
    """Return a job with the options that our side's spec gives its own."""
    return Job(function="noop", kwargs={"number": number}, retries=1, timeout=10, ttl=600)


async def enqueue_one(queue: RedisQueue, jobs: int) -> None:
    """Enqueue jobs one after the other."""
    for number in range(jobs):
        await queue.enqueue(noop_job(number))


async def enqueue_many(queue: RedisQueue, jobs: int) -> None:
    """Enqueue jobs side by side."""
    for start in range(0, jobs, BATCH):
        await asyncio.gather(*(queue.enqueue(noop_job(number)) for number in range(start, min(start + BATCH, jobs))))


async def measure_enqueue(queue: RedisQueue, how: str, jobs: int) -> Sample:
    """Take the time of an enqueue; the first job, which loads the script, is left out."""
    await enqueue_one(queue, 1)
    began_s, cpu_began_s = time.perf_counter(), cpu_s()
    await (enqueue_one if how == "one" else enqueue_many)(queue, jobs)
    return Sample(jobs=jobs, seconds=time.perf_counter() - began_s, cpu_s=cpu_s() - cpu_began_s)


async def measure_work(queue: RedisQueue, url: str, jobs: int, slots: int) -> Sample:
    """Drain a backlog."""
    await enqueue_many(queue, jobs)

    def stop() -> None:
        worker.event.set()  # made anew by `start`, so it is looked up when needed

    lap = Lap(jobs, stop)

    async def noop(_: Context, **_payload: object) -> None:
        lap.start()

    worker: Worker[Context] = Worker(queue, [("noop", noop)], concurrency=slots)
    reads = -socket_reads(url)
    await worker.start()
    return replace(lap.sample(), reads=reads + socket_reads(url))


async def main(how: str, url: str, jobs: int, slots: int) -> None:
    """Measure and print the sample."""
    queue = RedisQueue(redis.from_url(url))  # what `Queue.from_url` does, which knows no unix sockets
    await queue.connect()
    try:
        sample = await (measure_work(queue, url, jobs, slots) if how == "work" else measure_enqueue(queue, how, jobs))
    finally:
        await queue.disconnect()
    sample.print()


if __name__ == "__main__":
    how, url, jobs, slots = sys.argv[1:]
    uvloop.run(main(how, url, int(jobs), int(slots)))
