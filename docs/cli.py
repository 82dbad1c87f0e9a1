"""Write the reference of the command line, `docs/cli.md`, from the commands themselves.

    make reference

Every page is what `--help` shows; the keys of the config file come from the table that reads it. A test keeps the file
true.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jobctl_cli.app import load_command
from jobctl_cli.config.keys import KEYS
from jobctl_cli.contents import CONTENTS
from jobctl_cli.environment import Environment
from jobctl_cli.main import main

FILE = Path(__file__).with_name("cli.md")
ROOT = Path(__file__).parents[1]
COLUMNS = 100
EXAMPLE_JOB = ("enqueue", "tenant-init")  # of the shipped specs: the flags of a job are its payload's fields
HEAD = """\
# The command line

Written by `make reference` from the commands themselves: each page is what `--help` shows.
"""
CONFIG = """\
## The config file

`jobctl.toml`, or `[tool.jobctl]` in `pyproject.toml`, in the current folder or the nearest above it; `JOBCTL_CONFIG`
names another. Environment variables go before it, flags before both. `jobctl config show` shows every setting and where
it came from, passwords left out.

```toml
context = "dev"          # unless --context or JOBCTL_CONTEXT says otherwise
spec = "jobspecs"        # paths are relative to this file
concurrency = 20

[queues]                 # weights, before those of the specs
critical = 6

[contexts.dev]
redis_url = ""           # jobctl's own broker, whatever the environment says

[contexts.prod]
redis_url = "rediss://:${PROD_REDIS_PASSWORD}@redis.example.com:6379/0"   # ${NAME}: from the environment
grace = "60s"
```

What a context says goes before the rest of the file. One that is named by hand (`--context prod`) goes before the
environment as well, so that a `REDIS_URL` left in a shell never turns `--context prod` into another broker.

| key | variable | default | |
|---|---|---|---|
"""


def document() -> str:
    """Return the whole reference."""
    parts = [HEAD, contents(), page(())]
    for heading, lines in CONTENTS.items():
        parts.append(f"## {heading}\n")
        for name, _ in lines:
            parts += [page(path) for path in paths(load_command(name), name)]
            parts += [page(EXAMPLE_JOB)] if name == EXAMPLE_JOB[0] else []
    rows = [f"| `{name}` | `{key.variable}` | {key.default} | {key.help} |" for name, key in KEYS.items()]
    rows.append("| `queues.NAME` | `JOBCTL_QUEUE_NAME` | as in the specs | Weight of the queue |")
    parts.append(CONFIG + "\n".join(rows) + "\n")
    return "\n".join(parts)


def contents() -> str:
    """Return the list of all commands with links to their pages."""
    lines = []
    for heading, rows in CONTENTS.items():
        links = (f"[{name}](#jobctl-{name})" for name, _ in rows)
        lines.append(f"- {heading}: {', '.join(links)}")
    return "\n".join([*lines, "- [The config file](#the-config-file)", ""])


def paths(command: Any, *path: str) -> Iterator[tuple[str, ...]]:
    """Yield a command and all in it."""
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from paths(inner, *path, name)


def page(path: tuple[str, ...]) -> str:
    """Return the help page of a command as a section.

    Raises:
        RuntimeError: the command has none.
    """
    out, err = io.StringIO(), io.StringIO()
    variables = {"COLUMNS": str(COLUMNS), "LINES": "24", "JOBCTL_SPEC": "jobspecs"}
    env = Environment(stdin=io.StringIO(), stdout=out, stderr=err, variables=variables)
    with contextlib.chdir(ROOT), contextlib.redirect_stdout(out):
        status = main([*path, "--help"], env)
    if status:
        raise RuntimeError(f"`jobctl {' '.join(path)} --help` ended with {status}: {err.getvalue()}")
    title = " ".join(("jobctl", *path))
    return f"{'###' if path else '##'} {title}\n\n```text\n{out.getvalue().rstrip()}\n```\n"


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")
