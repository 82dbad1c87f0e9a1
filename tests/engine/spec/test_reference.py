"""Every key can be found and explained; the language reference is up to date."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from jobctl.errors import UsageError
from jobctl.spec.model import LintCode
from jobctl.spec.outline import entries, find
from jobctl.spec.reference import LINT_TEXTS, explain, markdown

DOCUMENT = Path(__file__).parents[3] / "docs/specs.md"


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ("version", "version"),
        ("jobs", "jobs"),
        ("jobs.retries", "jobs.retries"),
        ("jobs.tenant-init.retries", "jobs.retries"),
        ("retries", "jobs.retries"),
        ("defaults.retries", "defaults.retries"),
        ("backoff.jitter", "jobs.backoff.jitter"),
        ("defaults.backoff.jitter", "defaults.backoff.jitter"),
        ("for", "jobs.unique.for"),
        ("jobs.mail.payload.id.min", "jobs.payload.min"),
        ("jobs.mail.payload.type", "jobs.payload.type"),
        ("jobs.type.retries", "jobs.retries"),
        ("queues.critical.weight", "queues.weight"),
        ("jobs.mail.cron[0].timezone", "jobs.cron.timezone"),
        ("type", "jobs.type"),
    ],
)
def test_key_is_found(asked: str, path: str) -> None:
    assert find(asked).path == path


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("jobs.retry", "did you mean `jobs.retries`?"),
        ("dedupe", "did you mean `jobs.unique`?"),
        ("max", "there are `defaults.backoff.max`, `jobs.backoff.max`, `jobs.payload.max`"),
        ("xyzzy", "`jobctl spec explain` lists them all"),
    ],
)
def test_key_that_is_none_or_several_is_told(asked: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        find(asked)

    assert raised.value.hint == hint


@pytest.mark.parametrize("entry", list(entries()), ids=lambda entry: entry.path)
def test_every_key_finds_and_explains_itself(entry: Any) -> None:
    assert find(entry.path).path == entry.path

    text = explain(entry)

    assert text.startswith(f"{entry.path}: ")
    assert entry.field.description in text
    assert entry.field.default in text


def test_every_warning_is_explained() -> None:
    assert set(LINT_TEXTS) == set(LintCode)


def test_language_reference_is_up_to_date() -> None:
    if os.environ.get("UPDATE_SNAPSHOTS"):
        DOCUMENT.write_text(markdown(), encoding="utf-8")

    assert DOCUMENT.read_text(encoding="utf-8") == markdown()
