"""What came of jobs that were put through faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobctl_cli import table
from jobctl_cli.output import emit
from jobctl_cli.table import Cell, Column

if TYPE_CHECKING:
    from jobctl.testing.ordeal import Ordeal
    from jobctl_cli.environment import Environment

MEANINGS = {
    "ok": "acknowledged, and done",
    "given up": "ended dead or cancelled; the record says why",
    "lost": "acknowledged, and neither done nor given up",
    "recovered": "never answered, and yet there",
    "absent": "never answered, and not there",
    "refused": "refused, and not there",
    "unexpected": "refused, and yet there",
}
BROKEN = ("lost", "unexpected")


def shape(job: str, ordeal: Ordeal) -> dict[str, Any]:
    """Return it as plain data."""
    from jobctl.testing.accounting import Fate

    account = ordeal.account
    outcomes: dict[str, int] = {}
    for ran in ordeal.ran:
        outcomes[ran.outcome] = outcomes.get(ran.outcome, 0) + 1
    return {
        "job": job,
        "sound": ordeal.is_sound,
        "fates": {fate.value: account.count(fate) for fate in Fate},
        "done_twice": len(account.duplicated),
        "begun_again": len(account.restarted),
        "refused_duplicates": ordeal.refused,
        "outcomes": outcomes,
        "left_over": ordeal.left,
        "lost": account.keys(Fate.LOST),
    }


def show(env: Environment, output: str, job: str, ordeal: Ordeal) -> None:
    """Write it in the form asked for."""
    data = shape(job, ordeal)

    def render() -> str:
        rows: list[list[str | Cell]] = [
            [Cell(fate, "bold red" if count and fate in BROKEN else ""), str(count), MEANINGS[fate]]
            for fate, count in data["fates"].items()
            if count or fate == "lost"
        ]
        rows.append(["done twice", str(data["done_twice"]), "at least once is what is promised: be idempotent"])
        if data["refused_duplicates"]:
            rows.append(["duplicates", str(data["refused_duplicates"]), "not enqueued: a unique lock was held"])
        columns = [Column("JOBS"), Column("COUNT", right=True), Column("MEANING", least=10)]
        counted = ", ".join(f"{count} {name}" for name, count in data["outcomes"].items())
        lines = [table.render(columns, rows, env.out, table.screen_width(env)), "", f"runs: {counted or 'none'}"]
        if ordeal.left:
            lines.append("left over: " + ", ".join(f"{size} in {name}" for name, size in ordeal.left.items()))
        verdict = "ok: every promise was kept" if ordeal.is_sound else env.out("bold red", "FAIL: a promise was broken")
        return "\n".join([*lines, verdict])

    emit(env, output, data, table=render, names=lambda: data["lost"])
