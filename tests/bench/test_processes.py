"""The measurement of several processes runs. Its figures are not judged here."""

from __future__ import annotations

import pytest

from bench.processes import Work, measure
from jobctl.bench.scenario import Portion


@pytest.mark.slow
def test_backlog_is_drained_by_two_processes_and_measured() -> None:
    mix = (Portion(job="compute", payload={"ms": 1.0}),)

    rate_per_s, cores = measure(Work(title="1 ms of CPU", mix=mix, jobs=1_000), 2)

    assert rate_per_s > 0
    assert cores > 0
