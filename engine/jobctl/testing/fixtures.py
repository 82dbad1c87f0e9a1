"""The fixtures of projects that have specs: `jobs`, `client`, `worker`, `broker`, `clock`; `jobctl_state` to override.

In an ``async def`` test `jobs`, `worker` and `client` are to be awaited, in a plain one they block. A fixture steps
aside where another plugin has one of its name; `jobctl_harness` has them all.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from jobctl.errors import UsageError
from jobctl.names import did_you_mean
from jobctl.testing.failures import Hints, Histories
from jobctl.testing.plugin import spec_of
from jobctl.testing.specs import choose_spec, spec_paths

if TYPE_CHECKING:
    from jobctl.testing.broker import HarnessBroker
    from jobctl.testing.clock import SteppedClock
    from jobctl.testing.harness import Harness, Options
    from jobctl.testing.jobs import BlockingJobs, BlockingWorker, HarnessWorker, Jobs
    from jobctl.testing.noted import NotedBlockingClient, NotedClient

MARKER = (
    "jobctl(spec=..., worker='stepped' or 'process', concurrency=1, start=datetime, cwd=..., variables={}): "
    "what the fixtures of jobctl are to be like in this test"
)


def join(config: pytest.Config) -> None:
    """Register the fixtures, but for those whose names other plugins have taken."""
    config.addinivalue_line("markers", MARKER)
    choose_spec(spec_of(config))
    if str(config.rootpath) not in sys.path:
        sys.path.append(str(config.rootpath))  # handlers are imported as `jobctl run` does from there
    # A conftest's fixtures come first in its own folder, and ours stay in all others.
    others = [
        plugin
        for plugin in config.pluginmanager.get_plugins()
        if Path(getattr(plugin, "__file__", None) or "").name != "conftest.py"
    ]
    ours = {name: fixture for name, fixture in FIXTURES.items() if not any(_offers(one, name) for one in others)}
    module = ModuleType("jobctl_fixtures")
    vars(module).update(ours, pytest_unconfigure=_stop_server)
    for plugin in (module, Hints(), Histories()):
        config.pluginmanager.register(plugin)


def _offers(plugin: object, name: str) -> bool:
    found = inspect.getattr_static(plugin, name, None)
    return type(found).__name__ == "FixtureFunctionDefinition" or hasattr(found, "_pytestfixturefunction")


def _stop_server() -> None:
    server = sys.modules.get("jobctl.testing.server")
    if server is not None:
        server.stop_shared_server()


@pytest.fixture
def jobctl_state() -> dict[str, Any] | None:
    """What handlers get as `ctx.state`; None, unless overridden, is what the startup hook of the specs makes."""
    return None


@pytest.fixture
def jobctl_harness(request: pytest.FixtureRequest, jobctl_state: dict[str, Any] | None) -> Iterator[Harness]:
    """All parts of the harness for one test, on an empty broker whose clock stands still."""
    from jobctl.testing.harness import Harness

    options = _options(request)
    if _is_async(request):
        harness = Harness(options, jobctl_state)
        with _resting_with_test(request.node, harness):
            yield harness
        harness.release()
    else:
        harness = Harness(options, jobctl_state, is_blocking=True)
        yield harness
        harness.close()


def _options(request: pytest.FixtureRequest) -> Options:
    from jobctl.testing.harness import Options

    marker = request.node.get_closest_marker("jobctl")
    chosen = dict(marker.kwargs) if marker else {}
    known = [field.name for field in fields(Options)]
    for name in chosen:
        if name not in known:
            hint = did_you_mean(name, known) or f"there are {', '.join(known)}"
            raise UsageError(f"the marker `jobctl` has no option `{name}`", hint=hint)
    paths = spec_paths(chosen.pop("spec", None))
    variables = {**variables_of(request.config), **(chosen.pop("variables", None) or {})}
    chosen = {"cwd": request.config.rootpath, **chosen}
    return Options(spec=[request.config.rootpath / path for path in paths], variables=variables, **chosen)


def variables_of(config: pytest.Config) -> dict[str, str]:
    """Return variables by which a worker process finds modules where pytest was told to find them: `pythonpath`."""
    paths = [str(path) for path in config.getini("pythonpath")]
    if not paths:
        return {}
    before = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join([*paths, *([before] if before else [])])}


def _test_function(node: Any) -> tuple[Any, str, Any]:
    """Return what holds the test's function, under which name, and the function: hypothesis puts one around it."""
    inner = getattr(node.obj, "hypothesis", None)
    return (inner, "inner_test", inner.inner_test) if inner is not None else (node, "obj", node.obj)


def _is_async(request: pytest.FixtureRequest) -> bool:
    return hasattr(request.node, "obj") and inspect.iscoroutinefunction(_test_function(request.node)[2])


@contextmanager
def _resting_with_test(node: Any, harness: Harness) -> Iterator[None]:
    """Let the test, or each example of it, end what belongs to its event loop: that is closed before fixtures end."""
    holder, name, function = _test_function(node)

    @functools.wraps(function)
    async def resting(*args: Any, **kwargs: Any) -> None:
        try:
            await function(*args, **kwargs)
        finally:
            await harness.rest()

    setattr(holder, name, resting)
    try:
        yield
    finally:
        setattr(holder, name, function)


@pytest.fixture
def jobs(jobctl_harness: Harness) -> Jobs | BlockingJobs:
    """The jobs of the specs: `perform`, `assert_enqueued`, `refute_enqueued`, `account`."""
    return jobctl_harness.jobs


@pytest.fixture
def worker(jobctl_harness: Harness) -> HarnessWorker | BlockingWorker:
    """A worker that works when told to: `drain`, `advance`, `inject`, `kill`."""
    return jobctl_harness.worker


@pytest.fixture
def client(jobctl_harness: Harness) -> NotedClient | NotedBlockingClient:
    """A client that enqueues on this test's broker."""
    return jobctl_harness.client


@pytest.fixture
def broker(jobctl_harness: Harness) -> HarnessBroker:
    """The broker: `url`, `redis`, `records`, and `link` to break."""
    return jobctl_harness.broker


@pytest.fixture
def clock(jobctl_harness: Harness) -> SteppedClock:
    """The broker's clock, which stands still: `now`, `jump`."""
    return jobctl_harness.broker.clock


FIXTURES = {
    "jobctl_state": jobctl_state,
    "jobctl_harness": jobctl_harness,
    "jobs": jobs,
    "worker": worker,
    "client": client,
    "broker": broker,
    "clock": clock,
}
