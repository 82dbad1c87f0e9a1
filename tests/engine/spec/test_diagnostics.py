"""Problems as text."""

from __future__ import annotations

import pytest

from jobctl.errors import Location
from jobctl.spec import Diagnostic, SpecErrors
from jobctl.spec.diagnostics import SHOWN_PROBLEMS, quote


def diagnostic(source: str, column: int, width: int, line: int = 7) -> Diagnostic:
    place = Location("jobspecs/mail.yaml", line, column)
    return Diagnostic(code="spec.x", message="it is wrong", location=place, source=source, width=width)


def carets(problem: Diagnostic) -> tuple[str, str]:
    lines = problem.render().splitlines()
    return lines[3].partition(" | ")[2], lines[4].partition(" | ")[2]


def test_layout_with_everything() -> None:
    problem = Diagnostic(
        code="spec.unknown-queue",
        message="job `mail.send` names queue `mial`, which is not declared",
        location=Location("jobspecs/mail.yaml", 7, 12),
        hint="did you mean `mail`?",
        source="    queue: mial",
        width=4,
        label="no such queue",
        related=((Location("jobspecs/queues.yaml", 2, 3), "queues are declared here"),),
    )

    assert problem.render() == (
        "error[spec.unknown-queue]: job `mail.send` names queue `mial`, which is not declared\n"
        " --> jobspecs/mail.yaml:7:12\n"
        "  |\n"
        "7 |     queue: mial\n"
        "  |            ^^^^ no such queue\n"
        "note: jobspecs/queues.yaml:2:3: queues are declared here\n"
        "hint: did you mean `mail`?"
    )


def test_without_place_only_header_and_hint() -> None:
    problem = Diagnostic(code="spec.not-found", message="no file `x`", hint="give another")

    assert problem.render() == "error[spec.not-found]: no file `x`\nhint: give another"


def test_margin_grows_with_the_line_number() -> None:
    assert diagnostic("a: b", 4, 1, line=1234).render().splitlines()[1:] == [
        "    --> jobspecs/mail.yaml:1234:4",
        "     |",
        "1234 | a: b",
        "     |    ^",
    ]


def test_caret_stands_under_its_word_behind_a_tab() -> None:
    assert carets(diagnostic("\ta: bad", 5, 3)) == (" a: bad", "    ^^^")


def test_caret_counts_wide_and_combining_characters_as_terminals_do() -> None:
    shown, caret = carets(diagnostic("通: e\u0301 bad", 7, 3))

    assert shown == "通: e\u0301 bad"
    assert caret == " " * 6 + "^^^"


def test_long_line_is_shown_around_the_caret() -> None:
    line = "a" * 300 + "BAD" + "b" * 300

    shown, caret = carets(diagnostic(line, 301, 3))

    assert len(shown) < 110
    assert shown[caret.index("^") : caret.rindex("^") + 1] == "BAD"
    assert shown.startswith("...")
    assert shown.endswith("...")


@pytest.mark.parametrize("column", [1, 4, 5, 99])
@pytest.mark.parametrize("width", [1, 50])
def test_caret_never_leaves_its_line(column: int, width: int) -> None:
    shown, caret = carets(diagnostic("abcd", column, width))

    assert len(caret) <= len(shown) + 1
    assert "^" in caret


def test_escape_sequences_never_reach_the_terminal() -> None:
    text = diagnostic("a: \x1b[31mred", 4, 3).render()

    assert "\x1b" not in text


def test_quoted_values_are_short_and_harmless() -> None:
    assert quote("a\x1b[31m\nb") == "`a\\x1b[31m\\nb`"
    assert len(quote("x" * 1000)) < 80


def test_text_of_very_many_problems_ends() -> None:
    error = SpecErrors([diagnostic("a: b", 4, 1)] * (SHOWN_PROBLEMS + 5))

    assert str(error).endswith("... and 5 more")
    assert len(error.diagnostics) == SHOWN_PROBLEMS + 5
