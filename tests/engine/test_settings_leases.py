"""How long leases live and how patient a worker is, by environment."""

from __future__ import annotations

import pytest

from jobctl.errors import UsageError
from jobctl.settings import Settings


def test_lease_and_patience_are_durations() -> None:
    settings = Settings.from_env({"JOBCTL_LEASE": "1500ms", "JOBCTL_PATIENCE": "2m"})

    assert (settings.lease_s, settings.patience_s) == (1.5, 120.0)


def test_lease_and_patience_are_left_to_the_worker_when_not_set() -> None:
    settings = Settings.from_env({"JOBCTL_LEASE": ""})

    assert (settings.lease_s, settings.patience_s) == (None, None)


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"JOBCTL_LEASE": "15"}, "JOBCTL_LEASE: `15` is not a duration"),
        ({"JOBCTL_PATIENCE": "long"}, "JOBCTL_PATIENCE: `long` is not a duration"),
        ({"JOBCTL_LEASE": "100ms"}, "JOBCTL_LEASE is `100ms`"),  # no network renews every 33 ms
    ],
)
def test_what_is_no_duration_or_too_short_to_be_renewed_is_refused(variables: dict[str, str], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        Settings.from_env(variables)
