"""`jobctl test faults`: jobs put through failures of handlers, workers and the broker, and the books closed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobctl_cli.flags import Output, SpecPath, duration, reads, whole_number

if TYPE_CHECKING:
    from jobctl.testing.faults import Fault
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl test faults tenant-init --kill 3      # three workers die before the broker knows
    jobctl test faults tenant-init --kill 2 --kill-at start --cut 5 --drop-answer 3
    jobctl test faults tenant-init --fail 1 --fail 2 --slow 20ms
    jobctl test faults greet --payload '{"name": "ada"}' --overrun 3
"""
POINTS = "start, end, or the number of the wait"


def _point(text: str) -> str | int:
    if text in ("start", "end"):
        return text
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise ValueError(f"`{text}` is none of {POINTS}")


def _payload(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"this is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError("the payload must be a JSON object")
    return found


def _times(name: str, text: str) -> Any:
    return typer.Option(name, metavar="N", callback=reads(whole_number(0)), help=text)


def faults(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job: its name or type")],
    *,
    count: Annotated[
        int, typer.Option("--jobs", metavar="N", callback=reads(whole_number(1)), help="Jobs to enqueue")
    ] = 100,
    payload: Annotated[
        dict[str, Any] | None,
        typer.Option(
            "--payload",
            metavar="JSON",
            parser=dict,
            callback=reads(_payload),
            help="Of every job",
            show_default="valid ones, made up",
        ),
    ] = None,
    kill: Annotated[int, _times("--kill", "Kill the worker in so many jobs, as `kill -9` does")] = 0,
    kill_at: Annotated[
        Any, typer.Option("--kill-at", metavar="POINT", parser=str, callback=reads(_point), help=POINTS)
    ] = "end",
    kill_any: Annotated[int, _times("--kill-any", "Kill the worker so often, whatever it is doing")] = 0,
    cut: Annotated[int, _times("--cut", "Break all connections so often")] = 0,
    drop_answer: Annotated[int, _times("--drop-answer", "Swallow so many answers of the broker")] = 0,
    slow: Annotated[
        float,
        typer.Option(
            "--slow", metavar="DURATION", callback=reads(duration), help="Hold back every request and every answer"
        ),
    ] = 0.0,
    pause: Annotated[int, _times("--pause", "Stop the worker in its tracks so often, for 200 ms")] = 0,
    fail: Annotated[
        list[int] | None,
        typer.Option(
            "--fail", metavar="N", parser=int, callback=reads(whole_number(1)), help="Fail the N-th attempt of each job"
        ),
    ] = None,
    overrun: Annotated[int, _times("--overrun", "Let so many jobs outlast their timeout, without waiting for it")] = 0,
    block: Annotated[
        float,
        typer.Option("--block", metavar="DURATION", callback=reads(duration), help="Block the event loop in each job"),
    ] = 0.0,
    concurrency: Annotated[
        int, typer.Option("--concurrency", metavar="N", callback=reads(whole_number(1)), help="Jobs at once")
    ] = 10,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", callback=reads(whole_number(0)), help="Of payloads and moments")
    ] = 0,
    spec: SpecPath = None,
    output: Output = "table",
) -> None:
    """Put jobs of one type through faults, and check that each was done, none lost, and how many twice.

    A real `jobctl run` works on a broker started for it, through a link that breaks; time passes by a stepped clock,
    so retries and leases are not waited for. The handlers really run, in the environment of this command: use one for
    tests. Exit code 1 when a job is lost.
    """
    import asyncio

    from jobctl.testing import ordeal
    from jobctl.testing.faults import Fault, Harm
    from jobctl.testing.faults import fail as failing
    from jobctl.testing.harness import Harness, Options
    from jobctl_cli.screens import ordeal as screen

    env: Environment = ctx.obj
    paths = [spec or env.settings.spec]
    played: list[Fault] = []
    if fail:
        played.append(failing(job, attempts=fail))
    if kill:
        played.append(Fault(harm=Harm.KILL, job=job, at=kill_at, times=kill))
    if overrun:
        played.append(Fault(harm=Harm.OVERRUN, job=job, at=1, times=overrun))
    if block:
        played.append(Fault(harm=Harm.BLOCK, job=job, seconds=block))
    link = ordeal.LinkFaults(cuts=cut, drops=drop_answer, delay_s=slow, pauses=pause, kills=kill_any)

    async def run() -> ordeal.Ordeal:
        options = Options(spec=paths, worker="process", concurrency=concurrency, arguments=["--no-scheduler"])
        harness = Harness(options)
        try:
            payloads = [payload] * count if payload is not None else _payloads(job, count, paths, seed)
            harness.plan.registration(job)
            return await ordeal.undergo(harness, job, payloads, faults=played, link=link, seed=seed)
        finally:
            await harness.aclose()

    undergone = asyncio.run(run())
    screen.show(env, output, job, undergone)
    raise typer.Exit(0 if undergone.is_sound else 1)


def _payloads(job: str, count: int, spec: list[str], seed: int) -> list[dict[str, Any]]:
    from jobctl.testing.specs import plan_of
    from jobctl_cli.testing_extra import require_hypothesis

    if not plan_of(spec).registration(job).payload:
        return [{}] * count
    require_hypothesis()
    from jobctl.testing.fuzz import sample

    return sample(job, count, spec=spec, start=seed)
