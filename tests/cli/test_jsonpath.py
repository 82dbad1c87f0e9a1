from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl_cli.jsonpath import parse, render

JOBS = [
    {"key": "a", "state": "dead", "attempts": 3, "payload": {"id": 7, "odd name": "x"}, "history": [{"error": "one"}]},
    {"key": "b", "state": "queued", "attempts": 0, "payload": {"id": 8}, "history": [], "error": None},
]
PIECES = [
    "{",
    "}",
    ".",
    "[",
    "]",
    "*",
    "range ",
    "end",
    "key",
    "?(@",
    ")",
    "==",
    '"x"',
    "'",
    "1",
    ":",
    "$",
    "@",
    " ",
    "\\",
    "..",
    "-",
]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{[*].key}", "a b"),
        ("{.items[*].key}", "a b"),
        ("{.[*].key}", "a b"),
        ("[0].key", "a"),
        ("{[0].payload.id}", "7"),
        ("{$[-1]['key']}", "b"),
        ("{[0].payload['odd name']}", "x"),
        ("{[0:1].state} and {[1:].state}", "dead and queued"),
        ("{..error}", "one "),
        ("{[*].payload.*}", "7 x 8"),
        ('{range [*]}{.key}{"\\t"}{.state}{"\\n"}{end}', "a\tdead\nb\tqueued\n"),
        ("{range .items[*]}<{.key}{range .history[*]}:{.error}{end}>{end}", "<a:one><b>"),
        ('{[?(@.state=="dead")].key}', "a"),
        ("{[?(@.attempts<1)].key}{[?(@.attempts>'x')].key}", "b"),
        ("{[?(@.history[0])].key}", "a"),
        ("{[*].missing}{[9].key}", ""),
        ("{[0].payload}", '{"id": 7, "odd name": "x"}'),
        ("{[0].history[*].error", None),
    ],
)
def test_templates(template: str, text: str | None) -> None:
    if text is None:
        with pytest.raises(ValueError, match="is not closed"):
            parse(template)
    else:
        assert render(parse(template), JOBS) == text


def test_one_value_needs_no_braces() -> None:
    assert render(parse("payload.id"), JOBS[0]) == "7"
    assert render(parse(".payload.id"), JOBS[0]) == "7"
    assert render(parse("."), 7) == render(parse("{.}"), 7) == "7"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{.key", "character 1: this `{` is not closed"),
        ("{.key.}", ""),
        ("{key}", "character 2: a path should stand here"),
        ("{[x]}", "character 2: `[` goes on with"),
        ("{range [*]}{.key}", "a `range` lacks its `{end}`"),
        ("{end}", "this `end` ends no `range`"),
        ("{[?(@.a==b)]}", "character 10: a text in quotes"),
        ("{[?(@.a==1]}", "a condition ends with"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(template: str, message: str) -> None:
    if not message:
        assert render(parse(template), {"key": 1}) == "1"
        return
    with pytest.raises(ValueError, match="character") as caught:
        parse(template)

    assert message in str(caught.value)


@given(st.one_of(st.text(max_size=30), st.lists(st.sampled_from(PIECES), max_size=12).map("".join)))
def test_any_text_is_a_template_or_told_to_be_none(text: str) -> None:
    try:
        parts = parse(text)
    except ValueError:
        return
    assert isinstance(render(parts, JOBS), str)


def test_ranges_nest_only_so_deep() -> None:
    with pytest.raises(ValueError, match="ranges within each other"):
        parse("{range [*]}" * 5_000)
