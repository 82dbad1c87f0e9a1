"""The supervisor of `jobctl run --processes N`: starts workers, replaces the dead and the worn, and stops them.

It does nothing else: it imports no handler, serves no queue and talks to no broker, so that little can go wrong in it.
A worker process is started afresh, not forked: it shares no locks, connections or threads with anything, its memory is
its own from the first byte, and one that is started later runs the code that is there later.

How it ends:

    0  stopped as asked, or (burst) every worker has done what was due
    1  a worker ended badly while it was being stopped, or had to be killed
    2, 3  the first workers found that they cannot run: wrong usage, wrong specs or handlers
    4  a worker has given up on the broker; the others see the same broker from the same host

A worker that an operator told to stop is not replaced; when that was the last one, the supervisor ends with 0.

A worker that ends in any other way is replaced, with a delay that grows from 0.5 s to 30 s while it keeps ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from jobctl.durations import format_duration
from jobctl.errors import BrokerError, SpecError, UsageError
from jobctl.spec.model import Backoff
from jobctl.worker.backoff import retry_delay_s
from jobctl.worker.supervised import DISMISSED, READY, RETIRE, SUCCESSOR, VARIABLE

log = logging.getLogger(__name__)

RESTARTS = Backoff(delay_s=0.5, factor=2.0, max_s=30.0, jitter=0.5)
STABLE_S = 60.0  # a worker that has served for so long has not failed to start
# Beyond the grace a worker needs time to hand back, to tell the broker and to run its hooks; then it hangs.
KILL_MARGIN_S = 15.0
SIGNALS = (signal.SIGTERM, signal.SIGINT)
HOPELESS = (UsageError.exit_code, SpecError.exit_code)


class Child:
    """One worker process. Its end of the line is a file descriptor named in its environment."""

    def __init__(self, number: int, *, is_scheduling: bool) -> None:
        self.number = number
        self.is_scheduling = is_scheduling
        self.is_retiring = False
        self.ready_at: float | None = None
        self.pid = 0
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def start(self, command: Sequence[str], variables: Mapping[str, str]) -> asyncio.StreamReader:
        """Start the process; return what its words can be read from.

        Raises:
            OSError: the process cannot be started.
        """
        ours, theirs = socket.socketpair()
        try:
            line = f"{self.number}:{theirs.fileno()}:{int(self.is_scheduling)}"
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={**variables, VARIABLE: line},
                process_group=0,  # Ctrl-C at the terminal reaches the supervisor alone, which passes it on once
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self.pid = self._process.pid
        reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        return reader

    async def wait(self) -> int:
        """Wait until it has ended; return its exit code, negative for a signal."""
        if self._process is None:
            raise RuntimeError("the child has not been started")
        code = await self._process.wait()
        if self._writer is not None:
            self._writer.close()
        return code

    def signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def retire(self) -> None:
        """Ask it to end, its jobs first."""
        self.is_retiring = True
        if self._writer is not None:
            self._writer.write(f"{RETIRE}\n".encode())


@dataclass(slots=True, eq=False)
class Place:
    """One of the N workers that are wanted: the child that fills it, and those that still leave it."""

    number: int
    children: list[Child] = field(default_factory=list)
    newest: Child | None = None
    failures: int = 0


class Supervisor:
    """Keeps a number of workers running.

    Args:
        command: starts one worker; every worker gets the same, and learns from its environment which one it is.
        processes: workers wanted (count).
        grace_s: seconds a stopping worker waits for its jobs; the supervisor waits a little longer, then kills.
        is_burst: workers end by themselves when nothing is due.
        variables: the environment of the workers.
        chance: uniform random numbers for the jitter of restarts.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        processes: int,
        grace_s: float,
        is_burst: bool = False,
        variables: Mapping[str, str] | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._command = tuple(command)
        self._variables = dict(os.environ if variables is None else variables)
        self._places = [Place(number) for number in range(1, processes + 1)]
        self._patience_s = grace_s + KILL_MARGIN_S
        self._is_burst = is_burst
        self._chance = chance
        self._stopping = asyncio.Event()
        self._exit_code = 0
        self._was_any_ready = False
        self._lives = asyncio.TaskGroup()

    async def run(self) -> int:
        """Run the workers until they are stopped, or cannot run; return the exit code."""
        loop = asyncio.get_running_loop()
        log.info("supervisor started", extra={"processes": len(self._places)})
        for number in SIGNALS:
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            async with self._lives:
                for place in self._places:
                    self._fill(place, 0.0)
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)
        log.info("supervisor stopped", extra={"exit_code": self._exit_code})
        return self._exit_code

    def stop(self, exit_code: int = 0) -> None:
        """Stop all workers: no new ones, a SIGTERM to each, and the end of `run` when the last has ended."""
        is_first = not self._stopping.is_set()
        self._stopping.set()
        self._exit_code = self._exit_code or exit_code
        for child in self._children():
            # One that retires is stopping already: for it this would be the second signal.
            if not (is_first and child.is_retiring):
                child.signal(signal.SIGTERM)
            self._kill_later(child)

    def _on_signal(self, number: int) -> None:
        words = "second signal: passing it on" if self._stopping.is_set() else "stopping"
        log.info(words, extra={"signal": signal.Signals(number).name})
        self.stop()

    def _children(self) -> list[Child]:
        return [child for place in self._places for child in place.children]

    def _fill(self, place: Place, delay_s: float) -> None:
        """Start a child for a place, now or later."""
        is_free = not any(child.is_scheduling for child in self._children() if child not in place.children)
        child = Child(place.number, is_scheduling=is_free)
        place.children.append(child)
        place.newest = child
        self._lives.create_task(self._live(place, child, delay_s))

    async def _live(self, place: Place, child: Child, delay_s: float) -> None:
        """The life of one child, from before its start to its end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._stopping.wait()
        if self._stopping.is_set():
            place.children.remove(child)
            return
        try:
            words = await child.start(self._command, self._variables)
        except OSError as error:
            log.error("a worker process cannot be started", extra={"child": child.number, "error": str(error)})
            code = 1
        else:
            log.info("worker process started", extra={"child": child.number, "child_pid": child.pid})
            if self._stopping.is_set():
                child.signal(signal.SIGTERM)
                self._kill_later(child)
            hearing = asyncio.ensure_future(self._hear(place, child, words))
            code = await child.wait()
            hearing.cancel()
        place.children.remove(child)
        self._on_end(place, child, code)

    async def _hear(self, place: Place, child: Child, words: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            async for line in words:
                word, _, rest = line.decode(errors="replace").strip().partition(" ")
                if word == READY:
                    self._on_ready(place, child)
                elif word == SUCCESSOR and place.newest is child and not self._stopping.is_set():
                    log.info("worker process gets a successor", extra={"child": child.number, "reached": rest})
                    self._fill(place, 0.0)

    def _on_ready(self, place: Place, child: Child) -> None:
        child.ready_at = asyncio.get_running_loop().time()
        self._was_any_ready = True
        for other in place.children:
            if other is not child and not other.is_retiring and not self._stopping.is_set():
                other.retire()
                self._kill_later(other)

    def _on_end(self, place: Place, child: Child, code: int) -> None:
        facts = {"child": child.number, "child_pid": child.pid, "ended": _describe(code)}
        if self._stopping.is_set():
            # SIGTERM ends a worker that has not come to installing its own handler for it
            is_clean = code in (0, DISMISSED) or (code == -signal.SIGTERM and child.ready_at is None)
            if not is_clean:
                log.error("worker process ended badly", extra=facts)
                self._exit_code = self._exit_code or (code if code == BrokerError.exit_code else 1)
        elif code == BrokerError.exit_code or (code in HOPELESS and not self._was_any_ready):
            log.error("worker process cannot go on; stopping all", extra=facts)
            self.stop(code)
        elif code == DISMISSED:
            log.info("worker process was told to stop; starting no other", extra=facts)
        elif self._is_burst and code == 0:
            log.info("worker process is done", extra=facts)
        elif place.newest is child:
            self._replace(place, child, facts)
        else:
            log.info("worker process replaced", extra=facts)

    def _replace(self, place: Place, child: Child, facts: dict[str, object]) -> None:
        ready_at = child.ready_at
        if ready_at is not None and asyncio.get_running_loop().time() - ready_at >= STABLE_S:
            place.failures = 0
        place.failures += 1
        delay_s = retry_delay_s(RESTARTS, place.failures, self._chance())
        log.warning(
            "worker process ended; starting another",
            extra={**facts, "failures": place.failures, "in": format_duration(round(delay_s, 1))},
        )
        self._fill(place, delay_s)

    def _kill_later(self, child: Child) -> None:
        """See to it that a child that was asked to end does."""

        def kill() -> None:
            if child in self._children():
                log.error("worker process does not end; killed", extra={"child": child.number, "child_pid": child.pid})
                child.signal(signal.SIGKILL)

        asyncio.get_running_loop().call_later(self._patience_s, kill)


def _describe(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def supervise(
    command: Sequence[str],
    *,
    processes: int,
    grace_s: float,
    is_burst: bool = False,
    variables: Mapping[str, str] | None = None,
) -> int:
    """Run workers under a supervisor in this process until they end; return the exit code. See `Supervisor`."""

    async def main() -> int:
        supervisor = Supervisor(command, processes=processes, grace_s=grace_s, is_burst=is_burst, variables=variables)
        return await supervisor.run()

    return asyncio.run(main())
