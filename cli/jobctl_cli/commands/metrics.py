"""`jobctl metrics`: the broker's state for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobctl_cli.addresses import address
from jobctl_cli.flags import SpecPath, one_of, reads

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric as Family
    from redis.asyncio import Redis

    from jobctl.compiler.plan import Plan
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl metrics                               # one scrape, to look at
    jobctl metrics --port 9484                   # serve http://127.0.0.1:9484/metrics
    jobctl metrics --port 0.0.0.0:9484           # to be reached from other machines
    jobctl metrics -o json
"""
ACCEPTS = {"prometheus": "text/plain", "openmetrics": "application/openmetrics-text; version=1.0.0"}


def metrics(
    ctx: typer.Context,
    *,
    port: Annotated[
        str | None,
        typer.Option(
            "--port", metavar="[HOST:]PORT", help="Serve them at /metrics, until stopped", callback=reads(address)
        ),
    ] = None,
    spec: SpecPath = None,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FORMAT",
            help="prometheus, openmetrics or json; served, Prometheus chooses",
            callback=reads(one_of(*ACCEPTS, "json")),
        ),
    ] = "prometheus",
) -> None:
    """Print the metrics of the broker's state once, or serve them for Prometheus.

    One exporter a broker is enough: depth by state, ages, outcomes, waits and runs by queue and type, shares,
    schedules, workers, whatever serves the queues. A scrape costs the broker a bounded number of commands. What a
    single worker process knows of itself is served by `jobctl run --metrics-port`.
    """
    from jobctl_cli import session

    env: Environment = ctx.obj
    plan = session.find_plan(env, spec)
    if port is None:
        _print(env, plan, output)
    else:
        _serve(env, plan, port)  # type: ignore[arg-type]  # as `address` has read it


def _print(env: Environment, plan: Plan | None, output: str) -> None:
    from jobctl_cli import session
    from jobctl_cli.output import as_json

    async def scrape(redis: Redis) -> Iterable[Family]:
        from jobctl.metrics.exporter import Exporter

        return await Exporter(redis, plan).scrape()

    families = session.asking(env, scrape)
    from jobctl.metrics.serving import render

    if output == "json":
        env.print(as_json([_shape(family) for family in families]))
    else:
        env.print(render(families, ACCEPTS[output])[0].decode().rstrip("\n"))


def _shape(family: Family) -> dict[str, Any]:
    samples = [{"name": one.name, "labels": dict(one.labels), "value": one.value} for one in family.samples]
    return {"name": family.name, "type": family.type, "help": family.documentation, "samples": samples}


def _serve(env: Environment, plan: Plan | None, where: tuple[str, int]) -> None:
    """Serve until SIGTERM or Ctrl-C. A broker that goes away is told of, and waited for."""
    import asyncio
    import signal

    from jobctl.metrics.exporter import Exporter
    from jobctl.metrics.serving import serving
    from jobctl_cli import logs, session

    logs.set_up(env, format=env.settings.log_format, level="info")

    async def serve(redis: Redis) -> None:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        exporter = Exporter(redis, plan)

        def scrape() -> Iterable[Family]:
            return asyncio.run_coroutine_threadsafe(exporter.scrape(), loop).result()

        with serving(*where, scrape):
            await stopped.wait()

    session.asking(env, serve)
