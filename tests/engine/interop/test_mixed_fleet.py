"""Stock SAQ's workers and ours on one queue."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter

import pytest
from saq import Worker as SaqWorker

from jobctl import JobQueue, Worker
from jobctl.broker.keys import QueueKeys
from jobctl.broker.sweep import Sweep

JOBS = 200


async def test_every_job_of_a_mixed_fleet_runs_once(fleet) -> None:
    """[A5] [A7] SAQ's sweep, every second, would damage jobs; while a worker of ours runs it stands still."""
    runs: Counter[int] = Counter()
    by: Counter[str] = Counter()

    async def note(ctx, n: int) -> int:
        runs[n] += 1
        by["stock" if isinstance(ctx["worker"], SaqWorker) and not isinstance(ctx["worker"], Worker) else "ours"] += 1
        await asyncio.sleep(0.005)
        return n

    ours = JobQueue.from_url(fleet.url)
    queue = fleet.stock_queue()
    jobs = [await (queue if n % 2 else ours).enqueue("note", n=n, key=str(n), timeout=0) for n in range(JOBS)]
    fleet.serve(Worker(ours, [("note", note)], concurrency=4))

    async def guarded() -> bool:
        return await fleet.server.exists(QueueKeys("default").sweep)

    await fleet.eventually(guarded)
    fleet.start_stock([("note", note)], timers={"sweep": 1}, concurrency=4)

    async def settled() -> bool:
        return not await fleet.server.zcard("saq:default:incomplete")

    await fleet.eventually(settled)
    records = [await fleet.record(job) for job in jobs]
    assert {record["status"] for record in records} == {"complete"}
    assert {record["attempts"] for record in records} == {1}
    assert set(runs.values()) == {1}
    assert min(by["stock"], by["ours"]) > 0
    assert await fleet.server.llen("saq:default:active") == 0
    await ours.disconnect()


async def test_stock_sweep_stands_still_while_we_run(fleet) -> None:
    """[A4] [A5] [A6] [A8] [A10] What it would do to jobs of others it cannot do."""
    fleet.start_ours()
    queue = fleet.stock_queue()

    async def locked() -> bool:
        return await fleet.server.ttl(QueueKeys("default").sweep) > 60

    await fleet.eventually(locked)
    await fleet.server.rpush("saq:default:active", "saq:job:default:gone")

    assert await queue.sweep() == []


@pytest.mark.slow
async def test_job_of_a_killed_stock_worker_runs_at_ours(fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """[A1] [A2] With stock SAQ alone it is aborted after 65 s, or active for ever."""
    monkeypatch.setitem(Sweep.__init__.__kwdefaults__, "silent_s", 0.5)
    monkeypatch.setattr("jobctl.worker.session.SWEEP_S", 0.2)
    (fleet.folder / "interop_app.py").write_text(
        (fleet.folder / "interop_app.py").read_text()
        + "\nasync def note(ctx, n):\n    import asyncio\n    await asyncio.sleep(3600)\n"
    )
    process = fleet.start_saq_command()
    async with fleet.client() as client:
        job = await client.enqueue("note", {"n": 1}, timeout="1h")
        record_id = f"saq:job:default:{job.key}"

        async def active() -> bool:
            return (await fleet.record(record_id)).get("status") == "active"

        await fleet.eventually(active)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        async for name in fleet.server.scan_iter("saq:default:worker_info:*"):
            await fleet.server.delete(name)  # it would expire after eleven seconds
        await _serve_notes(fleet)

        ended = await client.wait(job.key, timeout=20)

    assert (ended.result, ended.attempts, ended.crashes) == (2, 1, 1)


async def _serve_notes(fleet) -> None:
    async def note(_ctx, n: int) -> int:
        return 2 * n

    fleet.serve(Worker(JobQueue.from_url(fleet.url), [("note", note)], timers={"sweep": 0.2}))
