"""Two reports side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jobctl_cli import table
from jobctl_cli.output import emit
from jobctl_cli.table import Cell, Column

if TYPE_CHECKING:
    from jobctl.bench.results import Report
    from jobctl.measure.comparison import Comparison
    from jobctl_cli.environment import Environment

STYLES = {"better": "green", "worse": "bold red", "noise": "dim", "same": "dim", "unknown": "yellow"}
REPEATS = "samples are repeats"
WINDOWS = (
    "samples are ten windows of a single run, where there are no repeats; runs differ by more than their windows: "
    "repeat them (`--repeats 3`)"
)


def show(env: Environment, output: str, before: Report, after: Report) -> Mapping[str, Comparison]:
    """Write the comparison to stdout, what to beware of to stderr, and return it."""
    from jobctl.bench.summary import compare_sides

    found, has_windows = compare_sides(before.sides[0], after.sides[0])
    for text in beware(before, after):
        env.note(f"note: {text}")
    data: dict[str, Any] = {
        "before": {"began_at": before.began_at, "scenario": before.scenario.name},
        "after": {"began_at": after.began_at, "scenario": after.scenario.name},
        "basis": basis(has_windows),
        "figures": {name: shape(one) for name, one in found.items()},
    }
    emit(env, output, data, table=lambda: render(env, found, has_windows), names=lambda: iter(found))
    return found


def shape(one: Comparison) -> dict[str, Any]:
    """Return a comparison as plain values."""
    return {
        "before": one.before,
        "after": one.after,
        "ratio": one.ratio,
        "interval": None if one.low is None else [one.low, one.high],
        "outcome": one.outcome.value,
    }


def basis(has_windows: bool) -> str:
    """Return what the samples were, and what that means."""
    return f"95 % intervals; {WINDOWS if has_windows else REPEATS}"


def beware(before: Report, after: Report) -> list[str]:
    """Return what makes two reports hard to compare."""
    said = []
    if before.scenario != after.scenario:
        said.append("the scenarios differ, or their numbers do")
    if before.setup != after.setup:
        names = {**before.setup, **after.setup}
        changed = [name for name in names if before.setup.get(name) != after.setup.get(name)]
        said.append(f"the setups differ: {', '.join(changed)}")
    stable = ("processor", "cores", "memory", "system", "Python")
    if changed := [name for name in stable if before.machine.get(name) != after.machine.get(name)]:
        said.append(f"the machines differ: {', '.join(changed)}")
    if before.stopped or after.stopped:
        said.append("one of the runs did not go to its end")
    return said


def render(env: Environment, found: Mapping[str, Comparison], has_windows: bool) -> str:
    """Return the comparison as a table."""
    from jobctl.bench.summary import unit_of

    columns = [
        Column("FIGURE"),
        Column("BEFORE", right=True),
        Column("AFTER", right=True),
        Column("RATIO", right=True),
        Column("95 %", right=True),
        Column(""),
    ]
    rows: list[list[str | Cell]] = []
    for name, one in found.items():
        write = unit_of(name).write
        rows.append(
            [
                name,
                write(one.before),
                write(one.after),
                "-" if one.ratio is None else f"{one.ratio:.3f}",
                one.interval,
                Cell(one.outcome.value, STYLES[one.outcome.value]),
            ]
        )
    shown = table.render(columns, rows, env.out, table.screen_width(env), is_dense=True)
    return f"{shown}\n\n{basis(has_windows)}"
