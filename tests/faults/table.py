"""The table of what `make chaos` has measured, and its raw results."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobctl.testing.accounting import Account, Fate


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table."""

    fault: str
    account: Account | None
    figures: dict[str, Any]


@dataclass
class Report:
    """Takes the rows of the table."""

    rows: list[Result] = field(default_factory=list)

    def __call__(self, fault: str, account: Account | None = None, **figures: Any) -> None:
        self.rows.append(Result(fault, account, figures))


def lines_of(rows: Sequence[Result]) -> Iterator[str]:
    """Yield the table, a fault a line."""
    yield f"{'fault':<58} {'jobs':>5} {'lost':>5} {'twice':>5}  measured"
    for row in rows:
        of = row.account
        counts = (len(of.fates), of.count(Fate.LOST), len(of.duplicated)) if of else ("", "", "")
        measured = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in row.figures.items())
        yield f"{row.fault:<58} {counts[0]:>5} {counts[1]:>5} {counts[2]:>5}  {measured}"


def write_raw(rows: Sequence[Result], target: Path) -> None:
    """Write the results and the machine they are of, as JSON."""
    raw = []
    for row in rows:
        of = row.account
        fates = {fate.value: of.count(fate) for fate in Fate} if of else {}
        more = {"done_twice": len(of.duplicated), "begun_again": len(of.restarted)} if of else {}
        raw.append({"fault": row.fault, **fates, **more, **row.figures})
    facts = {"python": platform.python_version(), "machine": platform.platform(), "cpus": os.cpu_count()}
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps({**facts, "results": raw}, indent=1) + "\n")
