"""A session sends jobs and follows them, wherever they are enqueued."""

from __future__ import annotations

import json
import time
from pathlib import Path

import redis

from jobctl import NewJob, load_plan
from jobctl.loadtest.options import Options
from jobctl.loadtest.session import Session

SPEC = """
version: 1
queues: {fast: 3, slow: 1}
jobs:
  named: {handler: "shop.jobs:named", queue: fast}
  other: {handler: "shop.jobs:other", queue: slow}
"""


def test_a_job_of_another_queue_than_the_named_ones_is_followed_too(
    server: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    session = Session(
        load_plan(tmp_path / "spec.yaml"),
        redis_url,
        Options(spec="", jobs=("named",), drain_s=0.2),
        measured_from_ms=0,
        notes_starts=False,
        fire=lambda *_, **__: None,
    )

    session.send([NewJob("other")], session.clock.now_ms())
    (job_id,) = session.tracker.on_the_way
    ended_ms = int(session.clock.now_ms())
    record = {**json.loads(server.get(job_id)), "status": "complete", "completed": ended_ms}
    server.set(job_id, json.dumps(record))
    server.zadd("jobctl:slow:complete", {job_id: ended_ms})
    deadline_s = time.monotonic() + 10
    while session.tracker.on_the_way and time.monotonic() < deadline_s:
        time.sleep(0.005)

    assert not session.tracker.on_the_way
    assert session.finish().counts["completed"] == 1
