"""`jobctl top`, live: a frame every interval until q or Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from jobctl.errors import BrokerError
from jobctl_cli.errors import paint
from jobctl_cli.screens import top

if TYPE_CHECKING:
    from typing import TextIO

    from jobctl.compiler.plan import Plan
    from jobctl.inspector import Inspector
    from jobctl_cli.environment import Environment

QUIT_KEYS = "qQ\x1b"


async def watch(env: Environment, plan: Plan | None, inspector: Inspector, interval_s: float) -> None:
    """Draw frames until the reader leaves. A broker that goes away is told of and waited for.

    Raises:
        BrokerUnreachable: no broker answers at first.
    """
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    overview = await inspector.overview()
    console = Console(file=env.stdout, no_color=not env.out.is_on, highlight=False, force_terminal=True)
    leave = asyncio.Event()
    with _keys(env.stdin, leave), Live(console=console, screen=True, auto_refresh=False) as live:
        trouble = ""
        while not leave.is_set():
            columns, lines = console.size
            shown = top.frame(env, plan, overview, columns, lines - bool(trouble))
            live.update(Text.from_ansi(shown + trouble, no_wrap=True, overflow="crop"), refresh=True)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(leave.wait(), interval_s)
            try:
                overview = await inspector.overview()
                trouble = ""
            except BrokerError as error:
                trouble = "\n" + paint(f"error[{error.code}]: {error.message}", env.out)


@contextlib.contextmanager
def _keys(stdin: TextIO, leave: asyncio.Event) -> Iterator[None]:
    """Set the event when a key to leave with is pressed, if there is a keyboard."""
    if not stdin.isatty():
        yield
        return
    import termios
    import tty

    keyboard = stdin.fileno()
    before = termios.tcgetattr(keyboard)
    loop = asyncio.get_running_loop()

    def pressed() -> None:
        if stdin.read(1) in QUIT_KEYS:
            leave.set()

    tty.setcbreak(keyboard)
    loop.add_reader(keyboard, pressed)
    try:
        yield
    finally:
        loop.remove_reader(keyboard)
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
