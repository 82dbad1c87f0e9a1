"""Where the blocking client lives: in commands that must start fast, and in programs patched by gevent."""

from __future__ import annotations

import subprocess
import sys

START = """
import sys

from jobctl.client import BlockingClient, NewJob
from jobctl.compiler.plan import Plan, QueuePlan, Registration
from jobctl.spec.model import Backoff, Scheduling

job = Registration(
    name="clean-up", type="clean-up", handler="app:run", queue="default", summary="", attempts=1, timeout_s=10.0,
    heartbeat_s=0.0, retention_s=60.0, dead_retention_s=60.0, max_crashes=3, backoff=Backoff(), unique=None, payload=(),
    alert=(), tags=(),
)
plan = Plan(
    queues=(QueuePlan(name="default", weight=1, share=1.0),), scheduling=Scheduling.WEIGHTED, registrations=(job,),
    schedules=(),
)
"""

ENQUEUE = """
with BlockingClient(plan, sys.argv[1]) as client:
    client.enqueue("clean-up")
for name in ("saq", "croniter", "rich", "typer", "uvloop", "jobctl.client.client", "jobctl.worker", "jobctl.scheduler"):
    assert name not in sys.modules, name
"""

GREENLETS = """
import gevent

client = BlockingClient(plan, sys.argv[1])
waits = []
for _ in range(20):
    waits.append(gevent.spawn(client.wait, client.enqueue("clean-up"), timeout=30))


def end_all():
    # all twenty wait at the same time, or nobody would be here to end their jobs
    server = client._redis
    while sum(count for _, count in server.pubsub_numsub(*server.lrange("saq:default:queued", 0, -1))) < 20:
        gevent.sleep(0.01)
    for job in server.lrange("saq:default:queued", 0, -1):
        server.set(job, server.get(job)[:-1] + b',"status":"complete","completed":1}')
        server.publish(job, "complete")


gevent.spawn(end_all).join()
gevent.joinall(waits, timeout=20, raise_error=True)
assert [wait.value.state for wait in waits] == ["complete"] * 20
"""


def run(code: str, url: str) -> None:
    done = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_an_enqueue_imports_neither_worker_nor_asyncio_client(redis_url: str) -> None:
    run(START + ENQUEUE, redis_url)


def test_many_greenlets_wait_at_once(redis_url: str) -> None:
    run("from gevent import monkey\nmonkey.patch_all()\n" + START + GREENLETS, redis_url)
