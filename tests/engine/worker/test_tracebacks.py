"""What is kept of a failure: the way from the handler to the error, not the worker's way to the handler."""

from __future__ import annotations

from jobctl import Context
from jobctl.worker.tracebacks import traceback_text


async def test_traceback_begins_at_the_handler(shop) -> None:
    def deeper() -> None:
        raise ConnectionError("no route")

    async def call(ctx: Context) -> None:
        deeper()

    shop.job(call, retries=0)
    key = await shop.enqueue("call")
    await shop.burst()

    error = (await shop.record(key))["error"]
    first, *_ = [line for line in error.splitlines() if line.startswith("  File ")]
    assert error.startswith("Traceback (most recent call last):\n")
    assert first.endswith("in call")
    assert error.endswith("ConnectionError: no route")


async def test_plain_functions_too(shop) -> None:
    def call(ctx: Context) -> None:
        raise ValueError

    shop.job(call, retries=0)
    key = await shop.enqueue("call")
    await shop.burst()

    error = (await shop.record(key))["error"]
    assert next(line for line in error.splitlines() if line.startswith("  File ")).endswith("in call")


def test_error_without_a_trace_is_one_line() -> None:
    assert traceback_text(ValueError("never raised")) == "ValueError: never raised"
