"""The table of fields agrees with the model, and its examples are good."""

from __future__ import annotations

import dataclasses

import pytest

from jobctl.spec import fields as tables
from jobctl.spec import load, model
from jobctl.spec.kinds import INVALID
from jobctl.spec.model import Backoff, CatchUp, Cron, JobSpec, PayloadField, Scheduling, Unique
from jobctl.spec.nodes import Problems
from jobctl.spec.sections import Field, Section
from jobctl.spec.source import SourceFile
from jobctl.spec.tree import parse_tree

SECTIONS = {name: value for name, value in vars(tables).items() if isinstance(value, Section)}
FIELDS = [
    pytest.param(section, one, id=f"{name.lower()}.{one.name}")
    for name, section in SECTIONS.items()
    for one in section.fields
]


def read(one: Field, text: str) -> object:
    problems = Problems()
    node = parse_tree(SourceFile("a.yaml", text), problems)
    assert node is not None
    value = one.kind.read(node, one.name, problems)
    assert problems.found == []
    return value


@pytest.mark.parametrize(("section", "one"), FIELDS)
def test_example_is_a_good_value(section: Section, one: Field) -> None:
    assert read(one, one.example) is not INVALID


@pytest.mark.parametrize(("section", "one"), FIELDS)
def test_description_is_sentences(section: Section, one: Field) -> None:
    assert one.description.endswith(".")
    assert one.description[0].isupper() or one.description.startswith("`")


@pytest.mark.parametrize("name", SECTIONS)
def test_no_misnomer_is_a_name_or_stands_for_two_fields(name: str) -> None:
    names = [one for field in SECTIONS[name].fields for one in (field.name, *field.aliases)]
    elsewhere = [one for one, _ in SECTIONS[name].elsewhere]

    assert len(set(names)) == len(names)
    for field in SECTIONS[name].fields:
        assert not set(field.misnomers) & {*names, *elsewhere}


@pytest.mark.parametrize(
    ("section", "owner"),
    [(tables.JOB, JobSpec), (tables.BACKOFF, Backoff), (tables.CRON, Cron), (tables.PAYLOAD_FIELD, PayloadField)],
    ids=["job", "backoff", "cron", "payload"],
)
def test_defaults_are_those_of_the_model(section: Section, owner: type) -> None:
    defaults = {one.name: one.default for one in dataclasses.fields(owner)}

    for one in section.fields:
        if one.default and one.name not in ("backoff", "timezone", "catch_up"):
            assert read(one, one.default) == defaults[one.attribute or one.name], one.name


def test_defaults_written_as_mappings_are_those_of_the_model(tmp_path: object) -> None:
    by_name = {one.name: one for one in (*tables.JOB.fields, *tables.CRON.fields, *tables.SPEC.fields)}

    assert by_name["backoff"].default == "{delay: 10s, factor: 2, max: 1h, jitter: 0.5}"
    assert Backoff() == Backoff(delay_s=10, factor=2, max_s=3600, jitter=0.5)
    assert by_name["timezone"].default == Cron(id="x", expression="@daily").timezone
    assert by_name["catch_up"].default == CatchUp.ONCE == Cron(id="x", expression="@daily").catch_up
    assert by_name["scheduling"].default == Scheduling.WEIGHTED
    assert by_name["queues"].default == f"{{{model.DEFAULT_QUEUE}: 1}}"


def test_attributes_exist_in_the_model() -> None:
    for section, owner in ((tables.JOB, JobSpec), (tables.BACKOFF, Backoff), (tables.UNIQUE, Unique)):
        known = {one.name for one in dataclasses.fields(owner)} | {"timezone", "catch_up"}
        assert {one.attribute or one.name for one in section.fields} <= known


def test_a_spec_made_of_all_examples_is_good(tmp_path: object) -> None:
    from pathlib import Path

    jobs = {one.name: one.example for one in tables.JOB.fields}
    jobs |= {"queue": "default", "payload": "{id: {type: uuid, default: 7c9e6679-7425-40de-944b-e07fc1f90ae7}}"}
    lines = ["version: 1", "jobs:", "  send-mail:", *(f"    {name}: {example}" for name, example in jobs.items())]
    file = Path(str(tmp_path)) / "all.yaml"
    file.write_text("\n".join(lines))

    assert load(file).jobs[0].name == "send-mail"
