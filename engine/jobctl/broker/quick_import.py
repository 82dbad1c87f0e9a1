"""Loading the client library in half the time, for processes that live for a moment."""

from __future__ import annotations

import sys

METRICS = "opentelemetry.sdk.metrics"


def import_redis_quickly() -> None:
    """Import redis-py without its own metrics.

    Where the OpenTelemetry SDK is installed, redis-py loads it as it is imported itself, 30 ms for counters that a
    command of a moment never sends anywhere. Here it finds no SDK and does without. Nothing is done where either of
    them is loaded already; a worker imports redis-py as it comes.
    """
    if "redis" in sys.modules or METRICS in sys.modules:
        return
    sys.modules[METRICS] = None  # type: ignore[assignment]  # Python's own way to say that there is no such module
    try:
        import redis  # noqa: F401 - it decides there and then that it has no SDK
    finally:
        del sys.modules[METRICS]
