from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl_cli import text

lines = st.text(max_size=60)


@given(lines, st.integers(min_value=1, max_value=40))
def test_clipped_text_fits(line: str, limit: int) -> None:
    assert text.columns(text.clip(line, limit)) <= limit


@given(lines)
def test_text_that_fits_is_not_clipped(line: str) -> None:
    assert text.clip(line, text.columns(line)) == line


@given(lines)
def test_harmless_text_is_printable_and_one_line(line: str) -> None:
    assert text.harmless(line).isprintable()


@given(st.text(alphabet=st.characters(categories=["L", "N", "Zs"]), max_size=80), st.integers(5, 30))
def test_wrapping_keeps_all_words_in_order(line: str, width: int) -> None:
    wrapped = text.wrap(line, width)

    assert " ".join(wrapped).split() == line.split()
    assert all(text.columns(each) <= width or " " not in each for each in wrapped)


@given(lines, st.integers(0, 40), st.booleans())
def test_padded_text_is_at_least_as_wide(line: str, width: int, right: bool) -> None:
    assert text.columns(text.pad(line, width, right=right)) == max(width, text.columns(line))


def test_escape_sequences_do_not_reach_the_terminal() -> None:
    assert text.harmless("\x1b]0;title\x07") == "\\x1b]0;title\\x07"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        ("Traceback (most recent call last):\n  File\nValueError: no\n", "ValueError: no"),
        ("first\nsecond", "first"),
        ("\n", ""),
        ('Traceback (most recent call last):\n  File "a.py"\n    f()\nValueError: one\ntwo', "ValueError: one"),
        ("Traceback\n  a\nKeyError: 1\n\nDuring handling:\n\nTraceback\n  b\nOSError: down", "OSError: down"),
        ("Traceback (most recent call last):", "Traceback (most recent call last):"),
    ],
)
def test_gist_is_the_line_that_tells_the_error(error: str, line: str) -> None:
    assert text.gist(error) == line


def test_plurals() -> None:
    assert [text.plural(n, "job") for n in (0, 1, 1200)] == ["0 jobs", "1 job", "1,200 jobs"]
