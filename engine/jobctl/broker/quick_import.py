"""Loading the client library in half the time, for processes that live for a moment."""

from __future__ import annotations

import sys

METRICS = ("opentelemetry.metrics", "opentelemetry.sdk.metrics")


def import_redis_quickly() -> None:
    """Import redis-py without its own metrics.

    Where OpenTelemetry is installed, redis-py loads it as it is imported itself, 35 ms for counters that a command of a
    moment never sends anywhere. Here it finds none and does without. Nothing is done where either of them is loaded
    already; a worker imports redis-py as it comes.
    """
    if any(name in sys.modules for name in ("redis", *METRICS)):
        return
    for name in METRICS:
        sys.modules[name] = None  # type: ignore[assignment]  # Python's own way to say that there is no such module
    try:
        import redis  # noqa: F401 - it decides there and then that it has none
    finally:
        for name in METRICS:
            del sys.modules[name]
