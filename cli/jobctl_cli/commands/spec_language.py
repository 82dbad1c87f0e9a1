"""`jobctl spec schema`, `jobctl spec explain` and `jobctl spec new`: the language of specs itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.flags import reads

if TYPE_CHECKING:
    from jobctl_cli.environment import Environment

SCHEMA_EXAMPLES = """
    jobctl spec schema > jobspecs/jobspec.schema.json
"""
EXPLAIN_EXAMPLES = """
    jobctl spec explain                          # all keys
    jobctl spec explain jobs.retries
    jobctl spec explain backoff.jitter
"""
NEW_EXAMPLES = """
    jobctl spec new                              # jobspecs/jobs.yaml, handlers in jobs.py
    jobctl spec new --module shop.jobs
"""


def schema(ctx: typer.Context) -> None:
    """Write the JSON Schema of specs, for editors.

    It is made from the same table as all messages and documents, and needs no network. An editor reads it where a
    spec begins with `# yaml-language-server: $schema=./jobspec.schema.json`. It knows what one file can show;
    `jobctl spec check` knows the rest.
    """
    from jobctl.spec.schema import schema as make
    from jobctl_cli.output import as_json

    env: Environment = ctx.obj
    env.print(as_json(make()))


def explain(
    ctx: typer.Context,
    *,
    key: Annotated[
        str | None, typer.Argument(metavar="KEY", help="Such as jobs.retries; left out, all keys are listed")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Write the whole reference as Markdown")] = False,
) -> None:
    """Say what a key of a spec means: what it takes, its default, an example.

    The beginning of a key may be left out where one key ends so, and names may stand in it:
    `jobs.tenant-init.retries`.
    """
    from jobctl.spec import outline, reference
    from jobctl_cli import table
    from jobctl_cli.table import Column

    env: Environment = ctx.obj
    if markdown:
        env.print(reference.markdown().rstrip("\n"))
    elif key is not None:
        env.print(reference.explain(outline.find(key)))
    else:
        rows = [[entry.path, entry.field.default, entry.field.description] for entry in outline.entries()]
        columns = [Column("KEY"), Column("DEFAULT", least=7), Column("MEANING", least=20)]
        env.print(table.render(columns, rows, env.out, table.screen_width(env)))


def _module(value: str) -> str:
    if not all(part.isidentifier() for part in value.split(".")):
        raise ValueError(f"`{value}` is no module; write e.g. `shop.jobs`")
    return value


def new(
    ctx: typer.Context,
    *,
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Where the spec is written")] = "jobspecs",
    module: Annotated[
        str,
        typer.Option(
            "--module", metavar="MODULE", help="Module for the handlers, from this folder", callback=reads(_module)
        ),
    ] = "jobs",
) -> None:
    """Write a spec to begin with, its handlers, and the schema for editors.

    Nothing is overwritten: where one of the files exists, none is written.
    """
    from pathlib import Path

    from jobctl.errors import UsageError
    from jobctl.spec import schema as schemas
    from jobctl.spec import starter
    from jobctl_cli.output import as_json

    env: Environment = ctx.obj
    files = {
        Path(folder) / starter.SPEC_FILE: starter.spec_text(folder, module),
        Path(folder) / schemas.FILE_NAME: as_json(schemas.schema()) + "\n",
        starter.module_file(module): starter.handlers_text(folder),
    }
    if taken := [str(path) for path in files if path.exists()]:
        hint = "give another folder or `--module`, or move it away"
        raise UsageError(f"there is already `{taken[0]}`", hint=hint, code="spec.exists")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        env.print(str(path))
    shown = "" if folder == env.settings.spec else f" --spec {folder}"
    env.note(f"\nnext: jobctl spec check {folder}\n      jobctl run{shown}")
