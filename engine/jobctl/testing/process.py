"""A real `jobctl run` under test: a process to kill, to pause, to stop, driven as the stepped worker is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jobctl.broker import keys
from jobctl.client.options import Duration, seconds
from jobctl.clock import utc
from jobctl.compiler.plan import Plan
from jobctl.errors import JobctlError, UsageError
from jobctl.scheduler.ticks import next_tick
from jobctl.testing.broker import HarnessBroker
from jobctl.testing.faults import Fault, unknown_jobs
from jobctl.testing.hosted import FAULTS, JOURNAL
from jobctl.testing.journal import DONE, START, Journal, count
from jobctl.testing.ran import Ran, Runs, ran_of_record
from jobctl.testing.worker_log import WorkerLog

LOOK_S = 0.005
DEADLINE_S = 60.0
FOREIGN = ("REDIS_", "JOBCTL_", "ASYNQ_")


class WorkerDidNotFinish(JobctlError):
    """A worker process did not come to rest in time, or did not start; the message ends with its log."""

    code = "test.worker"


class ProcessWorker:
    """A worker in a process of its own. It starts with the first drain, and anew when it has been killed or stopped.

    Args:
        plan: the compiled spec.
        spec: where the spec is, for the process.
        broker: the test's.
        folder: for its log, its journal and its faults.
        cwd: the folder it runs in, from which its handlers are imported.
        concurrency: jobs at once.
        arguments: more arguments of `jobctl run`.
        variables: more variables of its environment. Of this process's own it gets all but those that are jobctl's.
    """

    def __init__(
        self,
        plan: Plan,
        spec: Sequence[str | Path],
        broker: HarnessBroker,
        folder: Path,
        *,
        cwd: Path | None = None,
        concurrency: int = 1,
        arguments: Iterable[str] = (),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        if len(spec) != 1:
            raise UsageError(
                f"a worker process takes one path of specs, not {len(spec)}", hint="put them in one folder"
            )
        self.plan = plan
        self.broker = broker
        self.process: subprocess.Popen[bytes] | None = None
        self.history: list[Ran] = []
        self._folder = folder
        self._cwd = cwd
        self._command = [
            *(sys.executable, "-m", "jobctl.testing.hosted", str(folder), "run", "--spec", str(spec[0])),
            *("--concurrency", str(concurrency), "--log-format", "json", "--log-level", "debug", *arguments),
        ]
        self._has_scheduler = "--no-scheduler" not in self._command
        self._variables = dict(variables or {})
        self._log = WorkerLog(folder / "worker.log", plan)
        self._faults: list[Fault] = []
        self._ids: list[str] = []
        self._lost: list[Ran] = []
        self._names = {job.type: job.name for job in plan.registrations}

    @property
    def starts(self) -> Counter[str]:
        """Job key -> how often a handler began."""
        return count(Journal(self._folder / JOURNAL).read(), START)

    @property
    def ends(self) -> Counter[str]:
        """Job key -> how often a handler did all it does."""
        return count(Journal(self._folder / JOURNAL).read(), DONE)

    @property
    def pid(self) -> int | None:
        """The process's id, None while there is none."""
        return self.process.pid if self._runs() and self.process is not None else None

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self._log.text

    def inject(self, *faults: Fault) -> None:
        """Let these faults happen from now on, besides those injected before.

        Raises:
            UnknownJob: of a job that no spec declares.
        """
        unknown_jobs(faults, self.plan)
        self._faults += faults
        self._write_faults()

    async def start(self) -> None:
        """Start it if it does not run; return when it serves.

        Raises:
            WorkerDidNotFinish: it does not come up.
        """
        if self._runs():
            return
        self._note_death()
        if not (self._folder / FAULTS).exists():
            self._write_faults()
        env = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        env |= {"REDIS_URL": self.broker.url, **self._clock_variable(), **self._variables}
        said = self._log.starts()
        with self._log.path.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603, ASYNC220 - ourselves
                self._command, cwd=self._cwd, env=env, stdin=subprocess.DEVNULL, stderr=output
            )
        await self._until(lambda: self._log.starts() > said, "it did not start")
        self._ids.append(self._log.worker_id())

    async def drain(self, *, schedules: Collection[str] | None = None) -> Runs:
        """Wait until it has run everything that is due, and all that comes of it; return what ran.

        Raises:
            WorkerDidNotFinish: it does not come to rest within a minute.
            UsageError: some schedules only; a real worker fires all of its plan, or none.
        """
        if schedules is not None:
            raise UsageError("a worker process fires all schedules of its specs", hint="give it a spec with fewer")
        await self.start()
        started = time.monotonic()
        while True:
            if not self._runs():
                await self.start()  # a fault has killed it: as its supervisor would
            if self._is_at_rest():
                ran = [*self._log.take(self.broker), *self._take_lost()]
                self.history += ran
                return Runs(ran, self.plan)
            if time.monotonic() - started > DEADLINE_S:
                raise self._trouble("it did not come to rest")
            await asyncio.sleep(LOOK_S)

    async def advance(self, by: Duration, *, schedules: Collection[str] | None = None) -> Runs:
        """Let time pass with this worker at work, stepping from one due moment to the next; return what ran."""
        clock = self.broker.clock
        until_ms = clock.now_ms + round(seconds("advance", by) * 1000)
        ran = await self.drain(schedules=schedules)
        while True:
            due = [one for one in (self.broker.next_due_ms(), *self._ticks()) if one is not None]
            if not due or min(due) > until_ms:
                break
            clock.jump_to_ms(max(min(due), clock.now_ms + 1))
            ran += await self.drain()
        clock.jump_to_ms(until_ms)
        return ran + await self.drain()

    def kill(self) -> None:
        """Kill it as the kernel does when memory is short: SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Stop it as an operator does: SIGTERM, the grace, the rest handed back; return its exit code."""
        return self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Stop it in its tracks, as a machine that is suspended."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    async def close(self) -> None:
        """End it."""
        if self._runs():
            self.kill()

    def _runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _signal(self, number: signal.Signals) -> None:
        if self.process is None or not self._runs():
            raise UsageError("the worker process is not running", hint="it starts with the first drain")
        self.process.send_signal(number)

    def _end(self, number: signal.Signals) -> int:
        self._signal(number)
        self._signal_quietly(signal.SIGCONT)  # a paused process ends no other way
        assert self.process is not None  # noqa: S101 - it has been signalled
        return self.process.wait(DEADLINE_S)

    def _signal_quietly(self, number: signal.Signals) -> None:
        if self.process is not None and self._runs():
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)

    def _write_faults(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        fresh = self._folder / f"{FAULTS}.new"
        fresh.write_bytes(pickle.dumps(self._faults))
        fresh.replace(self._folder / FAULTS)

    def _clock_variable(self) -> dict[str, str]:
        from jobctl.broker.server_clock import VARIABLE

        return {VARIABLE: os.environ.get(VARIABLE, "")}

    def _note_death(self) -> None:
        """Note the jobs that a dead process still held."""
        if self.process is None:
            return
        self._lost += [
            ran_of_record(one, "lost", self._names, utc(one.started_ms / 1000), "its worker was killed")
            for one in self.broker.held_by(self._ids)
        ]
        self._ids.clear()

    def _take_lost(self) -> list[Ran]:
        lost, self._lost = self._lost, []
        return lost

    def _is_at_rest(self) -> bool:
        # Until its upkeep has seen the time that it is, nothing is known of what it will do.
        if not self.broker.is_watched(self.plan.queue_names) or not self.broker.is_quiet(self._ids):
            return False
        now_ms = self.broker.clock.now_ms
        return all(one is None or one > now_ms for one in self._ticks())

    def _ticks(self) -> list[int | None]:
        """Return when each schedule ticks next, by its last claimed tick, ms."""
        if not self._has_scheduler:
            return []
        found: list[int | None] = []
        for schedule in self.plan.schedules:
            last = self.broker.redis.hget(keys.schedule(schedule.id), "last_ms")
            if last is None:
                found.append(self.broker.clock.now_ms)  # not begun yet
                continue
            tick = next_tick(schedule, utc(int(last) / 1000))  # type: ignore[arg-type]
            found.append(None if tick is None else round(tick.timestamp() * 1000))
        return found

    async def _until(self, condition: Any, what: str) -> None:
        started = time.monotonic()
        while not condition():
            if not self._runs() or time.monotonic() - started > DEADLINE_S:
                raise self._trouble(what)
            await asyncio.sleep(LOOK_S)

    def _trouble(self, what: str) -> WorkerDidNotFinish:
        status = "runs" if self._runs() else f"has ended with {self.process.returncode if self.process else None}"
        return WorkerDidNotFinish(f"the worker process: {what}; it {status}\n{self.log[-3000:]}")
