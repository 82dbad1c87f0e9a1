"""Data to stdout in the form that was asked for: `-o table|wide|json|yaml|name|jsonpath=TEMPLATE`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from jobctl_cli.flags import JSONPATH

if TYPE_CHECKING:
    from jobctl_cli.environment import Environment


def emit(
    env: Environment,
    output: str,
    data: Any,
    *,
    table: Callable[[], str],
    names: Callable[[], Iterable[str]],
    wide: Callable[[], str] | None = None,
) -> None:
    """Write data; nothing where the text for people is empty.

    Args:
        env: where to.
        output: one of `flags.FORMATS`, or a template behind `flags.JSONPATH`.
        data: plain values: mappings, lists, texts, numbers, booleans, None.
        table: makes the text for people.
        names: makes what `-o name` shows, a line each.
        wide: makes the text for people with more columns; None = the same as `table`.
    """
    match output:
        case "json":
            env.print(as_json(data))
        case "yaml":
            env.print(as_yaml(data))
        case "name":
            for name in names():
                env.print(name)
        case "wide" if wide is not None:
            if text := wide():
                env.print(text)
        case _ if output.startswith(JSONPATH):
            from jobctl_cli import jsonpath

            shown = jsonpath.render(jsonpath.parse(output[len(JSONPATH) :]), plain(data))
            if shown:
                env.print(shown.removesuffix("\n"))
        case _:
            if text := table():
                env.print(text)


def plain(data: Any) -> Any:
    """Return data as JSON would bring it back: what is not JSON's becomes text."""
    import json

    return json.loads(json.dumps(data, default=str))


def as_json(data: Any) -> str:
    """Return data as JSON, indented."""
    import json

    return json.dumps(data, indent=2, ensure_ascii=False, default=str)


def as_yaml(data: Any) -> str:
    """Return data as YAML that reads back as the same data."""
    import yaml

    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
    return text.rstrip("\n")
