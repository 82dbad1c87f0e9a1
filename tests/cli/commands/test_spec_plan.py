from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

Change = Callable[[str, str], None]


@pytest.fixture
def change(project: Path) -> Change:
    """Replace a text of the spec."""

    def replace(old: str, new: str) -> None:
        path = project / "jobspecs/jobs.yaml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return replace


def settled(text: str) -> str:
    """Return a text without what differs from run to run."""
    text = re.sub(r"plan [0-9a-f]{16}", "plan 0123456789abcdef", text)
    text = re.sub(r"applied \S+ ago by worker \w+", "applied 5s ago by worker w1", text)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "2026-01-01 12:00:00", text)


def test_broker_on_which_nothing_ran_gets_everything(jobctl, snapshot) -> None:
    out = jobctl("spec", "plan")

    assert (out.exit_code, out.stderr) == (2, "")
    snapshot("spec-plan-first", settled(out.stdout))


def test_plan_that_runs_there_is_the_same(jobctl, work) -> None:
    work()

    out = jobctl("spec", "plan")

    assert out.exit_code == 0
    assert out.lines[-1] == "no changes"
    assert jobctl("spec", "plan", "-o", "json").json["same"] is True


def test_differences_are_told(jobctl, work, change: Change, snapshot) -> None:
    work()
    for n in range(3):
        jobctl("enqueue", "sync", "--id", str(n))
    change("  sync:\n", "  bring-up:\n")
    change("critical: {weight: 6}", "critical: {weight: 8}")
    change('"0 2 * * *"', '"30 4 * * *"')
    change("    retries: 1\n", "    retries: 2\n    timeout: 30s\n")

    out = jobctl("spec", "plan")

    assert (out.exit_code, out.stderr) == (2, "")
    snapshot("spec-plan-differs", settled(out.stdout))


def test_differences_as_json(jobctl, work, change: Change) -> None:
    work()
    jobctl("enqueue", "sync", "--id", "1")
    change("  sync:\n", "  bring-up:\n")

    out = jobctl("spec", "plan", "-o", "json")

    assert out.exit_code == 2
    assert out.json["same"] is False
    assert [(one["verb"], one["name"]) for one in out.json["changes"]] == [("added", "bring-up"), ("removed", "sync")]
    assert out.json["stranded"] == [{"kind": "type", "name": "sync", "count": 1, "is_partial": False}]
    assert out.json["applied"]["fingerprint"] != out.json["fingerprint"]


def test_difference_names(jobctl, work, change: Change) -> None:
    work()
    change("critical: {weight: 6}", "critical: {weight: 8}")

    assert jobctl("spec", "plan", "-o", "name").lines == ["queue/critical"]


def test_without_a_broker_there_is_a_way_out(offline) -> None:
    out = offline("spec", "plan")

    assert out.exit_code == 4
    assert "`--offline` shows the plan without a broker" in out.stderr
    assert offline("spec", "plan", "--offline").exit_code == 0


def test_plan_changes_nothing(jobctl, server) -> None:
    jobctl("spec", "plan")

    assert server.dbsize() == 0
