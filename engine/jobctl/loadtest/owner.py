"""What a run has once, however many processes send: the broker, the workers, the thresholds, the result."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from jobctl import load_plan
from jobctl.broker.connect import connect_blocking, open_broker, translate_errors
from jobctl.broker.embedded import embedded_broker
from jobctl.broker.envelope import new_key
from jobctl.errors import BrokerError, UsageError
from jobctl.loadtest.clock import BrokerClock
from jobctl.loadtest.keyspace import keep_reserved, reserved
from jobctl.loadtest.options import Options
from jobctl.loadtest.result import Result, read_baseline
from jobctl.loadtest.workers import Workers, running
from jobctl.measure.runlog import Interval, RunLog, fairness_of, figures_of
from jobctl.measure.thresholds import judge_all, parse_thresholds
from jobctl.settings import Settings, redact_url

if TYPE_CHECKING:
    from jobctl.loadtest.user import JobUser

log = logging.getLogger(__name__)

HOME = "load"  # folder of the load tests' own embedded broker, in that of the environment's
NAMED = 3  # jobs that a result names
ALIVE_S = 1.0  # between signs of life, and looks at the memory


class Owner:
    """The run as a whole. It opens everything when made, which takes seconds; `start` begins, `stop` ends the sending.

    Call `close` at the end, whatever happens.

    Args:
        scenario: the class of the users.
        options: of the run.

    Attributes:
        id: of the run.
        url: the broker.
        is_embedded: whether that is the load tests' own.
        measured_from_ms: end of the warm-up, by the broker's clock.
        setting: what is measured, name -> text.
        is_over: the run ends; what stands beside the users returns.
        total: the log of all processes so far.

    Raises:
        JobctlError: the broker, the spec, a worker or a threshold is not as it must be; nothing is left open.
    """

    def __init__(self, scenario: type[JobUser], options: Options) -> None:
        self.id = new_key()
        self.scenario = scenario
        self.options = options
        settings = Settings.from_env()
        self.plan = load_plan(options.spec, weights=settings.weights, strict=False)  # as the workers we run
        registrations = [self.plan.registration(name) for name in options.jobs] or list(self.plan.registrations)
        queues = [each.name for each in self.plan.queues if each.name in {one.queue for one in registrations}]
        self.weights = {each.name: each.weight for each in self.plan.queues if each.name in queues}
        scopes = [*(each.name for each in registrations), *queues]
        asked = parse_thresholds(options.thresholds, measured=scenario.measured(), scopes=scopes)
        # Those of the spec hold for load tests of all kinds: as far as this one measures them.
        declared = [
            each
            for each in parse_thresholds(self.plan.thresholds)
            if each.metric.name in scenario.measured() and (not each.scope or each.scope in scopes)
        ]
        self.thresholds = (*declared, *asked)
        self.baseline = read_baseline(options.baseline) if options.baseline else None
        self.is_over = False
        self.total = RunLog()
        self.result: Result | None = None
        self.is_embedded = settings.redis_url is None
        with ExitStack() as stack:
            home = settings.home / HOME if self.is_embedded else None
            broker = embedded_broker(home) if home is not None else open_broker(settings)
            self.url = stack.enter_context(broker)
            stack.enter_context(translate_errors(self.url))
            self.server = stack.enter_context(connect_blocking(self.url))
            stack.enter_context(reserved(self.server, queues, run=self.id, is_shared=options.is_shared))
            count = int(self.is_embedded) if options.workers is None else options.workers
            if scenario.workers and not count:
                raise UsageError(
                    "this scenario needs workers of its own", hint=f"say `--jobctl-workers {scenario.workers}`"
                )
            env = stack.enter_context(scenario.world()) if count else {}
            self.workers: Workers = stack.enter_context(
                running(
                    self.server,
                    spec=options.spec,
                    url=self.url,
                    count=count,
                    concurrency=options.concurrency,
                    home=home,
                    lease=scenario.lease,
                    env=env,
                )
            )
            self.clock = BrokerClock(self.server)
            self._open = stack.pop_all()
        kept = f"{options.backlog:,} kept waiting in every queue"
        names = [each.name for each in registrations]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        self.setting = {
            "broker": "embedded" if self.is_embedded else redact_url(self.url),
            "workers": f"{count} of the test's own, {options.concurrency} at once each" if count else "yours",
            "jobs": ", ".join(names[:NAMED]) + more,
            "sent": kept if scenario.notes_starts else options.described,
        }
        self.measured_from_ms = self._stopped_ms = 0.0
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._stay_alive, self._beside)]
        self._threads[0].start()

    def start(self) -> None:
        """Begin: the warm-up counts from now."""
        self.measured_from_ms = self.clock.now_ms() + self.options.warmup_s * 1000
        self._threads[1].start()

    def conclude(self) -> Result:
        """Judge what was logged and return it; the time measured ended when `stop` was called."""
        interval = Interval(from_ms=self.measured_from_ms, to_ms=max(self._stopped_ms, self.measured_from_ms))
        fair = fairness_of(self.total, self.weights, interval) if self.scenario.notes_starts else None
        figures = figures_of(self.total, interval, fair)
        self.result = Result(
            scenario=self.scenario.scenario or self.scenario.__name__,
            setting=self.setting,
            run=self.id,
            interval=interval,
            warmup_s=self.options.warmup_s,
            is_closed=self.options.rate_per_s is None,
            log=self.total,
            figures=figures,
            fair=fair,
            verdicts=judge_all(self.thresholds, figures),
            kills=self.workers.kills,
            baseline=self.baseline,
        )
        return self.result

    def stop(self) -> None:
        """End the measured time, and what stands beside the users."""
        self.is_over = True
        self._stopped_ms = self.clock.now_ms()

    def close(self) -> None:
        """Stop the workers, clean up the broker and close it."""
        self.is_over = True
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self._open.close()

    def sleep(self, seconds: float) -> bool:
        """Sleep, unless the run ends before; return whether it goes on."""
        until_s = time.monotonic() + seconds
        while not self.is_over and time.monotonic() < until_s:
            time.sleep(min(0.1, seconds))
        return not self.is_over

    def _stay_alive(self) -> None:
        while self.sleep(ALIVE_S):
            try:
                with translate_errors(self.url):
                    keep_reserved(self.server, self.id)
                    memory: Any = self.server.info("memory")
            except BrokerError as error:
                log.warning("the broker is away: %s", error.message)
                continue
            now_ms = self.clock.now_ms()
            self.total.memory["broker", now_ms] = int(memory["used_memory"])
            self.total.memory["worker", now_ms] = self.workers.memory()

    def _beside(self) -> None:
        self.scenario.beside(self)
