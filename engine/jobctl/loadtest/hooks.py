"""Where Locust's life cycle meets ours: a run begins with `test_start`, and ends before its users are stopped."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from gevent import GreenletExit
from locust.runners import WorkerRunner

from jobctl.errors import JobctlError
from jobctl.loadtest.options import add_options
from jobctl.loadtest.plugin import Plugin, all_below, base
from jobctl.loadtest.session import Session
from jobctl.loadtest.webtabs import add_tabs
from jobctl.settings import Settings, redact_url

if TYPE_CHECKING:
    from locust.argument_parser import LocustArgumentParser
    from locust.env import Environment

log = logging.getLogger(__name__)

INTERRUPTED = 130

PLUGINS: WeakKeyDictionary[Environment, Plugin] = WeakKeyDictionary()
"""The plugin of each Locust environment: one, where Locust is started from the command line."""


def session_of(environment: Environment) -> Session | None:
    """Return this process's part in the run; None = no run is under way."""
    plugin = PLUGINS.get(environment)
    return plugin.session if plugin is not None else None


def users_of(environment: Any) -> int:
    """Return how many users the whole run has, in all processes, or will have when all are there."""
    runner = environment.runner
    is_told = isinstance(runner, WorkerRunner)  # the master knows
    count: int = environment.parsed_options.jobctl_users if is_told else runner.target_user_count
    return max(count, 1)


def install(events: Any) -> None:
    """Listen to Locust's events."""
    events.init_command_line_parser.add_listener(_add_options)
    events.init.add_listener(_init)
    events.test_start.add_listener(_start)
    events.test_stopping.add_listener(_stopping)
    events.report_to_master.add_listener(_report)
    events.worker_report.add_listener(_take_report)
    events.quitting.add_listener(_quitting)
    events.quit.add_listener(_quit)


def _add_options(parser: LocustArgumentParser, **_: Any) -> None:
    add_options(parser, sorted(each.scenario for each in all_below(base()) if each.scenario))


def _init(environment: Any, **_: Any) -> None:
    try:
        PLUGINS[environment] = plugin = Plugin(environment)
    except JobctlError as error:
        _say(error)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    if environment.web_ui is not None:
        environment.host = environment.host or _broker()
        add_tabs(environment.web_ui, plugin.current, plugin.before)


def _start(environment: Any, **_: Any) -> None:
    try:
        PLUGINS[environment].begin()
    except JobctlError as error:
        _say(error)
        if environment.web_ui is None:
            raise SystemExit(error.exit_code) from None
        # The browser goes on: the error stands under its tab of exceptions, the next run may be better.
        environment.runner.log_exception("master", f"{error}{_hint(error)}", "".join(traceback.format_tb(None)))
        raise GreenletExit from None


def _stopping(environment: Any, **_: Any) -> None:
    try:
        PLUGINS[environment].finish()
    except JobctlError as error:
        _say(error)
        environment.process_exit_code = error.exit_code


def _report(data: dict[str, Any], **_: Any) -> None:
    for plugin in PLUGINS.values():
        plugin.report(data)


def _take_report(data: dict[str, Any], **_: Any) -> None:
    for plugin in PLUGINS.values():
        plugin.take_report(data)


def _quitting(environment: Any, **_: Any) -> None:
    if plugin := PLUGINS.get(environment):
        plugin.discard()


def _quit(**_: Any) -> None:
    for plugin in PLUGINS.values():
        plugin.show()


def _broker() -> str:
    """Return what the browser's page shows as the host."""
    url = Settings.from_env().redis_url
    return "embedded broker" if url is None else redact_url(url)


def _say(error: JobctlError) -> None:
    log.error("%s%s", error, _hint(error))


def _hint(error: JobctlError) -> str:
    return f" (hint: {error.hint})" if error.hint else ""
