"""An ordeal: many jobs, a real worker process, and everything that may go wrong, with the books closed at the end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jobctl.client import NewJob
from jobctl.errors import DuplicateJob
from jobctl.testing.accounting import Account
from jobctl.testing.faults import Fault
from jobctl.testing.harness import Harness
from jobctl.testing.jobs import Jobs
from jobctl.testing.noted import NotedClient
from jobctl.testing.process import ProcessWorker
from jobctl.testing.ran import Runs

LONGEST = "30d"  # of the stepped clock: by then every retry has had its turn
BATCH = 20
SCRIPT_CALL = b"EVALSHA"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFaults:
    """What happens to the link between the worker and its broker, and to the worker from outside.

    Attributes:
        cuts: so often all connections are broken.
        drops: so many answers of scripts are swallowed with their connections.
        delay_s: everything is held back for so long in each direction, seconds.
        pauses: so often the process is stopped in its tracks for ``pause_s``.
        kills: so often it is killed from outside, whatever it is doing.
    """

    cuts: int = 0
    drops: int = 0
    delay_s: float = 0.0
    pauses: int = 0
    pause_s: float = 0.2
    kills: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordeal:
    """What came of it.

    Attributes:
        refused: enqueues refused as duplicates.
        left: what stands in the indexes of unfinished jobs, ``queue index`` -> count: nothing, if all is well.
    """

    account: Account
    ran: Runs
    refused: int
    left: dict[str, int]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is lost, unexpected or left over."""
        return self.account.is_sound and not self.left


async def undergo(
    harness: Harness,
    job: str,
    payloads: Sequence[dict[str, Any]],
    *,
    faults: Sequence[Fault] = (),
    link: LinkFaults | None = None,
    seed: int = 0,
) -> Ordeal:
    """Put jobs of one type through it; time passes by the stepped clock until nothing is left to do.

    Args:
        harness: with ``worker="process"``, for asyncio.
        job: the job's name or type.
        payloads: one for each job.
        faults: of the handler and its worker.
        link: of the link, at random moments.
        seed: of the moments.

    Raises:
        WorkerDidNotFinish: the worker does not come to rest.
    """
    link = link or LinkFaults()
    worker, client, jobs = harness.worker, harness.client, harness.jobs
    assert isinstance(worker, ProcessWorker)  # noqa: S101
    assert isinstance(client, NotedClient)  # noqa: S101
    assert isinstance(jobs, Jobs)  # noqa: S101
    proxy = harness.broker.link  # what is made from now on goes through it
    refused = 0
    for start in range(0, len(payloads), BATCH):
        answers = await client.enqueue_many([NewJob(job, one) for one in payloads[start : start + BATCH]])
        refused += sum(isinstance(answer, DuplicateJob) for answer in answers)
    worker.inject(*faults)
    await worker.start()
    proxy.delay(link.delay_s)
    trouble = asyncio.ensure_future(_trouble(worker, proxy, link, random.Random(seed)))
    try:
        ran = await worker.drain()
        await trouble
        proxy.restore()
        ran += await worker.advance(LONGEST)
    finally:
        trouble.cancel()
    account = jobs.account()
    return Ordeal(account=account, ran=ran, refused=refused, left=harness.broker.unfinished())


async def _trouble(worker: ProcessWorker, proxy: Any, link: LinkFaults, chance: random.Random) -> None:
    events = ["cut"] * link.cuts + ["drop"] * link.drops + ["pause"] * link.pauses + ["kill"] * link.kills
    chance.shuffle(events)
    for event in events:
        await asyncio.sleep(chance.uniform(0.01, 0.1))
        if event == "cut":
            proxy.cut()
        elif event == "drop":
            proxy.drop_answer(SCRIPT_CALL)
        elif worker.pid is None:
            continue  # between a death and its successor
        elif event == "kill":
            worker.kill()
        else:
            worker.pause()
            await asyncio.sleep(link.pause_s)
            worker.resume()
