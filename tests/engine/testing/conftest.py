from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

APP = Path(__file__).parent / "app"
SPEC = APP / "jobs.yaml"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let every test of this folder use its own specs, at a time of its own."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            marker = item.get_closest_marker("jobctl")
            chosen = {"spec": SPEC, "start": START, "cwd": APP, **(marker.kwargs if marker else {})}
            item.add_marker(pytest.mark.jobctl(**chosen), append=False)


@pytest.fixture(autouse=True)
def _app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(APP)
