from __future__ import annotations

import pytest

from jobctl.compiler.plan import Plan
from jobctl.inspector.filters import parse_filter
from jobctl.inspector.filters.matching import Facts
from jobctl.inspector.filters.planning import exact_keys, plan_indexes

NOW_MS = 1_700_000_000_000


def read(text: str, plan: Plan | None = None) -> dict[str, str | None]:
    """Index -> what remains to be asked of its records."""
    found = plan_indexes(parse_filter(text), ["default", "low"], Facts(NOW_MS, plan))
    return {each.name: None if each.rest is None else str(each.rest) for each in found}


@pytest.mark.parametrize(
    ("text", "indexes"),
    [
        ("state=dead", {"default:dead": None, "low:dead": None}),
        ("state=dead queue=low", {"low:dead": None}),
        ("state=dead and queue!=low", {"default:dead": None}),
        ("state=active and state=dead", {}),
        ("queue=none", {}),
        ("state=dead queue=l* type=x", {"low:dead": "type=x"}),
        ("state=dead and (queue=low or type=x)", {"default:dead": "type=x", "low:dead": None}),
        ("(state=dead and queue=low) or (state=active and type=x)",
         {"default:active": "type=x", "low:active": "type=x", "low:dead": None}),
        ("not (state!=dead or queue=default)", {"low:dead": None}),
        ("state=dead queue=low replayed=true", {"low:replayed": None}),
        ("state=dead queue=low replayed=true,false", {"low:dead": None, "low:replayed": None}),
        ("state=queued queue=low replayed=false", {"low:queued": None}),
        ("state=queued replayed=true", {}),
        ("state=complete queue=low replayed=true", {"low:complete": "replayed=true"}),
    ],
)  # fmt: skip
def test_only_the_indexes_that_may_hold_matches_are_read(text: str, indexes: dict[str, str | None]) -> None:
    assert read(text) == indexes


def test_every_index_is_read_where_nothing_is_asked() -> None:
    assert len(read("")) == 14
    assert set(read("").values()) == {None}


def test_an_age_bounds_what_is_read_of_the_ended() -> None:
    (dead, waiting) = plan_indexes(
        parse_filter("state=dead,queued and age>1m and age<=1h and (age>1s or type=x)"), ["low"], Facts(NOW_MS)
    )[::-1]

    assert (dead.lowest, dead.highest) == (NOW_MS - 3_600_000, NOW_MS - 60_001)
    assert str(dead.rest) == "age>1s or type=x"
    assert (waiting.lowest, waiting.highest) == (float("-inf"), float("inf"))


def test_an_age_that_need_not_hold_bounds_nothing() -> None:
    (dead,) = plan_indexes(parse_filter("state=dead and (age>1m or type=x)"), ["low"], Facts(NOW_MS))

    assert (dead.lowest, dead.highest) == (float("-inf"), float("inf"))


@pytest.mark.parametrize(
    ("text", "needles"),
    [
        ("type=mail:send", [{b"mail:send"}]),
        ("type=mail-send", [{b"mail:send", b"mail-send"}]),
        ("type=a,b payload.to=x@y.z", [{b"a", b"b"}, {b"x@y.z"}]),
        ("payload.id=a or payload.id=b", [{b"a", b"b"}]),
        ("payload.id=a or attempts>1", []),
        ("type=mail:* payload.id=7 payload.to=*a", []),
        ("type!=x not type=y payload.to!=z", []),
        ("payload.id=true,x payload.name='größe' payload.path='a/b'", []),
        ('payload.id="7"', [{b"7"}]),
    ],
)
def test_needles_are_what_every_matching_record_holds(text: str, needles: list[set[bytes]], plan: Plan) -> None:
    index, *_ = plan_indexes(parse_filter(text), ["low"], Facts(NOW_MS, plan))

    assert [set(each) for each in index.needles] == needles


@pytest.mark.parametrize(
    ("text", "keys"),
    [("key=a", ("a",)), ("key=a,b age>1s", ("a", "b")), ("key=a*", None), ("key=a or key=b", None), ("key!=a", None)],
)  # fmt: skip
def test_keys_named_in_full_need_no_index(text: str, keys: tuple[str, ...] | None) -> None:
    assert exact_keys(parse_filter(text)) == keys
