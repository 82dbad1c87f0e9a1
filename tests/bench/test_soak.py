"""The soak: its arithmetic, and a few seconds of it. Whether memory grows is not judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.soak import MIB, Point, judge

ROOT = Path(__file__).parents[2]


def points(growth_per_s: float, *, seconds: int = 600, warm_up: int = 0) -> list[Point]:
    noise = (0, 4096, -4096)
    return [
        Point(
            at_s=at, rss=int(50 * MIB + growth_per_s * at + noise[at % 3] - (warm_up if at < 60 else 0)), jobs=at * 10
        )
        for at in range(seconds)
    ]


def test_flat_memory_is_flat() -> None:
    verdict = judge(points(0.0))

    assert abs(verdict.growth_mib) < 0.01
    assert verdict.is_flat
    assert verdict.rate_per_s == 10


def test_leak_is_found_and_measured() -> None:
    verdict = judge(points(2 * MIB / 600))

    assert verdict.growth_mib == pytest.approx(2.0, abs=0.01)
    assert not verdict.is_flat


def test_warm_up_does_not_count() -> None:
    assert judge(points(0.0, warm_up=20 * MIB)).is_flat


def test_short_soak_says_how_little_it_knows() -> None:
    assert judge(points(0.0, seconds=10)).error_mib > judge(points(0.0)).error_mib * 10


def test_too_short_a_soak_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        judge(points(0.0, seconds=2))


@pytest.mark.slow
def test_soak_runs(tmp_path: Path) -> None:
    raw = tmp_path / "raw.jsonl"
    command = [sys.executable, "-m", "bench.soak", "--minutes", "0.08", "--raw", str(raw), "--json"]

    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert run.returncode in (0, 6), run.stderr
    assert json.loads(run.stdout)["jobs"] > 0
    assert len(raw.read_text().splitlines()) >= 3
