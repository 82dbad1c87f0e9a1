from __future__ import annotations

from pathlib import Path

import pytest

FILE = """\
[contexts.dev]
redis_url = "{url}"

[contexts.prod]
redis_url = "redis://:hush@localhost:1/0"
"""


@pytest.fixture
def contexts(project: Path, redis_url: str) -> None:
    (project / "jobctl.toml").write_text(FILE.format(url=redis_url))


def test_passwords_are_never_shown(contexts: None, offline) -> None:
    for args in (
        ("config", "show", "--context", "prod"),
        ("config", "show", "--context", "prod", "-o", "json"),
        ("config", "contexts"),
        ("config", "contexts", "-o", "yaml"),
        ("top", "--once", "--context=prod"),
    ):
        out = offline(*args)

        assert "hush" not in out.stdout + out.stderr
        assert "redis://:***@localhost:1/0" in out.stdout + out.stderr


def test_show_names_the_origin_of_each_value(contexts: None, offline) -> None:
    out = offline("config", "show", JOBCTL_CONCURRENCY="3")

    assert ["concurrency", "3", "JOBCTL_CONCURRENCY"] in [line.split() for line in out.lines]
    assert ["redis_url", "redis://localhost:1", "REDIS_URL"] in [line.split() for line in out.lines]


def test_show_as_data(contexts: None, offline) -> None:
    data = offline("--context", "prod", "config", "show", "-o", "json").json

    assert data["context"] == "prod"
    assert data["settings"]["redis_url"]["from"] == "jobctl.toml:5"
    assert data["settings"]["lease"] == {"value": None, "from": "default", "variable": "JOBCTL_LEASE"}


def test_contexts_are_listed_with_the_one_in_force(contexts: None, offline) -> None:
    out = offline("config", "contexts", JOBCTL_CONTEXT="dev")

    assert [line.split()[:2] for line in out.lines[1:]] == [["*", "dev"], ["prod", "redis://:***@localhost:1/0"]]
    assert offline("config", "contexts", "-o", "name").lines == ["dev", "prod"]


def test_no_contexts_say_how_to_make_one(project: Path, offline) -> None:
    assert "[contexts.prod]" in offline("config", "contexts").stdout


def test_context_may_stand_anywhere_and_goes_before_the_environment(contexts: None, offline) -> None:
    assert offline("queues", "list").exit_code == 4
    assert offline("queues", "list", "--context", "dev").exit_code == 0
    assert offline("queues", "--context=dev", "list").exit_code == 0


def test_context_without_its_name(offline) -> None:
    out = offline("queues", "list", "--context")

    assert out.exit_code == 2
    assert "`--context` needs a value" in out.stderr


def test_weights_of_the_file_are_told_by_spec_show(project: Path, offline) -> None:
    (project / "jobctl.toml").write_text("[queues]\ncritical = 9\n")

    out = offline("spec", "show", "boom")

    assert out.exit_code == 0, out.stderr
    assert any("9" in line and "jobctl.toml:2" in line for line in out.lines), out.stdout
