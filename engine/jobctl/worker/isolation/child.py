"""What runs in a child process: one isolated job after the other.

    python -m jobctl.worker.isolation.child SOCKET PARENT

The main thread runs plain functions, so that SIGTERM can end one between two of its steps and its `finally` blocks
run. A second thread is the event loop of async handlers and hooks, a third reads from the worker, and a fourth passes
progress and heartbeats on.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import inspect
import logging
import os
import pickle
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, NoReturn

import msgspec

from jobctl.broker.record import encode, read_wire
from jobctl.compiler.handlers import Handler, resolve
from jobctl.compiler.payload import PayloadSchema
from jobctl.compiler.plan import Registration
from jobctl.compiler.signatures import is_async
from jobctl.errors import PayloadError
from jobctl.outcomes import Cancel, Dead, RetryAfter
from jobctl.worker.callees import HandlerCallee
from jobctl.worker.context import Context
from jobctl.worker.isolation.link import Link, LogForwarder
from jobctl.worker.isolation.messages import Beat, Done, Failed, Kind, Ready, Setup, Unfit
from jobctl.worker.lifeline import die_with_parent
from jobctl.worker.tracebacks import text_of, traceback_text, with_cause

BEAT_PERIOD_S = 0.2  # the shortest heartbeat a spec may ask for is 1 s
TERMINATED = 128 + signal.SIGTERM  # as shells report it


class Child:
    """Runs jobs until the worker has no more, or sends SIGTERM."""

    def __init__(self, link: Link, setup: Setup) -> None:
        self._link = link
        self._setup = setup
        self._state: dict[str, Any] = {}
        self._callees: dict[str, HandlerCallee] = {}
        self._inbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._is_busy = threading.Event()
        self._context: Context | None = None
        self._task: Future[None] | None = None
        self._is_terminated = False
        self._loop = asyncio.new_event_loop()

    def run(self) -> None:
        """Get ready, run jobs, clean up.

        Raises:
            SystemExit: the child is unfit; the worker has been told why.
        """
        self._start_thread("loop", self._loop.run_forever)
        try:
            self._callees = {job.type: HandlerCallee(_bind(job), self._state) for job in self._setup.registrations}
            self._run_hook(self._setup.hooks.startup)
        except Exception as error:
            self._link.send(Unfit(traceback_text(error)))
            raise SystemExit(1) from error
        signal.signal(signal.SIGTERM, self._terminate)
        self._link.send(Ready())
        self._start_thread("reader", self._read)
        self._start_thread("beat", self._beat)
        while (raw := self._inbox.get()) is not None:
            answer = self._answer(raw)
            self._context = None
            self._is_busy.clear()
            self._link.send(answer)
        with contextlib.suppress(Exception):  # as in a worker: a failing shutdown hook changes nothing any more
            self._run_hook(self._setup.hooks.shutdown)
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _answer(self, raw: bytes) -> Done | Failed:
        try:
            wire = read_wire(raw)
            callee = self._callees[wire.function]
            self._context, payload = callee.prepare(wire, raw)
            answer = callee.call(self._context, **payload)
            result = self._wait_for(answer) if callee.is_async else answer
        except BaseException as error:
            if self._is_terminated:
                self._exit(TERMINATED)
            return _failed(error)
        try:
            return Done(msgspec.Raw(encode(result)))
        except Exception as error:  # a class of the application's may fail in any way when it is read
            return Failed(Kind.DEAD, f"the result is not JSON: {text_of(error)}", type(error).__name__)

    def _wait_for(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the loop's thread, and wait until it has really ended, also when it is cancelled."""
        done: Future[Any] = Future()

        async def run() -> None:
            try:
                done.set_result(await coroutine)
            except BaseException as error:
                done.set_exception(error)

        self._task = asyncio.run_coroutine_threadsafe(run(), self._loop)
        try:
            return done.result()
        finally:
            self._task = None

    def _run_hook(self, path: str | None) -> None:
        if path is None:
            return
        hook: Callable[..., Any] = resolve(path)
        if inspect.iscoroutinefunction(hook):
            self._wait_for(hook(self._state))
        else:
            hook(self._state)

    def _terminate(self, *_: object) -> None:
        """SIGTERM: stop the job, let its `finally` blocks run, and end. SIGKILL follows if that takes too long."""
        self._is_terminated = True
        if self._task is not None:
            self._task.cancel()
        elif self._is_busy.is_set():
            raise SystemExit(TERMINATED)
        else:
            self._exit(TERMINATED)

    def _read(self) -> None:
        while (raw := self._link.receive()) is not None:
            self._is_busy.set()
            self._inbox.put(raw)
        if self._is_busy.is_set():
            # The worker has gone. Its job will run elsewhere, so it must not go on here, nor what it has started.
            if os.getpgrp() == os.getpid():
                os.killpg(os.getpgrp(), signal.SIGKILL)
            self._exit(TERMINATED)
        self._inbox.put(None)

    def _beat(self) -> None:
        """Pass progress and heartbeats on, in a thread: the handler may hold on to its own."""
        told: tuple[Any, ...] = ()
        while self._is_busy.wait():
            time.sleep(BEAT_PERIOD_S)
            context = self._context
            if context is None or not context.beat_at:
                continue
            news = (context.key, context.fraction, context.beat_at)
            if news != told:
                told = news
                with contextlib.suppress(OSError):
                    self._link.send(Beat(context.key, context.fraction))

    @staticmethod
    def _start_thread(name: str, target: Callable[[], None]) -> None:
        threading.Thread(target=target, name=f"jobctl-{name}", daemon=True).start()

    @staticmethod
    def _exit(code: int) -> NoReturn:
        """End now: threads that the handler has left behind are not waited for."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(code)


def _bind(job: Registration) -> Handler:
    function = resolve(job.handler)
    return Handler(
        type=job.type,
        function=function,
        is_async=is_async(function),
        registration=job,
        schema=PayloadSchema(job.name, job.payload),
    )


def _failed(error: BaseException) -> Failed:
    name = type(error).__name__
    if isinstance(error, Cancel):
        return Failed(Kind.CANCEL, text_of(error), name)
    if isinstance(error, Dead):
        return Failed(Kind.DEAD, with_cause(error, ""), name)
    if isinstance(error, PayloadError):
        return Failed(Kind.DEAD, text_of(error), name)
    if isinstance(error, RetryAfter) and hasattr(error, "delay_s"):
        return Failed(Kind.RETRY_AFTER, text_of(error), name, error.delay_s)
    if isinstance(error, asyncio.CancelledError | CancelledError):
        return Failed(Kind.ERROR, "the handler let a CancelledError out that nobody had asked for", name)
    return Failed(Kind.ERROR, traceback_text(error), name)


def main() -> None:
    """Run the child that a worker has started."""
    link = Link(socket.socket(fileno=int(sys.argv[1])))
    die_with_parent(int(sys.argv[2]), signal.SIGKILL)
    faulthandler.enable()  # a crash leaves a traceback on stderr
    first = link.receive()
    if first is None:
        return
    setup: Setup = pickle.loads(first)  # noqa: S301 - from our own parent, over a socket that nobody else holds
    sys.path[:] = setup.path
    logging.getLogger().addHandler(LogForwarder(link))
    logging.getLogger().setLevel(setup.log_level)
    Child(link, setup).run()


if __name__ == "__main__":
    main()
