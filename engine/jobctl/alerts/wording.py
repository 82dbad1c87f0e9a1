"""How a declared alert reads: what it watches, and where it goes without what may be secret in that. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from jobctl.durations import format_duration

if TYPE_CHECKING:
    from jobctl.spec.model import Alert


def condition(alert: Alert) -> str:
    """Return what an alert watches, in one line."""
    of = ",".join((*alert.jobs, *alert.queues))
    match alert.when:
        case "failures":
            words = f"failures from {alert.ratio:.0%} of {alert.least}+ in {format_duration(alert.window_s)}"
        case "dead":
            words = "dead"
        case _:
            words = f"{alert.when} above {format_duration(alert.above_s)}"
    return f"{words} ({of})" if of else words


def shown(destination: str) -> str:
    """Return a destination without what may be secret: of a URL the host, of a command the program.

    Example:
        >>> shown("https://hooks.example.org/T0/secret"), shown("exec:page --token secret"), shown("$OPS_WEBHOOK")
        ('https://hooks.example.org/...', 'exec:page', '$OPS_WEBHOOK')
    """
    if destination.startswith("exec:"):
        return f"exec:{destination.removeprefix('exec:').split()[0]}"
    if destination.startswith(("$", "mailto:")):
        return destination
    return f"{urlsplit(destination).scheme}://{urlsplit(destination).hostname}/..."
