"""The fingerprint: equal for equal meaning, different for different meaning."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobctl.compiler import compile_spec
from jobctl.spec import Spec, load

DATA: dict[str, Any] = {
    "version": 1,
    "queues": {"critical": 6, "default": 3, "low": 1},
    "hooks": {"error": "shop.alerts:on_error", "startup": "shop.setup:startup"},
    "jobs": {
        "tenant-init": {
            "handler": "shop.tenants:init",
            "queue": "critical",
            "retries": 5,
            "backoff": {"delay": "2s", "factor": 4},
            "unique": {"by": ["id", "lang"], "for": "10m"},
            "payload": {
                "id": {"type": "uuid", "help": "The tenant"},
                "lang": {"type": "enum", "choices": ["en", "de"], "default": "en"},
                "extra": {"type": "object", "fields": {"a": "int", "b": "string"}, "required": False},
            },
            "alert": ["dead", "lost"],
            "tags": ["tenants", "slow"],
        },
        "nightly": {"handler": "shop.tenants:night", "cron": "0 2 * * *", "timeout": "10m"},
        "hourly": {"handler": "shop.tenants:hour", "cron": [{"every": "@hourly", "id": "h"}]},
    },
}


def fingerprint(folder: Path, *files: dict[str, Any]) -> str:
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for index, data in enumerate(files):
        (folder / f"{index}.yaml").write_text(json.dumps(data, indent=1))
    return compile_spec(load(folder)).fingerprint


def shuffled(data: Any, choice: random.Random) -> Any:
    """Return the data with its keys, and its lists that are sets, in another order."""
    if isinstance(data, dict):
        items = [(key, shuffled(value, choice)) for key, value in data.items()]
        choice.shuffle(items)
        return dict(items)
    if isinstance(data, list):
        items = [shuffled(item, choice) for item in data]
        choice.shuffle(items)
        return items
    return data


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_order_of_keys_and_files_does_not_count(tmp_path: Path, seed: int) -> None:
    choice = random.Random(seed)
    jobs = shuffled(DATA["jobs"], choice)
    names = list(jobs)
    cut = choice.randrange(len(names) + 1)
    common = {key: value for key, value in shuffled(DATA, choice).items() if key != "jobs"}
    files: list[dict[str, Any]] = [
        {**common, "jobs": {name: jobs[name] for name in names[:cut]}},
        {"version": 1, "jobs": {name: jobs[name] for name in names[cut:]}},
    ]
    choice.shuffle(files)

    assert fingerprint(tmp_path / "a", *files) == fingerprint(tmp_path / "b", DATA)


def test_comments_quotes_and_spelling_of_durations_do_not_count(spec_of: Callable[..., Spec]) -> None:
    one = spec_of("version: 1\njobs:\n  a: {handler: x:y, timeout: 90s, retries: 3}\n")
    other = spec_of("# A comment.\nversion: 1\njobs:\n\n  'a':\n    handler: \"x:y\"\n    timeout: 1m30s\n")

    assert compile_spec(one).fingerprint == compile_spec(other).fingerprint


def changes() -> list[Any]:
    job = ("jobs", "tenant-init")
    return [
        (("queues", "critical"), 7),
        (("queues", "more"), 1),
        (("scheduling",), "strict"),
        (("hooks", "error"), "shop.alerts:other"),
        ((*job, "handler"), "shop.tenants:other"),
        ((*job, "type"), "tenant:initialize"),
        ((*job, "retries"), 4),
        ((*job, "queue"), "low"),
        ((*job, "backoff", "factor"), 3),
        ((*job, "unique", "by"), ["id"]),
        ((*job, "timeout"), "1m"),
        ((*job, "isolation"), "process"),
        ((*job, "summary"), "Another"),
        ((*job, "payload", "id", "secret"), True),
        ((*job, "payload", "lang", "default"), "de"),
        ((*job, "payload", "extra", "fields", "a"), "float"),
        ((*job, "alert"), ["dead"]),
        (("jobs", "nightly", "cron"), "0 3 * * *"),
        (("jobs", "nightly", "timezone"), "Europe/Berlin"),
        (("jobs", "more"), {"handler": "x:y"}),
    ]


@pytest.mark.parametrize(
    ("path", "value"), changes(), ids=lambda part: ".".join(part) if isinstance(part, tuple) else ""
)
def test_every_change_of_meaning_counts(tmp_path: Path, path: tuple[str, ...], value: object) -> None:
    changed = json.loads(json.dumps(DATA))
    target = changed
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value

    assert fingerprint(tmp_path / "a", changed) != fingerprint(tmp_path / "b", DATA)


def test_weights_from_outside_count(spec_of: Callable[..., Spec]) -> None:
    spec = spec_of("version: 1\njobs:\n  a: {handler: x:y}\n")

    assert compile_spec(spec, weights={"default": 2}).fingerprint != compile_spec(spec).fingerprint


def test_fingerprint_is_16_hex_digits_that_do_not_change_between_runs(tmp_path: Path) -> None:
    value = fingerprint(tmp_path / "a", {"version": 1, "jobs": {"a": {"handler": "x:y"}}})

    assert re.fullmatch("[0-9a-f]{16}", value)
    assert value == fingerprint(tmp_path / "b", {"version": 1, "jobs": {"a": {"handler": "x:y"}}})
