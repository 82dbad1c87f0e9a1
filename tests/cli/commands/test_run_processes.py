"""`jobctl run` under a supervisor: what the command line says; what the supervisor does stands with its own tests."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("flag", ["--processes", "--max-jobs"])
def test_number_below_one_is_refused(offline, flag: str) -> None:
    out = offline("run", flag, "0")

    assert out.exit_code == 2
    assert f"`{flag}`: `0` is not a whole number of 1 or more" in out.stderr


def test_size_without_unit_is_refused(offline) -> None:
    out = offline("run", "--max-rss", "512")

    assert out.exit_code == 2
    assert "`--max-rss`: `512` is not a size; write e.g. `512MiB` or `2GiB`" in out.stderr


def test_variable_is_refused_by_its_name(offline) -> None:
    out = offline("run", JOBCTL_PROCESSES="many")

    assert out.exit_code == 2
    assert "JOBCTL_PROCESSES is `many`" in out.stderr


def test_broken_specs_are_told_once_before_any_process_starts(offline, tmp_path) -> None:
    (tmp_path / "broken.yaml").write_text("version: 1\njobs: 7\n")

    out = offline("run", "--processes", "2", "--spec", str(tmp_path / "broken.yaml"))

    assert out.exit_code == 3
    assert out.stderr.count("error[") == 1


def test_broker_that_is_away_is_told_once_before_any_process_starts(offline) -> None:
    out = offline("run", "--processes", "2", REDIS_URL="redis://localhost:1/0")

    assert out.exit_code == 4
    assert out.stderr.count("error[broker.unreachable]") == 1
