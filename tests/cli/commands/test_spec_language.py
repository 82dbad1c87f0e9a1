from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobctl.spec.schema import schema


def test_schema_is_printed(offline) -> None:
    out = offline("spec", "schema")

    assert (out.exit_code, out.stderr) == (0, "")
    assert out.json == schema()


def test_explain_one_key(offline, snapshot) -> None:
    out = offline("spec", "explain", "jobs.backoff")

    assert out.exit_code == 0
    snapshot("spec-explain", out.stdout)


def test_explain_lists_all_keys(offline) -> None:
    out = offline("spec", "explain")

    assert any(line.startswith("jobs.payload.secret ") for line in out.lines)


def test_explain_of_no_key_says_what_was_meant(offline) -> None:
    out = offline("spec", "explain", "jobs.retrys")

    assert out.exit_code == 2
    assert "did you mean `jobs.retries`?" in out.stderr


def test_explain_as_markdown_is_the_language_reference(offline) -> None:
    document = Path(__file__).parents[3] / "docs/specs.md"

    assert offline("spec", "explain", "--markdown").stdout == document.read_text(encoding="utf-8")


@pytest.mark.parametrize("module", ["newjobs", "newshop.jobs"])
def test_new_spec_is_sound_and_runs(jobctl, work, tmp_path: Path, module: str) -> None:
    out = jobctl("spec", "new", "fresh", "--module", module)

    assert (out.exit_code, len(out.lines)) == (0, 3)
    jobctl.variables["JOBCTL_SPEC"] = "fresh"
    check = jobctl("spec", "check", "--strict")
    assert (check.exit_code, check.stderr) == (0, "")
    assert jobctl("enqueue", "send-greeting", "--to", "ada@example.com").exit_code == 0
    assert jobctl("enqueue", "daily-report").exit_code == 0
    work()
    jobs = jobctl("inspect", "-o", "json").json
    assert {job["state"] for job in jobs} == {"complete"}


def test_new_spec_names_its_schema_which_is_there(offline, tmp_path: Path) -> None:
    offline("spec", "new", "fresh", "--module", "newjobs")

    first = (tmp_path / "fresh/jobs.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=./jobspec.schema.json"
    assert json.loads((tmp_path / "fresh/jobspec.schema.json").read_text()) == schema()


def test_new_overwrites_nothing(offline, project: Path) -> None:
    before = (project / "jobspecs/jobs.yaml").read_text()

    out = offline("spec", "new")

    assert (out.exit_code, out.stdout) == (2, "")
    assert "there is already `jobspecs/jobs.yaml`" in out.stderr
    assert (project / "jobspecs/jobs.yaml").read_text() == before
    assert not (project / "jobs.py").exists()


def test_new_wants_the_name_of_a_module(offline) -> None:
    out = offline("spec", "new", "fresh", "--module", "shop/jobs.py")

    assert out.exit_code == 2
    assert "is no module" in out.stderr
