"""What an alert says, and how it reads in a chat, a letter and a pipe. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

MOST_LINES = 20  # of particulars; a person reads no more
LINE_LIMIT = 300  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is told of an alert.

    Attributes:
        alert: its name.
        event: ``firing``, ``resolved`` or ``test``.
        title: what there is, in one line.
        lines: the particulars.
        at_ms: when it was found, ms since the epoch.
    """

    alert: str
    event: str
    title: str
    lines: Sequence[str]
    at_ms: int

    @property
    def subject(self) -> str:
        """One line for the head of a letter."""
        word = {"firing": "", "resolved": "resolved: ", "test": "test: "}[self.event]
        return one_line(f"[jobctl] {self.alert}: {word}{self.title}")

    def as_text(self) -> str:
        """Return it as plain text."""
        at = datetime.fromtimestamp(self.at_ms / 1000, UTC)
        return "\n".join([self.title, "", *self.lines, "", f"alert {self.alert}, {at:%Y-%m-%d %H:%M:%S} UTC"])

    def as_slack(self) -> bytes:
        """Return it as webhooks of Slack and its like take it: ``text``, and beside it ``alert`` as data."""
        mark = {"firing": ":rotating_light:", "resolved": ":white_check_mark:", "test": ":bell:"}[self.event]
        bullets = [f"• {_escaped(line)}" for line in self.lines]
        text = "\n".join([f"{mark} *{_escaped(self.alert)}*: {_escaped(self.title)}", *bullets])
        return json.dumps({"text": text, "alert": asdict(self)}, default=list).encode()

    def as_json(self) -> bytes:
        """Return it as one object."""
        return json.dumps(asdict(self), default=list).encode() + b"\n"


def particulars(lines: Sequence[str]) -> list[str]:
    """Return lines fit for a message: so many, each of one line, and how many were left out."""
    shown = [one_line(line) for line in lines[:MOST_LINES]]
    left = len(lines) - MOST_LINES
    return [*shown, f"and {left} more"] if left > 0 else shown


def one_line(text: str) -> str:
    """Return a text as one line within bounds."""
    flat = " ".join(text.split())
    return flat if len(flat) <= LINE_LIMIT else flat[: LINE_LIMIT - 1] + "…"


def _escaped(text: str) -> str:
    # https://api.slack.com/reference/surfaces/formatting#escaping
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
