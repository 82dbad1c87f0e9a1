"""What a filter reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jobctl_cli import table
from jobctl_cli.moments import clock, iso
from jobctl_cli.output import emit
from jobctl_cli.table import Column

if TYPE_CHECKING:
    from jobctl.inspector.filters.planning import IndexPlan
    from jobctl.inspector.listing import Reading
    from jobctl_cli.environment import Environment

COLUMNS = (Column("INDEX"), Column("ENTRIES", right=True), Column("BETWEEN"), Column("ASKED OF THE RECORDS", least=12))


def show(env: Environment, output: str, readings: Sequence[Reading]) -> None:
    """Write the indexes that are read, in the form asked for."""
    data = [_shape(reading) for reading in readings]

    def render() -> str:
        rows = [
            [each["index"] or "(by key)", f"{each['entries']:,}", _between(reading.index), each["asked"] or ""]
            for each, reading in zip(data, readings, strict=True)
        ]
        return (
            table.render(COLUMNS, rows, env.out, table.screen_width(env))
            if rows
            else "nothing is read: no job can match"
        )

    emit(env, output, data, table=render, names=lambda: (each["index"] for each in data if each["index"]))


def _shape(reading: Reading) -> dict[str, Any]:
    index = reading.index
    bounds = _bounds(index)
    return {
        "index": None if index is None else index.key,
        "entries": reading.entries,
        "from": iso(bounds[0] or 0),
        "to": iso(bounds[1] or 0),
        "asked": None if reading.rest is None else str(reading.rest),
    }


def _bounds(index: IndexPlan | None) -> tuple[float | None, float | None]:
    """Return between which ends the jobs lie, ms since the epoch; only the ended are kept by the time of their end."""
    if index is None or not index.state.is_final:
        return None, None
    lowest, highest = index.lowest, index.highest
    return None if lowest == float("-inf") else lowest, None if highest == float("inf") else highest


def _between(index: IndexPlan | None) -> str:
    first, last = _bounds(index)
    texts = [f"{word} {clock(ms)}" for word, ms in (("from", first), ("to", last)) if ms is not None]
    return " ".join(texts)
