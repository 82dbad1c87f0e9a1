from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl.compiler import load_plan
from jobctl.errors import PayloadError
from jobctl.spec.model import FieldType, PayloadField
from jobctl_cli.job_command import OPTIONS, command_for, reserved
from jobctl_cli.payload_flags import Flag, flags_of, read_payload

names = st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,5})?", fullmatch=True) | st.sampled_from(
    ["in", "at", "queue", "key", "json", "wait", "output", "help", "spec", "debug", "timeout", "no-wait", "unique"]
)


def field(name: str = "x", type: FieldType = FieldType.STRING, **options: Any) -> PayloadField:
    return PayloadField(name=name.replace("-", "_"), flag=name, type=type, **options)


@given(st.lists(names, unique=True, max_size=12), st.sampled_from([FieldType.STRING, FieldType.BOOL]))
def test_no_flag_is_declared_twice(flags: list[str], type: FieldType) -> None:
    found = flags_of([field(name, type) for name in flags], reserved())

    spelled = [name for flag in found for name in (flag.on, flag.off) if name]
    assert len(spelled) == len(set(spelled))
    taken = {"--help", "--debug", "--spec", "--in", "--at", "--wait", "--key", "--unique", "--no-unique", "--output"}
    assert taken.isdisjoint(spelled)


def test_field_named_like_an_option_gets_a_flag_of_its_own() -> None:
    assert [flag.on for flag in flags_of([field("queue"), field("tenant")], reserved())] == [
        "--payload-queue",
        "--tenant",
    ]


def test_booleans_have_both_flags_unless_one_is_taken() -> None:
    first, second = flags_of([field("loud", FieldType.BOOL), field("no-loud")], reserved())

    assert (first.on, first.off) == ("--loud", "")
    assert second.on == "--no-loud"


@pytest.mark.parametrize(
    ("declared", "metavar", "help"),
    [
        (field(help="Whom"), "TEXT", "Whom [required]"),
        (field(type=FieldType.INT, minimum=1, maximum=5, default=2), "INT", "[1 to 5] [default: 2]"),
        (field(type=FieldType.INT, minimum=1, required=False), "INT", "[at least 1]"),
        (field(maximum=10, required=False), "TEXT", "[at most 10 characters]"),
        (field(type=FieldType.DURATION, minimum=60, required=False), "DURATION", "[at least 1m]"),
        (field(type=FieldType.ENUM, choices=("a", "b"), default="a"), "a|b", "[default: a]"),
        (field(type=FieldType.LIST, maximum=3, required=False), "ITEM,...", "[at most 3 items]"),
        (field(secret=True, default="hush"), "TEXT", "[default: ***]"),
        (field(pattern="^a+$", required=False), "TEXT", "[matches ^a+$]"),
        (field(default=""), "TEXT", '[default: ""]'),
        (field(type=FieldType.BOOL, default=False), "TEXT", "[default: false]"),
        (field(type=FieldType.OBJECT, required=False), "JSON", ""),
    ],
)
def test_flag_tells_its_type_bounds_and_default(declared: PayloadField, metavar: str, help: str) -> None:
    flag = Flag(declared, "--x")

    assert (flag.metavar, flag.help) == (metavar, help)


def test_long_choices_stand_in_the_help() -> None:
    choices = tuple(f"choice-number-{n}" for n in range(4))

    flag = Flag(field(type=FieldType.ENUM, choices=choices, required=False), "--x")

    assert flag.metavar == "CHOICE"
    assert flag.help == "[one of choice-number-0, choice-number-1, choice-number-2, choice-number-3]"


@pytest.fixture
def registration(project: Path):
    return load_plan("jobspecs").by_name["greet"]


def read(registration, given: dict[str, Any], base: dict[str, Any] | None = None) -> dict[str, Any]:
    flags = flags_of(registration.payload, reserved())
    return read_payload(
        registration, flags, {flag.field.name: given.get(flag.field.name) for flag in flags}, base or {}
    )


def test_flags_win_over_json(registration) -> None:
    assert read(registration, {"name": "Ada"}, {"name": "Bob", "times": 2}) == {"name": "Ada", "times": 2}


def test_what_is_not_given_is_left_to_the_defaults(registration) -> None:
    assert read(registration, {"name": "Ada"}) == {"name": "Ada"}


def test_all_problems_at_once(registration) -> None:
    with pytest.raises(PayloadError) as caught:
        read(registration, {"times": "x", "kind": "hot"})

    assert [flag for flag, _ in caught.value.problems] == ["--name", "--times", "--kind"]


def test_lists_are_repeated_or_separated_by_commas(registration) -> None:
    tags = field("tags", FieldType.LIST, required=False)
    with_list = replace(registration, payload=(tags,))

    assert read(with_list, {"tags": ["a,b"]}) == {"tags": ["a", "b"]}
    assert read(with_list, {"tags": ["a", "b,c"]}) == {"tags": ["a", "b", "c"]}
    assert read(with_list, {"tags": ['["a, with comma", "b"]']}) == {"tags": ["a, with comma", "b"]}


def test_unique_flag_only_where_the_job_declares_it(project: Path) -> None:
    plan = load_plan("jobspecs")

    def options(job: str) -> set[str]:
        command = command_for(plan.by_name[job], lambda ctx, order: None)
        return {name for param in command.params for name in param.opts}

    assert "--unique" in options("sync")
    assert "--unique" not in options("greet")
    assert {"--in", "--at", "--queue", "--wait"} <= options("greet")


def test_every_option_has_a_help_text() -> None:
    for option in OPTIONS.values():
        assert option.__metadata__[0].help
