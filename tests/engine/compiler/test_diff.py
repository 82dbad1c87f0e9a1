"""The difference between two plans, and the facts they are compared by."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl.compiler import compile_spec
from jobctl.compiler.diff import Change, Difference, FieldChange, diff
from jobctl.compiler.facts import facts
from jobctl.spec import Spec

SpecOf = Callable[..., Spec]

SPEC = """
version: 1
queues: {critical: 6, default: 3}
hooks: {error: shop.hooks:on_error}
jobs:
  send-mail:
    handler: shop.mail:send
    payload: {id: uuid, limit: {type: int, default: 5, max: 9}, tags: {type: list, items: string}}
  clean-up:
    type: clean:up
    handler: shop.clean:run
    cron: "0 2 * * *"
"""


@pytest.fixture
def facts_of(spec_of: SpecOf) -> Callable[[str], dict[str, Any]]:
    """Return the facts of a spec's text as the broker gives them back."""
    return lambda text: json.loads(json.dumps(facts(compile_spec(spec_of(text)))))


@pytest.fixture
def diff_of(facts_of: Callable[[str], dict[str, Any]]) -> Callable[..., Difference]:
    """Compare the spec above with itself after replacements."""

    def compare(*replacements: tuple[str, str]) -> Difference:
        text = SPEC
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        return diff(facts_of(SPEC), facts_of(text))

    return compare


def test_same_plan_has_no_difference(diff_of: Callable[..., Difference]) -> None:
    assert diff_of() == Difference((), (), ())


def test_without_a_plan_everything_is_added(facts_of: Callable[[str], dict[str, Any]]) -> None:
    found = diff(None, facts_of(SPEC))

    assert {(one.verb, one.kind, one.name) for one in found.changes} == {
        ("added", "queue", "critical"),
        ("added", "queue", "default"),
        ("added", "job", "send-mail"),
        ("added", "job", "clean-up"),
        ("added", "schedule", "clean-up"),
        ("added", "hook", "error"),
    }


@pytest.mark.parametrize(
    ("old", "new", "kind", "name", "field"),
    [
        ("critical: 6", "critical: 8", "queue", "critical", FieldChange("weight", 6, 8)),
        ("handler: shop.mail:send", "handler: shop.mail:post", "job", "send-mail",
         FieldChange("handler", "shop.mail:send", "shop.mail:post")),
        ("shop.mail:send\n", "shop.mail:send\n    retries: 5\n", "job", "send-mail", FieldChange("retries", 3, 5)),
        ("shop.mail:send\n", "shop.mail:send\n    backoff: {max: 2h}\n", "job", "send-mail",
         FieldChange("backoff.max_s", 3600, 7200)),
        ("max: 9", "max: 8", "job", "send-mail", FieldChange("payload.limit.maximum", 9, 8)),
        ("items: string", "items: int", "job", "send-mail", FieldChange("payload.tags.items.type", "string", "int")),
        ("shop.mail:send\n", "shop.mail:send\n    alert: dead\n", "job", "send-mail",
         FieldChange("alert", None, ["dead"])),
        ('"0 2', '"0 3', "schedule", "clean-up", FieldChange("expression", "0 2 * * *", "0 3 * * *")),
        ("hooks:on_error", "hooks:failed", "hook", "error",
         FieldChange("function", "shop.hooks:on_error", "shop.hooks:failed")),
        ("version: 1\n", "version: 1\nscheduling: strict\n", "scheduling", "",
         FieldChange("scheduling", "weighted", "strict")),
    ],
)  # fmt: skip
def test_changed_value_is_named(
    diff_of: Callable[..., Difference], old: str, new: str, kind: str, name: str, field: FieldChange
) -> None:
    assert diff_of((old, new)).changes == (Change("changed", kind, name, (field,)),)


def test_renamed_job_is_removed_and_added_and_its_type_disappears(diff_of: Callable[..., Difference]) -> None:
    found = diff_of(("send-mail:", "send-letter:"))

    assert [(one.verb, one.name) for one in found.of("job")] == [("added", "send-letter"), ("removed", "send-mail")]
    assert found.lost_types == ("send-mail",)


def test_type_that_changes_disappears(diff_of: Callable[..., Difference]) -> None:
    assert diff_of(("type: clean:up", "type: clean:all")).lost_types == ("clean:up",)


def test_job_that_keeps_its_type_under_another_name_loses_none(diff_of: Callable[..., Difference]) -> None:
    assert diff_of(("clean-up:", "tidy-up:")).lost_types == ()


def test_queue_that_goes_is_named(diff_of: Callable[..., Difference]) -> None:
    found = diff_of(("critical: 6, ", ""))

    assert found.of("queue", "removed") == [Change("removed", "queue", "critical")]
    assert found.lost_queues == ("critical",)


def test_order_and_places_are_no_difference(diff_of: Callable[..., Difference]) -> None:
    swapped = ("{critical: 6, default: 3}", "{default: 3, critical: 6}")

    assert diff_of(swapped, ("version: 1", "# a comment\nversion: 1")).changes == ()


SECRET = """
version: 1
jobs:
  call:
    handler: shop.api:call
    payload: {token: {type: string, secret: true, default: hunter2}}
    cron: {every: "@daily", payload: {token: s3cret}}
"""


def test_secrets_are_not_among_the_facts(facts_of: Callable[[str], dict[str, Any]]) -> None:
    text = json.dumps(facts_of(SECRET))

    assert "hunter2" not in text
    assert "s3cret" not in text


def test_changed_secret_is_told_without_its_value(facts_of: Callable[[str], dict[str, Any]]) -> None:
    found = diff(facts_of(SECRET), facts_of(SECRET.replace("s3cret", "n3w")))

    assert found.changes == (Change("changed", "secret", ""),)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
THINGS = st.dictionaries(st.text(max_size=3), st.dictionaries(st.text(max_size=3), JSON, max_size=3), max_size=3)


def plan(queues: Any, schedules: Any) -> dict[str, Any]:
    return {"queues": queues, "jobs": {}, "schedules": schedules, "hooks": {}, "scheduling": "weighted"} | {
        "fingerprint": "same"
    }


@given(THINGS, THINGS, THINGS, THINGS)
def test_differences_mirror_each_other(a: Any, b: Any, c: Any, d: Any) -> None:
    one, other = plan(a, b), plan(c, d)

    there, back = diff(one, other).changes, diff(other, one).changes

    turned = {"added": "removed", "removed": "added", "changed": "changed"}
    assert {(turned[x.verb], x.kind, x.name) for x in there} == {(x.verb, x.kind, x.name) for x in back}
    assert diff(one, one).changes == ()
