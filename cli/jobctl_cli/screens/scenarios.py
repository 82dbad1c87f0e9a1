"""Scenarios that have been played."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jobctl_cli.output import emit
from jobctl_cli.text import harmless

if TYPE_CHECKING:
    from jobctl.testing.scenarios.model import Played
    from jobctl_cli.environment import Environment


def shape(played: Played) -> dict[str, Any]:
    """Return one as plain data."""
    scenario = played.scenario
    return {
        "name": scenario.name,
        "file": str(scenario.file),
        "line": scenario.line,
        "passed": not played.mismatches,
        "took_s": round(played.took_s, 3),
        "mismatches": [
            {"at_s": one.at_s, "line": one.line, "what": one.what, "expected": one.expected, "got": one.got}
            for one in played.mismatches
        ],
    }


def show_progress(env: Environment, output: str, played: Played) -> None:
    """Write how one ended, as soon as it has; for people only."""
    from jobctl.durations import format_elapsed
    from jobctl.testing.scenarios.report import told

    if output != "table":
        return
    scenario = played.scenario
    word, style = ("FAIL", "bold red") if played.mismatches else ("ok", "green")
    name = harmless(f"{scenario.file}: {scenario.name}")
    env.print(f"{env.out(style, word)}{' ' * (6 - len(word))}{name} ({format_elapsed(played.took_s)})")
    for line in told(played):
        mark = line.lstrip()[:1]
        env.print(f"      {env.out({'-': 'green', '+': 'red'}.get(mark, ''), harmless(line))}")


def show(env: Environment, output: str, played: Sequence[Played]) -> None:
    """Write all of them in the form asked for; for people, the sum."""
    failed = [one for one in played if one.mismatches]

    def render() -> str:
        noun = "scenario" if len(played) == 1 else "scenarios"
        return f"{len(failed)} of {len(played)} {noun} failed" if failed else f"{len(played)} {noun} passed"

    emit(
        env,
        output,
        [shape(one) for one in played],
        table=render,
        names=lambda: [one.scenario.name for one in failed],
    )
