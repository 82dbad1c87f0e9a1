"""Our part of a Locust environment: what a run begins with and how it ends, in one process or in several.

In one process everything happens there. Of a master and its workers the master owns the run: it opens the broker,
runs the job workers, asks the others to finish, adds up their logs and judges them; the others send.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from locust.runners import MasterRunner, WorkerRunner

from jobctl import load_plan
from jobctl.errors import BrokerError, JobctlError, UsageError
from jobctl.loadtest.options import Options, read_options
from jobctl.loadtest.owner import Owner
from jobctl.loadtest.session import Session
from jobctl.measure.runlog import RunLog
from jobctl.measure.thresholds import parse_thresholds
from jobctl.settings import Settings

if TYPE_CHECKING:
    from jobctl.loadtest.user import JobUser

log = logging.getLogger(__name__)

FINISH, LOG = "jobctl-finish", "jobctl-log"  # messages between Locust's processes
REPLY_SLACK_S = 20.0  # over the longest wait for jobs on their way
PAUSE_S = 0.1
PARENT_LOOK_S = 0.5
LOADED_IN = os.getpid()
FAULTS = ("lost", "dead", "cancelled", "refused")


class Plugin:
    """Our part of one Locust environment.

    Attributes:
        owner: the run under way, where this process owns it.
        last: the same, kept after its end.
        session: this process's part in the run under way, where it sends.
    """

    def __init__(self, environment: Any) -> None:  # Locust's own types say None of what is there at run time
        self.environment = environment
        self.loaded: list[type[Any]] = list(environment.user_classes)
        self.owner: Owner | None = None
        self.last: Owner | None = None
        self.session: Session | None = None
        self._prepared: Owner | None = None
        self._replied: set[str] = set()
        self._is_stopping = False
        runner = environment.runner
        if isinstance(runner, MasterRunner):
            runner.register_message(LOG, self._take_log, concurrent=True)
        elif isinstance(runner, WorkerRunner):
            runner.register_message(FINISH, self._send_log, concurrent=True)
            if os.getpid() != LOADED_IN:
                threading.Thread(target=self._end_with_parent, daemon=True).start()
        parse_thresholds(environment.parsed_options.threshold)
        if not isinstance(runner, WorkerRunner):
            self.choose(environment.parsed_options.jobctl_scenario)
            if environment.web_ui is None:
                self.prepare()

    # ---- the beginning

    def prepare(self) -> None:
        """Open what a run needs: before Locust's clock runs, where no browser starts it."""
        scenario = self._scenario()
        self._prepared = Owner(scenario, read_options(self.environment.parsed_options, scenario.defaults()))

    def discard(self) -> None:
        """Close what a run that never began would have needed."""
        if self._prepared is not None:
            self._prepared.close()
            self._prepared = None

    def begin(self) -> None:
        """Begin a run."""
        self._is_stopping = False
        scenario = self._scenario()
        if isinstance(self.environment.runner, WorkerRunner):
            self._join(scenario)
            return
        if self._prepared is None:
            self.prepare()
        assert self._prepared is not None  # noqa: S101 - just made
        self.owner = self.last = owner = self._prepared
        self._prepared = None
        options = owner.options
        owner.start()
        log.info("load test %s: scenario %s", owner.id, scenario.scenario or scenario.__name__)
        limit = threading.Timer(options.limit_s, self._end_by_limit, [owner])
        limit.daemon = True
        limit.start()
        if isinstance(self.environment.runner, MasterRunner):
            self._replied.clear()
            given = self.environment.parsed_options
            given.jobctl_broker = owner.url if owner.is_embedded else ""  # others have passwords in them
            given.jobctl_began_ms = owner.measured_from_ms
            given.jobctl_users = self.environment.runner.target_user_count
        else:
            self.session = self._session(scenario, options, owner.url, owner.measured_from_ms)

    def _join(self, scenario: type[JobUser]) -> None:
        given = self.environment.parsed_options
        url = given.jobctl_broker or Settings.from_env().redis_url
        if url is None:
            raise BrokerError("this Locust worker knows no broker", hint="set REDIS_URL here as on the master's host")
        options = read_options(given, scenario.defaults())
        self.session = self._session(scenario, options, url, given.jobctl_began_ms)

    def _session(self, scenario: type[JobUser], options: Options, url: str, measured_from_ms: float) -> Session:
        return Session(
            load_plan(options.spec),
            url,
            options,
            measured_from_ms=measured_from_ms,
            notes_starts=scenario.notes_starts,
            fire=self._fire,
        )

    def before(self, form: Mapping[str, str]) -> None:
        """Take what the form says before Locust acts on it: a run begins, or its users become more or fewer."""
        if name := form.get("jobctl_scenario"):
            self.choose(name)
        if (users := form.get("user_count", "")).isdecimal():
            self.environment.parsed_options.jobctl_users = int(users)

    def choose(self, name: str) -> None:
        """Of several shipped scenarios, leave Locust only one: before it deals out users to its processes."""
        environment = self.environment
        ui = environment.web_ui
        if environment.parsed_options.user_classes or (ui is not None and ui.userclass_picker_is_active):
            return  # somebody has chosen
        environment.user_classes = [
            each for each in self.loaded if not (issubclass(each, base()) and each.scenario) or each.scenario == name
        ]

    def _scenario(self) -> type[JobUser]:
        """Return the class of the users.

        Raises:
            UsageError: several scenarios were chosen; each would measure the others.
        """
        classes = self.environment.user_classes
        if isinstance(self.environment.runner, WorkerRunner):
            name = self.environment.parsed_options.jobctl_scenario  # the master's
            classes = [each for each in self.loaded if not name or getattr(each, "scenario", "") == name]
        ours: list[type[JobUser]] = [each for each in classes if issubclass(each, base())]
        if len(chosen := {each.scenario for each in ours if each.scenario}) > 1:
            raise UsageError(
                f"the scenarios {', '.join(sorted(chosen))} would measure each other", hint="choose one of them"
            )
        return ours[0]

    # ---- the end

    def finish(self) -> None:
        """End a run: nothing is sent any more, jobs on their way are waited for, what was measured is judged."""
        if self._is_stopping:
            return
        self._is_stopping = True
        owner, session = self.owner, self.session
        self.owner = None
        if owner is None:
            if session is not None and not session.is_over:  # the master has gone, or this process is interrupted
                session.abandon()
            return
        self.session = None
        try:
            owner.stop()
            if session is not None:
                owner.total.merge(session.finish())
            else:
                self._collect(owner)
            result = owner.conclude()
            result.write(owner.options)
        finally:
            owner.close()
        if result.missed:
            self.environment.process_exit_code = 6
        elif not owner.total.counts["completed"]:
            log.error("no job was done; is a worker running (`--jobctl-workers 1`)?")
            self.environment.process_exit_code = 1
        elif any(owner.total.counts[name] for name in FAULTS if name not in result.judged):
            log.error("not all jobs ended well")
            self.environment.process_exit_code = 1
        elif result.verdicts:
            self.environment.process_exit_code = 0  # Locust would count faults that a threshold allows
        if self.environment.web_ui is not None:
            print(result.text(), file=sys.stderr, flush=True)  # noqa: T201 - what the run was made for

    def show(self) -> None:
        """Print the result of the last run, at the end of all that Locust prints."""
        if self.last is not None and self.last.result is not None and self.environment.web_ui is None:
            print(self.last.result.text(), file=sys.stderr, flush=True)  # noqa: T201

    def current(self) -> Owner | None:
        """Return the run that is under way or was the last one, with all that has been logged so far."""
        if self.owner is not None and self.session is not None:
            self.owner.total.merge(self.session.take())
        return self.last

    def _collect(self, owner: Owner) -> None:
        """Ask all Locust workers to finish, and add up their logs."""
        runner = self.environment.runner
        asked = {client.id for client in runner.clients.all}
        runner.send_message(FINISH)
        deadline_s = time.monotonic() + owner.options.drain_s + REPLY_SLACK_S
        while asked - self._replied and time.monotonic() < deadline_s:
            time.sleep(PAUSE_S)
            asked &= {client.id for client in runner.clients.all if client.state != "missing"}
        if silent := asked - self._replied:
            log.error("%d Locust workers did not say how their jobs ended; the result lacks them", len(silent))

    def _take_log(self, msg: Any, **_: Any) -> None:
        """Take the last log of a Locust worker. Runs on the master."""
        if self.last is not None:
            self.last.total.merge(RunLog.from_json(msg.data))
        self._replied.add(msg.node_id)

    def _send_log(self, **_: Any) -> None:
        """Finish this Locust worker's part, and send its log to the master."""
        session = self.session
        rest = session.finish() if session is not None else RunLog()
        self.environment.runner.send_message(LOG, rest.to_json())

    def report(self, data: dict[str, Any]) -> None:
        """Add what was logged since the last time to what Locust tells the master."""
        if self.session is not None and not self.session.is_over:
            data["jobctl"] = self.session.take().to_json()

    def take_report(self, data: dict[str, Any]) -> None:
        """Take that on the master."""
        if self.owner is not None and "jobctl" in data:
            self.owner.total.merge(RunLog.from_json(data["jobctl"]))

    def _end_with_parent(self) -> None:
        """End when the process that forked this one has: Locust itself notices a minute later, and sends on until then.

        Runs in `--processes`, where Locust has loaded its files, and this module, before it forked.
        """
        while os.getppid() == LOADED_IN:
            time.sleep(PARENT_LOOK_S)
        self.environment.runner.quit()

    def _end_by_limit(self, owner: Owner) -> None:
        if self.owner is not owner:
            return
        log.warning("the run has reached its limit and is ended; `--jobctl-limit` allows more")
        runner = self.environment.runner
        runner.quit() if self.environment.web_ui is None else runner.stop()

    def _fire(self, kind: str, name: str, took_ms: float, fault: JobctlError | None) -> None:
        self.environment.events.request.fire(
            request_type=kind, name=name, response_time=took_ms, response_length=0, exception=fault
        )


def base() -> type[JobUser]:
    """Return the class that all our users derive from."""
    from jobctl.loadtest.user import JobUser  # which imports this module

    return JobUser


def all_below(kind: type[Any]) -> set[type[Any]]:
    """Return all classes that derive from one."""
    below = set(kind.__subclasses__())
    return below.union(*(all_below(each) for each in below))
