"""The catalog is what is documented, and follows the rules of naming."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from jobctl.metrics.catalog import BROKER, WORKER, Metric

DOCUMENT = Path(__file__).parents[3] / "docs/metrics.md"
EVERY = (*BROKER, *WORKER)


def table(metrics: Sequence[Metric]) -> str:
    lines = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    for metric in metrics:
        labels = ", ".join(f"`{name}`" for name in metric.labels)
        lines.append(f"| `{metric.sample_name}` | {metric.kind} | {labels} | {metric.help} |")
    return "\n".join(lines)


@pytest.mark.parametrize(("heading", "metrics"), [("broker", BROKER), ("worker", WORKER)])
def test_document_has_every_metric(heading: str, metrics: Sequence[Metric]) -> None:
    """`UPDATE_SNAPSHOTS=1` writes the tables anew."""
    start, end = f"<!-- {heading} -->\n", "\n<!-- end -->"
    before, rest = DOCUMENT.read_text().split(start)
    found, _, after = rest.partition(end)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        found = table(metrics)
        DOCUMENT.write_text(before + start + found + end + after)

    assert found == table(metrics)


def test_names_are_used_once() -> None:
    assert len({metric.name for metric in EVERY}) == len(EVERY)


@pytest.mark.parametrize("metric", EVERY, ids=lambda metric: metric.name)
def test_name_says_its_unit_and_text_is_one_line(metric: Metric) -> None:
    assert re.fullmatch(r"jobctl(_[a-z]+)*", metric.name)
    assert not metric.name.endswith(("_total", "_info", "_count", "_sum", "_bucket", "_ms"))
    assert metric.kind != "histogram" or metric.name.endswith("_seconds")
    assert metric.help
    assert "\n" not in metric.help
    assert "instance" not in metric.labels  # Prometheus' own
