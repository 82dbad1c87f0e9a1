"""The JSON Schema takes every good spec, and refuses every broken one that it can know of."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobctl.spec import SpecErrors, load
from jobctl.spec.outline import entries
from jobctl.spec.schema import schema

_found = importlib.util.spec_from_file_location("schema_check", Path(__file__).parent / "schema_check.py")
schema_check = importlib.util.module_from_spec(_found)
_found.loader.exec_module(schema_check)

ROOT = Path(__file__).parents[3]
BROKEN = Path(__file__).parent / "broken"
SHIPPED = sorted([*(ROOT / "jobspecs").rglob("*.yaml"), *(ROOT / "loadtests").rglob("*.yaml")])
# Faults that need two keys, two files, a time zone, or how a value was written: not for a schema.
INVISIBLE = {
    "spec.alias-bomb",
    "spec.ambiguous",
    "spec.bad-bounds",
    "spec.bad-pattern",
    "spec.bad-time",
    "spec.bad-timezone",
    "spec.duplicate-key",
    "spec.duplicate-schedule",
    "spec.duplicate-type",
    "spec.misplaced-key",
    "spec.missing-field",
    "spec.no-cron",
    "spec.no-jobs",
    "spec.slots",
    "spec.unknown-field",
    "spec.unknown-queue",
    "spec.unknown-scope",
}
BEYOND = {"payload-defaults"}  # values of payloads: they are checked by what the payload itself declares


class Loader(yaml.SafeLoader):
    """YAML without dates, as YAML 1.2 and the editors read it."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def faults(document: Any) -> list[str]:
    root = schema()
    return list(schema_check.faults(document, root, root))


def read(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader)


def broken_and_visible() -> Iterator[Path]:
    for path in sorted(BROKEN.glob("*.yaml")):
        try:
            read(path)
            load(path)
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
            continue
        except SpecErrors as error:
            if {one.code for one in error.diagnostics} - INVISIBLE and path.stem not in BEYOND:
                yield path


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_spec_fits(path: Path) -> None:
    assert faults(read(path)) == []


@pytest.mark.parametrize("path", list(broken_and_visible()), ids=lambda path: path.stem)
def test_broken_spec_is_refused(path: Path) -> None:
    assert faults(read(path))


def test_many_broken_specs_are_within_the_schemas_sight() -> None:
    assert len(list(broken_and_visible())) >= 30


def test_every_field_is_described_and_says_its_default() -> None:
    root = schema()
    sections = [root, *root["definitions"].values()]
    told = {name: one for section in sections for name, one in section["properties"].items()}

    assert all(one["description"] for one in told.values())
    assert all(one["examples"] for one in told.values())
    for entry in entries():
        assert entry.field.name in told
    assert told["retries"]["default"] == 3
    assert told["backoff"]["default"] == {"delay": "10s", "factor": 2, "max": "1h", "jitter": 0.5}


@pytest.mark.parametrize("entry", list(entries()), ids=lambda entry: entry.path)
def test_example_of_a_key_fits(entry: Any) -> None:
    root = schema()
    section = root
    for name in entry.path.split(".")[:-1]:
        below = section["properties"][name]
        reference = next(one for one in _references(below))
        section = root["definitions"][reference.rpartition("/")[2]]

    told = section["properties"][entry.field.name]

    assert list(schema_check.faults(told["examples"][0], told, root)) == []
    if "default" in told:
        assert list(schema_check.faults(told["default"], told, root)) == []
    assert entry.field.default == "" or "default" in told or f"Default: {entry.field.default}." in told["description"]


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"]
        for below in schema.values():
            yield from _references(below)
    elif isinstance(schema, list):
        for below in schema:
            yield from _references(below)


@pytest.mark.parametrize(
    "text",
    [
        "{version: 2}",
        "{version: 1, jobs: {a: {handler: 'x:y', retries: -1}}}",
        "{version: 1, jobs: {a: {handler: 'x:y', payload: {id: {type: uid}}}}}",
        "{version: 1, jobs: {a: {handler: 'x:y', payload: {id: {fields: {b: {}}, type: object}}}}}",
        "{version: 1, queues: {Critical: 1}}",
        "{version: 1, jobs: {a: {handler: 'x:y', lint: {ignore: [nothing]}}}}",
        "{version: 1, colour: blue}",
    ],
)
def test_faults_deep_inside_are_seen(text: str) -> None:
    assert faults(yaml.safe_load(text))


def test_extensions_are_free() -> None:
    assert faults({"version": 1, "x-notes": {"any": ["thing"]}}) == []
