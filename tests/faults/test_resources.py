"""What a worker costs its broker."""

from __future__ import annotations

MOST_CONNECTIONS = 16


def test_worker_keeps_at_most_16_connections_whatever_its_concurrency(stage, report) -> None:
    before = len(stage.server.ask("CLIENT", "LIST").splitlines())
    stage.worker(concurrency=100)
    most = 0
    for _ in range(10):
        stage.enqueue("brief", 100, ms=20)
        most = max(most, len(stage.server.ask("CLIENT", "LIST").splitlines()) - before)
    stage.settle()
    most = max(most, len(stage.server.ask("CLIENT", "LIST").splitlines()) - before)

    report("connections, concurrency 100, three queues", None, connections=most, bound=MOST_CONNECTIONS)
    assert 0 < most <= MOST_CONNECTIONS
