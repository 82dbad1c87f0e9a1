"""Every broken spec of the folder `broken` is told as the text beside it says.

After a change of wording: `UPDATE_SNAPSHOTS=1 pytest tests/engine/spec/test_broken.py`, then read the diff.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jobctl.spec import SpecErrors, load

BROKEN = Path(__file__).parent / "broken"
CASES = sorted(path.name for path in BROKEN.iterdir() if path.suffix != ".txt")


def snapshot_of(case: str) -> Path:
    return BROKEN / f"{case.removesuffix('.yaml')}.txt"


@pytest.mark.parametrize("case", CASES)
def test_broken_spec_is_told_as_its_snapshot_says(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BROKEN)

    with pytest.raises(SpecErrors) as raised:
        load(case)

    text = f"{raised.value}\n\n{raised.value.summary}\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        snapshot_of(case).write_text(text, encoding="utf-8")
    assert text == snapshot_of(case).read_text(encoding="utf-8")


def test_every_snapshot_has_its_spec() -> None:
    assert {path.name for path in BROKEN.glob("*.txt")} == {snapshot_of(case).name for case in CASES}


@pytest.mark.parametrize("case", CASES)
def test_every_problem_has_a_code_and_a_caret_inside_its_line(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BROKEN)

    with pytest.raises(SpecErrors) as raised:
        load(case)

    for problem in raised.value.diagnostics:
        assert problem.code.startswith("spec.")
        if problem.location is None:
            assert case == "empty-folder"
            continue
        assert problem.source == "" or problem.location.column <= len(problem.source) + 1
        assert not problem.message.endswith(".")
