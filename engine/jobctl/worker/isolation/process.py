"""A child process, as the worker sees it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import msgspec

from jobctl.worker.isolation.failures import ProcessDied, ProcessNotStarted
from jobctl.worker.isolation.messages import (
    HEADER,
    Answer,
    Beat,
    Done,
    Failed,
    Line,
    Ready,
    Unfit,
    decode_answer,
)
from jobctl.worker.tracebacks import last_line

if TYPE_CHECKING:
    from jobctl.worker.context import Context

log = logging.getLogger(__name__)

START_TIMEOUT_S = 60.0  # importing handlers and connecting to databases; longer than any of it takes
FOLLOW_S = 1.0  # a process and its end of the socket end together, or something is wrong


class ChildProcess:
    """One child: started, then asked to run one job after the other, then ended. Make one with `start`.

    Attributes:
        pid: its process id, also the id of its process group.
        ended: set when it has ended, whatever the reason.
        is_doomed: somebody has seen to its end; it takes no more jobs.
        idle_since: when it ran its last job (the loop's time).
    """

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.pid = process.pid
        self.ended = asyncio.Event()
        self.is_doomed = False
        self.idle_since = 0.0
        self._process = process
        self._reader = reader
        self._writer = writer
        self._context: Context | None = None
        self._on_beat: Callable[[], None] | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._exit_code = 0
        self._living = asyncio.ensure_future(self._live())

    @classmethod
    async def start(cls, setup: bytes) -> ChildProcess:
        """Start a child and wait until it is ready.

        Raises:
            ProcessNotStarted: a handler cannot be imported, the startup hook failed, or it took too long.
        """
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "jobctl.worker.isolation.child", str(theirs.fileno()), str(os.getpid())),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                # Ctrl-C at the terminal is the worker's to answer; and what a handler starts dies with its group.
                start_new_session=True,
            )
        except BaseException as error:
            writer.close()
            if isinstance(error, OSError):
                raise ProcessNotStarted(f"no process could be started for the job: {error}") from error
            raise
        finally:
            theirs.close()
        child = cls(process, reader, writer)
        try:
            await child._get_ready(setup)
        except BaseException:
            await asyncio.shield(child.kill(0.0))
            raise
        return child

    async def _get_ready(self, setup: bytes) -> None:
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                answer = await self._ask(setup)
        except TimeoutError:
            text = f"the process for the job was not ready after {START_TIMEOUT_S:.0f} s"
            raise ProcessNotStarted(text) from None
        except ProcessDied as error:
            raise ProcessNotStarted(f"the process for the job ended while it started: {error}") from error
        if isinstance(answer, Unfit):
            text = f"the process for the job did not start: {last_line(answer.text)}\n\n{answer.text}"
            raise ProcessNotStarted(text)

    async def run(self, raw: bytes, context: Context, on_beat: Callable[[], None]) -> Done | Failed:
        """Run one job.

        Args:
            raw: its record.
            context: gets the progress and the heartbeats of the handler.
            on_beat: called after each of them.

        Raises:
            ProcessDied: the process ended under it.
        """
        self._context, self._on_beat = context, on_beat
        try:
            return cast("Done | Failed", await self._ask(raw))
        finally:
            self._context = self._on_beat = None

    async def _ask(self, message: bytes) -> Answer:
        if self.ended.is_set():
            raise self._death()
        self._answer = asyncio.get_running_loop().create_future()
        self._writer.write(HEADER.pack(len(message)) + message)
        try:
            return await self._answer
        finally:
            self._answer = None

    async def kill(self, after_s: float) -> None:
        """End the process and all it has started: SIGTERM, and SIGKILL if it still runs after so many seconds."""
        if after_s > 0:
            self._signal(signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(after_s):
                    await self.ended.wait()
        self._signal(signal.SIGKILL)
        await self.ended.wait()

    async def close(self, within_s: float) -> None:
        """Let an idle child end by itself, its shutdown hook run; kill it if that takes longer."""
        with suppress(OSError):
            self._writer.write_eof()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self.ended.wait()
        await self.kill(0.0)

    def _signal(self, number: int) -> None:
        """Signal the whole group. While the process is not reaped, or any member lives, the id is nobody else's."""
        if not self.ended.is_set():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    async def _live(self) -> None:
        """Hear what the child says until it has ended, and see to it that nothing is left of it."""
        hearing = asyncio.ensure_future(self._hear_all())
        exiting = asyncio.ensure_future(self._process.wait())
        try:
            await asyncio.wait([hearing, exiting], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait([exiting], timeout=FOLLOW_S)
            self._signal(signal.SIGKILL)
            self._exit_code = await exiting
            await asyncio.wait([hearing], timeout=FOLLOW_S)
        finally:
            # Cancelled, with the loop that ends: then nobody watches it any more, and it must not be waited for.
            self._signal(signal.SIGKILL)
            hearing.cancel()
            exiting.cancel()
            self._writer.close()
            self.ended.set()
            if self._answer is not None and not self._answer.done():
                self._answer.set_exception(self._death())

    async def _hear_all(self) -> None:
        with suppress(asyncio.IncompleteReadError, OSError):
            try:
                while True:
                    header = await self._reader.readexactly(HEADER.size)
                    self._hear(decode_answer(await self._reader.readexactly(*HEADER.unpack(header))))
            except msgspec.MsgspecError:
                log.exception("a process for isolated jobs speaks no known language and is ended")

    def _hear(self, answer: Answer) -> None:
        match answer:
            case Line():
                _log(answer)
            case Beat(key=key, fraction=fraction):
                if self._context is not None and self._on_beat is not None and self._context.key == key:
                    self._context.fraction = fraction
                    self._context.beat_at = time.monotonic()
                    self._on_beat()
            case Ready() | Unfit() | Done() | Failed():
                if self._answer is not None and not self._answer.done():
                    self._answer.set_result(answer)

    def _death(self) -> ProcessDied:
        return ProcessDied(describe_exit(self._exit_code), self._exit_code)


def describe_exit(code: int) -> str:
    """Return how a process ended, in words.

    Example:
        >>> describe_exit(-11)
        'its process was killed by SIGSEGV'
    """
    if code >= 0:
        return f"its process ended with exit code {code} before the job did"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    reason = ", most likely because the memory ran out" if -code == signal.SIGKILL else ""
    return f"its process was killed by {name}{reason}"


def _log(line: Line) -> None:
    """Write a child's log record as if it had been made here."""
    logger = logging.getLogger(line.logger)
    if not logger.isEnabledFor(line.level):
        return
    record = logger.makeRecord(line.logger, line.level, "", 0, line.message, (), None)
    record.created = line.created
    record.exc_text = line.traceback
    vars(record).update(line.facts)
    logger.handle(record)
