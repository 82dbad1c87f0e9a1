from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl.inspector.filters import FilterError, JobFilter, parse_filter
from jobctl.inspector.filters.expression import Condition, Expression, Not, Value, all_of, any_of
from jobctl.inspector.filters.fields import FIELDS, Kind, find_field
from jobctl.records import JobState

PIECES = [
    *FIELDS, "payload.id", "payload", "and", "or", "not", "(", ")", "=", "!=", "~", "!~", "<", ">=", ",", '"', "'",
    "\\", " ", "\n", "*", "dead", "1h", "7", "true", "&&", "é", "\x00", "-",
]  # fmt: skip
NAMES = st.sampled_from([*FIELDS, "payload.id", "payload.items.0.name"])
TEXTS = st.text(min_size=1, max_size=8)
WORDS = st.from_regex(r"[a-z0-9][a-z0-9:*._-]{0,6}", fullmatch=True)


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    field = find_field(draw(NAMES))
    assert field is not None
    op = draw(st.sampled_from(field.kind.ops))
    match field.kind:
        case Kind.STATE:
            value = st.sampled_from([Value(state) for state in JobState])
        case Kind.DURATION:
            value = st.just(Value("1h30m"))
        case Kind.NUMBER:
            value = st.integers(-5, 5).map(lambda number: Value(str(number)))
        case Kind.FLAG:
            value = st.sampled_from([Value("true"), Value("false")])
        case _ if op[0] in "<>":
            value = TEXTS.map(lambda text: Value(text, is_quoted=True))
        case _:
            value = TEXTS.map(lambda text: Value(text, is_quoted=True)) | WORDS.map(Value)
    most = 3 if op.strip("!") in ("=", "~") else 1
    return Condition(field.name, op, tuple(draw(st.lists(value, min_size=1, max_size=most))))


EXPRESSIONS: st.SearchStrategy[Expression] = st.recursive(
    conditions(),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: all_of(*parts)),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: any_of(*parts)),
    ),
    max_leaves=6,
)


@given(EXPRESSIONS)
def test_a_filter_survives_being_written_and_read(expression: Expression) -> None:
    assert parse_filter(str(JobFilter(expression))) == JobFilter(expression)


def told(text: str) -> FilterError | None:
    """Return what is wrong with a filter, or None if it is one."""
    try:
        parse_filter(text)
    except FilterError as error:
        return error
    return None


@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=14).map("".join)))
def test_whatever_is_typed_is_a_filter_or_a_diagnostic_within_the_text(text: str) -> None:
    error = told(text)

    if error is None:
        assert parse_filter(str(parse_filter(text))) == parse_filter(text)
    else:
        assert 0 <= error.at <= len(text)
        assert error.width >= 1
        assert "^" in error.diagnostic.render()


@given(EXPRESSIONS.map(str), st.integers(0, 200), st.sampled_from(["", *PIECES]))
def test_a_filter_broken_anywhere_is_told_and_not_raised_over(text: str, at: int, piece: str) -> None:
    error = told(text[:at] + piece + text[at + 1 :])

    assert error is None or error.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(" * 5_000, "more than 50 levels within each other"),
        ("not " * 4_000, "more than 50 levels within each other"),
        ("state=dead and " * 1_300 + "state=dead", None),
        ("x" * 30_000, "the filter has 30,000 characters"),
    ],
)  # fmt: skip
def test_deep_and_long_filters_end_quickly(text: str, message: str | None) -> None:
    error = told(text)

    assert (error and error.message) == message


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", ""),
        ("  state = dead  ", "state=dead"),
        ("state=dead queue=low", "state=dead and queue=low"),
        ("State=dead AND NOT queue=low", "state=dead and not queue=low"),
        ("state=dead, retrying", "state=dead,retrying"),
        ("state=dead or queue=low and age>1h", "state=dead or queue=low and age>1h"),
        ("(state=dead or queue=low) and age>1h", "(state=dead or queue=low) and age>1h"),
        ("((state=dead))", "state=dead"),
        ("not (state=dead queue=low)", "not (state=dead and queue=low)"),
        ("error ~ 'it''s'", None),
        (r"error~'it\'s \"so\"'", r'error~"it\'s \"so\""'.replace(r"\'", "'")),
        ("payload.at>2026-01-31T09:00:00Z", "payload.at>2026-01-31T09:00:00Z"),
        ("payload.url=https://x.org/?a=b", "payload.url=https://x.org/?a=b"),
        ('error=""', 'error=""'),
        ("type=and", "type=and"),
    ],
)
def test_forms(text: str, written: str | None) -> None:
    if written is None:
        with pytest.raises(FilterError):
            parse_filter(text)
    else:
        assert str(parse_filter(text)) == written


