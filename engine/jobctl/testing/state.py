"""The state of a worker under test: what the application's startup hook makes, or what a test puts in its place."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from jobctl.worker.hooks import WorkerHooks, await_hook, call_hook


class WorkerState:
    """Opened with the first job, closed at the end.

    Args:
        hooks: finds the application's; called with the first job.
        given: handlers get this instead of what the startup hook makes; neither it nor the shutdown hook is called.
    """

    def __init__(self, hooks: Callable[[], WorkerHooks], given: dict[str, Any] | None = None) -> None:
        self._find_hooks = hooks
        self._given = given
        self._made: dict[str, Any] | None = None

    @cached_property
    def hooks(self) -> WorkerHooks:
        """The application's hooks."""
        return self._find_hooks()

    async def open(self) -> dict[str, Any]:
        """Return the state, made by the startup hook when it is first asked for."""
        if self._given is not None:
            return self._given
        if self._made is None:
            made: dict[str, Any] = {}
            if self.hooks.startup is not None:
                await await_hook(self.hooks.startup, made)
            self._made = made
        return self._made

    def anew(self) -> WorkerState:
        """Return the state of another worker of the same application: made by itself, unless a test has given it."""
        return WorkerState(self._find_hooks, self._given)

    async def close(self) -> None:
        """Call the shutdown hook, if the startup hook has been called."""
        made, self._made = self._made, None
        if made is not None and self.hooks.shutdown is not None:
            await call_hook("shutdown", self.hooks.shutdown, made)
