"""The measurement of several processes runs. Its figures are not judged here."""

from __future__ import annotations

import pytest

from bench.processes import HERE, Work, measure


@pytest.mark.slow
def test_backlog_is_drained_by_two_processes_and_measured() -> None:
    rate_per_s, cores = measure(Work(title="no-op", spec=HERE / "noop.yaml", jobs=20_000), 2)

    assert rate_per_s > 0
    assert cores > 0
