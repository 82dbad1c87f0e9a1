"""The measurement of scale runs. Its figures are not judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_points_are_measured_and_written(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.scale", "--quick", "--repeats", "1", "--only", "processes"]

    run = subprocess.run(
        [*command, "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )

    assert run.returncode == 0, run.stderr
    assert len(run.stdout.splitlines()) == 5
    points = json.loads((tmp_path / "scale.json").read_text())["points"]
    assert [point["value"] for point in points] == [1, 2, 4]
    assert (tmp_path / "scale.svg").read_text().startswith("<?xml")
