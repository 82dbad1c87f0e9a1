"""What comes over the rows: a question, and the help."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from jobctl_cli.top.keys import EVERYWHERE, Key, allowed


class Confirm(ModalScreen[bool]):
    """Asks a question; only `y` means yes."""

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """Lay out the question."""
        with VerticalScroll(id="dialog"):
            yield Static(
                Text.assemble((self._question, "bold"), "\n\n", ("y", "reverse"), " yes    ", ("n", "reverse"), " no")
            )

    def on_key(self, event: events.Key) -> None:
        """Take the answer."""
        event.stop()
        if event.key in ("y", "Y"):
            self.dismiss(True)
        elif event.key in ("n", "N", "escape", "enter", "q", "ctrl+c"):
            self.dismiss(False)


class Help(ModalScreen[None]):
    """All keys, those of the tab first."""

    def __init__(self, title: str, keys: Sequence[Key], notes: Sequence[str], *, read_only: bool) -> None:
        super().__init__()
        self._title = title
        self._keys = allowed(keys, read_only=read_only)
        self._notes = notes

    def compose(self) -> ComposeResult:
        """Lay out the page."""
        page = Text()
        for heading, keys in ((self._title, self._keys), ("Everywhere", EVERYWHERE)):
            page.append(f"{heading}\n", style="bold")
            for key in keys:
                page.append(f"  {key.shown:<8}", style="cyan").append(f"{key.help}\n")
        page.append("\n".join(("", *self._notes)), style="dim")
        with VerticalScroll(id="dialog"):
            yield Static(page)

    def on_key(self, event: events.Key) -> None:
        """Close at any key that does not scroll."""
        if event.key not in ("up", "down", "pageup", "pagedown", "home", "end"):
            event.stop()
            self.dismiss(None)
