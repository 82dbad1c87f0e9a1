"""Readers of options."""

from __future__ import annotations

import pytest

from jobctl_cli.flags import size


@pytest.mark.parametrize(
    ("text", "amount"),
    [("512MiB", 512 * 2**20), ("1.5GiB", 3 * 2**29), ("64KiB", 2**16), ("200MB", 200_000_000), ("1kB", 1000)],
)
def test_size_is_read_as_bytes(text: str, amount: int) -> None:
    assert size(text) == amount


@pytest.mark.parametrize(
    "text", ["512", "512M", "MiB", "", "-1MiB", "0MiB", "nanMiB", "infGiB", "1e400MB", "512 mib", "9" * 400 + "GB"]
)
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"write e\.g\. `512MiB` or `2GiB`"):
        size(text)
