"""Log lines of a job."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jobctl_cli.logs import fact
from jobctl_cli.output import emit
from jobctl_cli.palette import LEVELS
from jobctl_cli.text import harmless, harmless_lines

if TYPE_CHECKING:
    from jobctl.inspector.lines import LogLine
    from jobctl_cli.environment import Environment


def show(env: Environment, output: str, lines: Sequence[LogLine], attempt: int | None) -> None:
    """Write the lines to stdout."""
    chosen = _chosen(lines, attempt)
    emit(
        env,
        output,
        [_shape(line) for line in chosen],
        table=lambda: "\n".join(_text(env, line) for line in chosen),
        names=lambda: (harmless(line.message) for line in chosen),
    )
    if not chosen and output == "table":
        env.note("note: no lines; a job writes them with `ctx.log` or any logger, and they last as long as its record")


def show_more(env: Environment, output: str, lines: Sequence[LogLine], attempt: int | None) -> None:
    """Write lines that have come; as JSON or YAML each is a document of its own."""
    import json

    for line in _chosen(lines, attempt):
        match output:
            case "json":
                env.print(json.dumps(_shape(line), ensure_ascii=False, default=str))
            case "yaml":
                from jobctl_cli.output import as_yaml

                env.print("---\n" + as_yaml(_shape(line)))
            case "name":
                env.print(harmless(line.message))
            case _:
                env.print(_text(env, line))
    env.flush()


def _chosen(lines: Iterable[LogLine], attempt: int | None) -> list[LogLine]:
    return [line for line in lines if attempt is None or line.attempt == attempt]


def _text(env: Environment, line: LogLine) -> str:
    at = datetime.fromtimestamp(line.at_ms / 1000).astimezone()
    paint = env.out
    first, *more = harmless_lines(line.message) or [""]
    facts = " ".join(f"{paint('dim', f'{harmless(name)}=')}{fact(found)}" for name, found in line.facts.items())
    level = paint(LEVELS.get(line.level.upper(), ""), f"{line.level:<7}")
    attempt = f"#{line.attempt} " if line.attempt else ""
    head = f"{paint('dim', f'{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03}')} {level} {attempt}{first}"
    more += harmless_lines(line.traceback or "")
    return "\n".join([f"{head}  {facts}" if facts else head, *(paint("dim", f"    {text}") for text in more)])


def _shape(line: LogLine) -> dict[str, Any]:
    return {
        "at": datetime.fromtimestamp(line.at_ms / 1000, UTC).isoformat(timespec="milliseconds"),
        "level": line.level,
        "logger": line.logger,
        "attempt": line.attempt,
        "message": line.message,
        "facts": dict(line.facts),
        "traceback": line.traceback,
    }
