"""The keys as data: the bar at the bottom, the help page and the dispatch are all made from these."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that can be done from the keyboard.

    Attributes:
        names: textual's names of the keys that do it.
        shown: how they are written.
        label: one word for the bar at the bottom; "" = it stands in the help only.
        help: what it does.
        action: the method it calls.
        changes: it changes what is chosen at the broker, so that `--read-only` refuses it. Its method takes the rows
            and returns a `Task`; the others take nothing and return nothing.
    """

    names: tuple[str, ...]
    shown: str
    label: str
    help: str
    action: str
    changes: bool = False


OPEN = Key(("enter",), "Enter", "open", "Open what is under the cursor", "open")
MARK = Key(("space",), "Space", "mark", "Mark the row, for what is done to several", "mark")
MARK_ALL = Key(("a",), "a", "", "Mark all rows shown, or none", "mark_all")
FILTER = Key(("slash",), "/", "filter", "Show only rows that match; Esc shows all again", "filter")
MOVE = Key((), "↑ ↓", "", "Move; also j k, PgUp PgDn, Home End, and the mouse", "")
TABS = Key((), "1 ... 6", "", "Go to a tab; also Tab, Shift+Tab, ← →, and the mouse", "")
NEXT_TAB = Key(("tab", "right", "l"), "Tab", "", "", "next_tab")
PREVIOUS_TAB = Key(("shift+tab", "left", "h"), "Shift+Tab", "", "", "previous_tab")
REFRESH = Key(("f5", "ctrl+r"), "F5", "", "Read everything now; also Ctrl+R", "refresh_now")
HOLD = Key(("z",), "z", "", "Hold the picture still, or let it go on", "hold")
BACK = Key(("escape",), "Esc", "", "Back: closes what is open, then the filter", "back")
CLOSE = Key(("escape",), "Esc", "back", "Back to the rows", "back")
HELP = Key(("question_mark", "f1"), "?", "help", "This page", "help")
QUIT = Key(("q", "ctrl+c"), "q", "quit", "Leave; also Ctrl+C", "quit")

EVERYWHERE = (MOVE, TABS, FILTER, HOLD, REFRESH, BACK, HELP, QUIT)
"""In the order of the help page."""
SILENT = (NEXT_TAB, PREVIOUS_TAB)


def find(keys: Iterable[Key], pressed: str) -> Key | None:
    """Return what a key does, by textual's name of it."""
    return next((key for key in keys if pressed in key.names), None)


def allowed(keys: Iterable[Key], *, read_only: bool) -> tuple[Key, ...]:
    """Return the keys that may be used."""
    return tuple(key for key in keys if not (read_only and key.changes))
