"""What the demo plays on: a temporary folder, servers of its own, and the worker and the API as real processes.

Everything is opened on one stack, so that however the demo ends, nothing is left running.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from examples.tenants.database import Database
from examples.tenants.demo.interrupts import Interrupts
from examples.tenants.demo.loopback import HOST, LoopbackService, Mailbox, loopback_mail
from examples.tenants.resources import SPECS
from examples.tenants.seed import seed
from jobctl import BlockingClient, load_plan
from jobctl.broker.embedded import embedded_broker

ROOT = SPECS.parent
JOBCTL = str(Path(sys.executable).with_name("jobctl"))
# The demo's own configuration must not mix with that of whoever runs it.
FOREIGN = ("REDIS_", "JOBCTL_", "ASYNQ_", "EMAIL_", "SMTP_", "INVITATION_", "TENANT_", "ALERT_", "DATABASE_URL")
OPERATOR = "ops@example.com"
STOP_TIMEOUT_S = 15.0
COMMAND_TIMEOUT_S = 60.0
LOG_TAIL = 30  # lines


class DemoFailed(Exception):
    """Something did not happen as expected. The message says what, with the log of the process concerned."""


@dataclass(frozen=True, slots=True)
class Background:
    """A process that runs beside the demo."""

    name: str
    process: subprocess.Popen[str]
    log: Path

    def check(self) -> None:
        """Raise DemoFailed if it has ended."""
        if (code := self.process.poll()) is not None:
            raise DemoFailed(f"the {self.name} ended with exit code {code}; its log ends so:\n{self.log_tail()}")

    def log_tail(self) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_TAIL:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The open stage. Its processes are started by the demo as it goes."""

    folder: Path
    env: dict[str, str]
    mailbox: Mailbox
    billing: LoopbackService
    search: LoopbackService
    client: BlockingClient
    stack: ExitStack
    interrupts: Interrupts
    backgrounds: list[Background] = field(default_factory=list)

    def run_jobctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command line and wait for it."""
        process = self._spawn([JOBCTL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = process.communicate(timeout=COMMAND_TIMEOUT_S)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def start_worker(self) -> Background:
        """Start `jobctl run --spec jobspecs/`."""
        return self._start("worker", [JOBCTL, "run", "--spec", "jobspecs/"])

    def start_api(self, name: str = "API", **env: str) -> str:
        """Start the HTTP API; return its address."""
        command = [sys.executable, "-m", "examples.tenants.api", "--port", "0"]
        api = self._start(name, command, stdout=subprocess.PIPE, **env)
        assert api.process.stdout is not None
        line = api.process.stdout.readline()  # the first thing it says; nothing, if it dies
        if not line.startswith("listening on "):
            api.process.wait()
            api.check()
        return line.removeprefix("listening on ").strip()

    def check(self) -> None:
        """Raise DemoFailed if a process has ended."""
        for background in self.backgrounds:
            background.check()

    def _start(self, name: str, command: list[str], *, stdout: int | None = None, **env: str) -> Background:
        log = self.folder / f"{name.replace(' ', '-')}.log"
        stderr = self.stack.enter_context(log.open("w"))
        process = self._spawn(command, stdout=stderr if stdout is None else stdout, stderr=stderr, **env)
        background = Background(name, process, log)
        self.backgrounds.append(background)
        return background

    def _spawn(
        self, command: list[str], *, stdout: int | IO[str], stderr: int | IO[str], **env: str
    ) -> subprocess.Popen[str]:
        with self.interrupts.held():
            # A session of its own: Ctrl-C reaches the demo alone, which then stops its processes in the right order.
            process = subprocess.Popen(
                command,
                env={**self.env, **env},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                text=True,
                start_new_session=True,
            )
            self.stack.callback(_stop, process)
        return process


@contextmanager
def open_stage(interrupts: Interrupts) -> Iterator[Stage]:
    """Set up everything but the processes; take all of it down at the end, also after a failure or Ctrl-C."""
    with ExitStack() as stack:
        with interrupts.held():
            stage = _set_up(stack, interrupts)
        try:
            yield stage
        finally:
            interrupts.ignore()


def _set_up(stack: ExitStack, interrupts: Interrupts) -> Stage:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jobctl-demo-")))
    url = stack.enter_context(embedded_broker(folder / "broker"))
    mailbox = Mailbox()
    port = stack.enter_context(loopback_mail(mailbox))
    billing = stack.enter_context(LoopbackService("billing", failing=[503]).run())
    search = stack.enter_context(LoopbackService("search").run())
    db = Database(f"sqlite:///{folder}/tenants.db")
    stack.callback(db.close)
    db.create_tables()
    seed(db, now=datetime.now(UTC))
    env = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    env |= {
        "JOBCTL_HOME": str(folder / "broker"),
        "DATABASE_URL": str(db.url),
        "EMAIL_PROVIDER": "smtp",
        "SMTP_HOST": HOST,
        "SMTP_PORT": str(port),
        "TENANT_INIT_SERVICES": f"billing={billing.url},search={search.url}",
        "ALERT_EMAIL": OPERATOR,
        "JOBCTL_GRACE": "5s",  # shorter than our own patience
    }
    return Stage(
        folder=folder,
        env=env,
        mailbox=mailbox,
        billing=billing,
        search=search,
        client=stack.enter_context(BlockingClient(load_plan(SPECS), url)),
        stack=stack,
        interrupts=interrupts,
    )


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()  # nothing, if it has ended
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
