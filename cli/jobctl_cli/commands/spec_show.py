"""`jobctl spec show`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobctl_cli.flags import Output, SpecPath, reads, weights

if TYPE_CHECKING:
    from jobctl.compiler.effective import Override, Setting
    from jobctl.spec import Spec
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl spec show tenant-init
    jobctl spec show tenant-init -o json
    jobctl spec show tenant-init --queues critical=9   # as `jobctl run` with it
"""


def show(
    ctx: typer.Context,
    *,
    job: Annotated[str, typer.Argument(metavar="JOB", help="Name or type of the job")],
    spec: SpecPath = None,
    queues: Annotated[
        str | None,
        typer.Option(
            "--queues",
            metavar="NAME=WEIGHT,...",
            help="Weights as given to `jobctl run`",
            callback=reads(weights),
        ),
    ] = None,
    output: Output = "table",
) -> None:
    """Show a job as it is in force: every value, and where it came from.

    A value comes from the job itself (file:line), from the `defaults` of its file, from the environment, from a
    flag, or is built in.
    """
    from jobctl.compiler.effective import effective
    from jobctl.spec import load
    from jobctl_cli import table
    from jobctl_cli.output import emit
    from jobctl_cli.table import Cell, Column

    env: Environment = ctx.obj
    loaded = load(spec or env.settings.spec)
    settings = effective(loaded, job, _overrides(env, loaded, queues))  # type: ignore[arg-type]  # read by its callback

    def shown() -> str:
        columns = [Column("KEY"), Column("VALUE", least=12), Column("FROM", least=12)]
        cells: list[list[str | Cell]] = [[one.key, one.value, Cell(str(one.origin), _style(one))] for one in settings]
        return table.render(columns, cells, env.out, table.screen_width(env))

    emit(env, output, [_plain(one) for one in settings], table=shown, names=lambda: (one.key for one in settings))


def _style(setting: Setting) -> str:
    return {"built-in": "dim", "environment": "yellow", "flag": "yellow"}.get(setting.origin.kind, "")


def _overrides(env: Environment, spec: Spec, asked: Mapping[str, int | None] | None) -> dict[str, Override]:
    """Return the weights that the environment and a flag set, as `jobctl run` would take them."""
    from jobctl.compiler.effective import Origin, Override
    from jobctl.settings import PREFIXES

    found: dict[str, Override] = {}
    for queue in spec.queues:
        for given in (queue.name.replace("-", "_"), queue.name):
            weight = env.settings.weights.get(given)
            if weight is None:
                continue
            names = {name.upper(): name for name in env.variables}
            told = [f"{prefix}QUEUE_{given}".upper() for prefix in PREFIXES]
            variable = next((names[name] for name in told if name in names), None)
            origin = variable or env.config.origin_of(told[0]) or ""
            found[queue.name] = Override(weight, Origin("environment" if variable else "file", name=origin))
    for name, weight in (asked or {}).items():
        if weight is not None:
            found[name] = Override(weight, Origin("flag", name="--queues"))
    return found


def _plain(setting: Setting) -> dict[str, Any]:
    origin = setting.origin
    return {
        "key": setting.key,
        "value": setting.value,
        "origin": {
            "kind": origin.kind,
            "file": origin.location.file if origin.location else None,
            "line": origin.location.line if origin.location else None,
            "name": origin.name or None,
        },
    }
