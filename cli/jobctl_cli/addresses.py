"""Where a command listens: `9484`, `0.0.0.0:9484`, `[::1]:9484`."""

from __future__ import annotations

LOOPBACK = "127.0.0.1"


def address(value: str) -> tuple[str, int]:
    """Read a port, with the host to listen at before it; without one, it listens on this machine only."""
    host, colon, number = value.rpartition(":")
    if not number.isascii() or not number.isdigit() or int(number) > 65_535 or (colon and not host):
        raise ValueError(f"`{value}` is not a port; write e.g. `9484`, or `0.0.0.0:9484` to be reached from elsewhere")
    return (host.strip("[]") if colon else LOOPBACK), int(number)
