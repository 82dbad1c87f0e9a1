from __future__ import annotations


def values(out) -> dict[str, tuple[str, str]]:
    """Return key -> (value, origin) of the table."""
    rows = [line.split("  ") for line in out.lines[1:]]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    return {row[0]: (row[1] if len(row) > 2 else "", row[-1]) for row in cells}


def test_job_in_force(offline, snapshot) -> None:
    out = offline("spec", "show", "boom")

    assert (out.exit_code, out.stderr) == (0, "")
    snapshot("spec-show", out.stdout)


def test_weight_of_the_environment_names_its_variable(offline) -> None:
    out = offline("spec", "show", "boom", JOBCTL_QUEUE_CRITICAL="9")

    assert values(out)["queues.critical.weight"] == ("9", "JOBCTL_QUEUE_CRITICAL")


def test_weight_of_a_flag_comes_before_that_of_the_environment(offline) -> None:
    out = offline("spec", "show", "boom", "--queues", "critical=5", JOBCTL_QUEUE_CRITICAL="9")

    assert values(out)["queues.critical.weight"] == ("5", "--queues")


def test_origins_as_json(offline) -> None:
    found = {one["key"]: one for one in offline("spec", "show", "boom", "-o", "json").json}

    origin = found["backoff.delay"]["origin"]
    assert (found["backoff.delay"]["value"], origin["kind"], origin["file"]) == ("1h", "defaults", "jobspecs/jobs.yaml")
    assert found["timeout"]["origin"] == {"kind": "built-in", "file": None, "line": None, "name": None}


def test_unknown_job_is_not_found(offline) -> None:
    out = offline("spec", "show", "bom")

    assert out.exit_code == 5
    assert "did you mean `boom`?" in out.stderr
