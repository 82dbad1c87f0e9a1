"""What the data commands work with: the plan of the specs, and the broker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from jobctl.errors import SpecError
from jobctl_cli import collection
from jobctl_cli.errors import paint

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from jobctl.compiler.plan import Plan
    from jobctl.inspector import Inspector
    from jobctl_cli.environment import Environment

T = TypeVar("T")


def load_plan(env: Environment, spec: str | None) -> Plan:
    """Return the plan of the specs at a path, or at the configured one, with the weights that are configured here.

    Raises:
        SpecErrors: the specs have problems.
    """
    from jobctl.compiler import load_plan as load

    return load(spec or env.settings.spec, weights=env.settings.weights, strict=False)


def find_plan(env: Environment, spec: str | None) -> Plan | None:
    """Return the plan if there are specs: for commands that can do without.

    Specs that were named by the caller must be sound; broken ones at the default place are warned of and left out.
    """
    if spec is None and not Path(env.settings.spec).exists():
        return None
    try:
        return load_plan(env, spec)
    except SpecError as error:
        if spec is not None:
            raise
        summary = getattr(error, "summary", str(error))
        env.note(paint(f"warning[{error.code}]: the specs are left out: {summary}", env.err))
        env.note(paint("hint: `jobctl spec check` says what is wrong", env.err))
        return None


@contextmanager
def broker(env: Environment, *, is_brief: bool = True) -> Iterator[str]:
    """Yield the broker's URL; the embedded server lives at least as long.

    Args:
        env: says which broker.
        is_brief: the process lives for a moment, in which redis-py's own metrics are of no use, nor garbage collection.
    """
    from jobctl.broker.connect import open_broker
    from jobctl.broker.quick_import import import_redis_quickly

    if is_brief:
        import_redis_quickly()
    else:
        collection.as_ever()
    with open_broker(env.settings) as url:
        yield url


def check(url: str) -> None:
    """Make sure that a broker answers.

    Raises:
        BrokerUnreachable: none does.
    """
    from jobctl.broker.connect import connect_blocking, translate_errors

    with translate_errors(url), connect_blocking(url) as redis:
        redis.ping()


def inspecting(env: Environment, plan: Plan | None, ask: Callable[[Inspector], Awaitable[T]]) -> T:
    """Run what asks the inspector, in an event loop of its own.

    Raises:
        BrokerUnreachable: no broker answers.
    """
    from jobctl.inspector import Inspector

    return asking(env, lambda redis: ask(Inspector(redis, plan)))


def asking(env: Environment, ask: Callable[[Redis], Awaitable[T]]) -> T:
    """Run what asks the broker, in an event loop of its own.

    Raises:
        BrokerUnreachable: no broker answers.
    """
    import asyncio

    from jobctl.broker.connect import connect, translate_errors

    async def run(url: str) -> T:
        async with connect(url) as redis:
            with translate_errors(url):
                await redis.ping()  # type: ignore[misc]  # errors of what follows do not name the address
                return await ask(redis)

    with broker(env) as url:
        return asyncio.run(run(url))
