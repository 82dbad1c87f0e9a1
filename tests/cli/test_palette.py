from __future__ import annotations

from jobctl.records import JobState
from jobctl_cli.palette import CODES, LEVELS, OUTCOMES, STATES, Palette


def test_paints() -> None:
    assert Palette(True)("bold red", "dead") == "\x1b[1;31mdead\x1b[0m"


def test_leaves_text_alone_without_colours_or_style() -> None:
    assert Palette(False)("red", "dead") == "dead"
    assert Palette(True)("", "dead") == "dead"
    assert Palette(True)("red", "") == ""


def test_every_state_has_a_style_that_exists() -> None:
    assert set(STATES) == set(JobState)
    for style in (*STATES.values(), *OUTCOMES.values(), *LEVELS.values()):
        assert set(style.split()) <= set(CODES)
