"""Draw the README's screens: run the real commands on a terminal of their own, and write what they show as SVG.

    make screens

Each screen is what a person would see: colours, widths and all. Times and keys differ from run to run, so the files are
drawn by hand before a release, not by the tests.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import io
import os
import pty
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

from jobctl.broker.connect import connect
from jobctl.broker.embedded import embedded_broker
from jobctl.compiler import load_plan
from jobctl.inspector import Inspector
from jobctl_cli.environment import Environment
from jobctl_cli.top.app import TopApp
from jobctl_cli.top.feed import Feed
from jobctl_cli.view import View

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
COLUMNS, LINES = 108, 48
CONSOLE_LINES = 26
ACME = "39308751-0657-5693-992f-78f29cafba41"  # a tenant that `examples.tenants.seed` makes
NOBODY = "00000000-0000-0000-0000-000000000000"
BUSY_S = 40.0  # how long the shop works before its picture is taken
BROKEN_SPEC = """\
version: 1
queues: {critical: 6, default: 3}
jobs:
  tenant-init:
    handler: examples.tenants.handlers.tenant_init:initialize_tenant
    queue: critcal
    timeout: 30
    payload:
      id: {type: uid}
"""
# What `jobctl spec plan` is shown with: file, old, new.
SPEC_CHANGES = (
    ("queues.yaml", "critical: 6", "critical: 8"),
    ("maintenance.yaml", "health-check:", "service-check:"),
    ("maintenance.yaml", "@hourly", "*/30 * * * *"),
    ("tenants.yaml", "timeout: 5m ", "timeout: 2m "),
)


class Terminal:
    """A terminal to run commands on.

    Args:
        folder: where they run.
        env: variables on top of the process's own.
    """

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder = folder
        self.env = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "CI")}
        self.env |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": str(COLUMNS), **env}
        self.env["PATH"] = f"{Path(sys.executable).parent}:{self.env['PATH']}"

    def show(self, command: str) -> str:
        """Run a command and return what the terminal shows, prompt line and colours included."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        process = subprocess.Popen(
            shlex.split(command), cwd=self.folder, env=self.env, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        shown = b"".join(_read(ours))
        os.close(ours)
        process.wait()
        return f"\x1b[1m$ {command}\x1b[0m\n{shown.decode().replace(chr(13), '')}"

    @contextmanager
    def working(self, command: str) -> Iterator[None]:
        """Keep a worker running meanwhile."""
        process = subprocess.Popen(
            shlex.split(command),
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield
            if process.poll() is not None:
                raise RuntimeError(f"`{command}` ended by itself, with exit code {process.returncode}")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _read(fd: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(fd, 65536)
        except OSError as error:
            if error.errno != errno.EIO:  # Linux's way to say that nobody has the other end open any more
                raise
            return
        if not chunk:
            return
        yield chunk


def save(name: str, *shown: str) -> None:
    """Write what a terminal showed as ``name.svg``."""
    console = Console(width=COLUMNS, record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi("\n".join(part.rstrip() + "\n" for part in shown).rstrip()))
    write(name, console.export_svg(title=f"jobctl - {name}", unique_id=name))


def write(name: str, svg: str) -> None:
    """Write a picture as ``name.svg``."""
    # No fonts from elsewhere: the letters are placed by their width, so any monospaced font will do.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code", "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono'")
    (FOLDER / f"{name}.svg").write_text(svg + "\n", encoding="utf-8")


def draw_tenants(home: Path) -> None:
    """Draw the screens of the tenants system: help, listings, errors."""
    terminal = Terminal(ROOT, {"JOBCTL_HOME": str(home)})
    save("enqueue-help", terminal.show("jobctl enqueue tenant-init --help"))
    with terminal.working("jobctl run --no-scheduler"):
        terminal.show("python -m examples.tenants.seed")
        terminal.show(f"jobctl enqueue tenant-init --id {ACME} --wait --wait-timeout 30s")
        terminal.show(f"jobctl enqueue tenant-init --id {NOBODY} --wait --wait-timeout 30s")
        terminal.show("jobctl enqueue system-user-expiry --wait --wait-timeout 30s")
        terminal.show("jobctl enqueue daily-cleanup --in 5h")
        listing = terminal.show("jobctl inspect")
        dead = re.findall(r"^[0-9a-f]{24}$", terminal.show("jobctl inspect --state dead -o name"), re.MULTILINE)[0]
        save("inspect", listing, terminal.show(f"jobctl inspect {dead}"))
    wrong = terminal.show("jobctl enqueue tenant-init --id 39308751-0657")
    unknown = terminal.show("jobctl enqueue tenant-int")
    terminal.env["REDIS_URL"] = "redis://localhost:1/0"
    save("errors", wrong, unknown, terminal.show("jobctl inspect"))


def draw_spec_error(home: Path) -> None:
    """Draw the report on a spec with several faults."""
    (home / "broken.yaml").write_text(BROKEN_SPEC, encoding="utf-8")
    terminal = Terminal(home, {"JOBCTL_HOME": str(home), "PYTHONPATH": str(ROOT)})
    save("spec-check", terminal.show("jobctl spec check broken.yaml"))


def draw_spec_plan(home: Path) -> None:
    """Draw what changed specs would change where the shipped ones run, and what a key means."""
    specs = home / "jobspecs"
    shutil.copytree(ROOT / "jobspecs", specs)
    terminal = Terminal(home, {"JOBCTL_HOME": str(home / "broker"), "PYTHONPATH": str(ROOT)})
    terminal.show("jobctl run --burst")
    terminal.show("jobctl enqueue health-check --in 5h")
    for name, old, new in SPEC_CHANGES:
        text = (specs / name).read_text(encoding="utf-8")
        if old not in text:
            raise RuntimeError(f"`{name}` has no `{old}` any more")
        (specs / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    save("spec-plan", terminal.show("jobctl spec plan"))
    explained = (terminal.show(f"jobctl spec explain {key}") for key in ("jobs.retries", "jobs.unique.for"))
    save("spec-explain", *explained, terminal.show("jobctl spec show tenant-init"))


def fill_shop(home: Path, orders: int) -> Terminal:
    """Return a terminal in the shop, with so many jobs of each kind waiting."""
    jobs = home / "jobs.ndjson"
    line = '{{"job": "{0}", "payload": {{"order": {1}}}}}\n'
    names = ("order-confirm", "invoice-mail", "stock-count")
    jobs.write_text("".join(line.format(name, order) for order in range(1, orders) for name in names), encoding="utf-8")
    terminal = Terminal(FOLDER / "shop", {"JOBCTL_HOME": str(home), "JOBCTL_SPEC": "shop.yaml", "JOBCTL_ACTOR": "ann"})
    terminal.show(f"jobctl enqueue --file {jobs}")
    return terminal


def draw_operations(home: Path) -> None:
    """Draw what an operator looks at and does: the doctor, the dead, the figures, the workers, the audit log."""
    terminal = fill_shop(home, 4_000)
    with terminal.working("jobctl run --processes 2"):
        terminal.show("jobctl queues pause low")
        time.sleep(BUSY_S / 4)
        workers = terminal.show("jobctl workers list --jobs")
        time.sleep(BUSY_S)
        save("doctor", terminal.show("jobctl doctor"))
        save("dead", terminal.show("jobctl dead"), terminal.show("jobctl stats --days 1"))
        terminal.show("jobctl queues purge low --yes")
        save("workers", workers, terminal.show("jobctl workers quiet --all"), terminal.show("jobctl audit"))


def draw_top(home: Path) -> None:
    """Draw the console over a busy worker: the queues, the dead jobs, one of them."""
    terminal = fill_shop(home, 12_000)
    with terminal.working("jobctl run"), embedded_broker(home) as url:
        time.sleep(BUSY_S)
        asyncio.run(draw_console(url))


async def draw_console(url: str) -> None:
    """Draw the console's screens, as it shows them on a terminal of this size."""
    env = Environment(stdin=io.StringIO(), stdout=io.StringIO(), stderr=io.StringIO(), variables={"FORCE_COLOR": "1"})
    plan = load_plan(FOLDER / "shop" / "shop.yaml")
    async with connect(url) as redis:
        feed = Feed(env, Inspector(redis, plan), plan, View(plan))
        await feed.read()
        app = TopApp(feed, interval_s=0.5)
        async with app.run_test(size=(COLUMNS, CONSOLE_LINES)) as pilot:
            for name, pressed in (("top", "1"), ("top-dead", "5"), ("top-job", "/ o r d e r enter enter")):
                await pilot.press(*pressed.replace("/", "slash").split())
                await pilot.pause(1.5)
                write(name, app.export_screenshot(title="jobctl top"))


def main() -> None:
    """Draw all."""
    for draw in (draw_tenants, draw_spec_error, draw_spec_plan, draw_operations, draw_top):
        with tempfile.TemporaryDirectory(prefix="jobctl-screens-") as home:
            draw(Path(home))


if __name__ == "__main__":
    main()