@pytest.mark.parametrize(
    ("text", "marked", "message", "hint"),
    [
        ("stat=dead", "stat", "a job has no field `stat`", "did you mean `state`?"),
        ("status=dead", "status", "a job has no field `status`", "did you mean `state`?"),
        ("state=deed", "deed", "`state`: `deed` is no state", "did you mean `dead`?"),
        ("state=dead,,active", ",", "`state=` lacks a value", 'an empty text is written `""`'),
        ("age=1h", "=", "`age` cannot be compared by `=`", "it takes `<`, `<=`, `>` or `>=`"),
        ("age>5", "5", "`age`: `5` is not a duration; write e.g. `500ms`, `30s`, `5m`, `1h30m`, `7d`", None),
        ("attempts>many", "many", "`attempts`: `many` is not a number", None),
        ("attempts>=1,2", ",", "`>=` takes one value", "write `attempts>=1`"),
        ("replayed=yes", "yes", "`replayed`: `yes` is neither `true` nor `false`", None),
        ("dead", "dead", "`dead` is no condition: an operator should follow", "did you mean `state=dead`?"),
        ("state:dead", "state:dead", "`state:dead` is no condition: an operator should follow", "write `state=dead`"),
        ("state=dead && queue=low", "&&", "`&&` is no part of the language", "write `and`"),
        ("state==dead", "==", "there is no operator `==`", "did you mean `=`?"),
        ("state=dead adn queue=low", "adn", "`adn` is no condition: an operator should follow", "did you mean `and`?"),
        ("state=", "=", "`state=` lacks a value", 'an empty text is written `""`'),
        ("(state=dead", "(", "this `(` is not closed", None),
        ("state=dead)", ")", "this `)` closes nothing", None),
        ("state=dead and", "d", "the filter ends where a condition should stand", None),
        ("or state=dead", "or", "a condition should stand before `or`", "write e.g. `state=dead and age<1h`"),
        ('error~"no end', '"', "this text does not end", 'close it with `"`'),
        ("!state=dead", "!", "a condition cannot begin with `!`", "did you mean `not`?"),
        ("payload=7", "payload", "a job has no field `payload`", "did you mean `payload.NAME`?"),
        ("payload.x>a*", "a*", "`payload.x`: `a*` has a wildcard, which nothing is smaller or greater than",
         "quote a literal `*`"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_place_and_a_hint(text: str, marked: str, message: str, hint: str | None) -> None:
    with pytest.raises(FilterError) as caught:
        parse_filter(text)

    error = caught.value
    assert (error.message, error.hint) == (message, hint)
    assert text[error.at : error.at + error.width] == marked
    assert error.exit_code == 2


def test_a_diagnostic_shows_the_line_and_a_caret() -> None:
    with pytest.raises(FilterError) as caught:
        parse_filter("state=dead and\n  stat=active")

    assert caught.value.diagnostic.render() == (
        "error[filter.unknown-field]: a job has no field `stat`\n"
        " --> filter:2:3\n"
        "  |\n"
        "2 |   stat=active\n"
        "  |   ^^^^\n"
        "hint: did you mean `state`?"
    )
