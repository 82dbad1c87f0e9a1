"""Telling workers to be quiet, to serve again, to stop."""

from __future__ import annotations

from starlette.responses import Response

from jobctl.worker.orders import Order as Word
from jobctl_web.action import Action, Order
from jobctl_web.confirm import Question, ask
from jobctl_web.roles import Role

SETTLE_S = 2.0  # a worker hears of an order at once, or with its next upkeep within a second


async def quiet(order: Order) -> Response:
    """Let a worker claim nothing more; what it runs goes on."""
    return await _tell(order, Word.QUIET, "claims nothing more; what it runs goes on")


async def serve(order: Order) -> Response:
    """Let a quiet worker claim jobs again."""
    return await _tell(order, Word.SERVE, "serves again")


async def stop(order: Order) -> Response:
    """Let a worker end as on SIGTERM: it waits for its jobs, and hands back what does not end in time."""
    if not order.is_confirmed:
        worker = order.one("worker")
        return ask(
            order,
            Question(
                title="Stop a worker",
                text=f"Worker {worker} ends as on SIGTERM: it claims nothing more, waits for its jobs, and hands back "
                "what does not end in time. Only whoever started it can start it again.",
                verb="Stop it",
                fields=[("worker", worker)],
            ),
        )
    return await _tell(order, Word.STOP, "stops")


async def _tell(order: Order, word: Word, what: str) -> Response:
    fleet = order.web.console.inspector(order.identity).fleet
    workers = await fleet.find([order.one("worker")])
    await fleet.tell(workers, word)
    settled = await fleet.settle(workers, word, timeout_s=SETTLE_S)
    names = ", ".join(f"{worker.host}:{worker.pid}" for worker in workers)
    if settled.is_done:
        return order.done(f"{names} {what}.")
    return order.done(f"{names} has been told; it has not answered yet.")


ACTIONS = (
    Action("/workers/quiet", Role.OPERATOR, quiet),
    Action("/workers/serve", Role.OPERATOR, serve),
    Action("/workers/stop", Role.ADMIN, stop),
)
