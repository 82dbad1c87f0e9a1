"""Whatever good spec comes out of a mutation: it can be linted, shown, and compared with the one it came from."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobctl.compiler import check, compile_spec, lint
from jobctl.compiler.diff import diff
from jobctl.compiler.effective import effective
from jobctl.compiler.facts import facts
from jobctl.spec import load

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 3, 1, tzinfo=UTC)
VALUES = [
    "none", "forever", "1s", "7d", "0", "1", "1000", "[]", "{}", "true", "critical", "default", "low", "dead",
    '"@every 1s"', '"0 2 * * *"', '"*/5 * * * * *"', '"0 0 29 2 *"', '"@yearly"', "Europe/Berlin", "skip", "all",
    "{every: '30 2 * * *', timezone: Europe/Berlin, overlap: queue}", "{by: [id]}", "{for: 5m}", "process",
    "{ignore: [no-alert]}", "{token: string}", "{id: {type: list, items: {type: object, fields: {pwd: string}}}}",
]  # fmt: skip


def mutate(text: str, choice: random.Random) -> str:
    """Exchange the values of a few lines, or leave a few lines out."""
    lines = text.splitlines()
    for _ in range(choice.randint(1, 3)):
        at = choice.randrange(len(lines))
        key, colon, _ = lines[at].partition(": ")
        lines[at] = f"{key}{colon}{choice.choice(VALUES)}" if colon and choice.random() < 0.8 else ""
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("path", sorted((ROOT / "jobspecs").glob("*s.yaml")), ids=lambda path: path.stem)
def test_good_mutations_can_be_linted_shown_and_compared(tmp_path: Path, path: Path) -> None:
    choice = random.Random(path.stem)
    folder = tmp_path / "spec"
    folder.mkdir()
    for other in (ROOT / "jobspecs").glob("*.yaml"):
        (folder / other.name).write_text(other.read_text())
    original = facts(compile_spec(load(folder)))
    text, good = path.read_text(), 0

    for _ in range(120):
        (folder / path.name).write_text(mutate(text, choice))
        spec, problems = check(folder, handlers=False)
        if problems:
            continue
        good += 1
        for warning in lint(spec, now=NOW, are_handlers_known=True):
            assert warning.render().startswith("warning[lint.")
        for job in spec.jobs:
            assert all(one.value is not None and str(one.origin) for one in effective(spec, job.name))
        there = json.loads(json.dumps(facts(compile_spec(spec))))
        assert diff(there, there).changes == ()
        forth, back = diff(original, there), diff(there, original)
        assert len(forth.changes) == len(back.changes)

    assert good >= 10
