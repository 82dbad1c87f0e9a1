"""The watch: a changed spec is checked, compared and applied to the running worker; a broken one changes nothing.

Files are looked at, not subscribed to: it is the same everywhere, network drives included. A change counts when two
looks find the same, so that a file half written is not read. The modules that the spec names are loaded again when
their own files change; what these import is not.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jobctl.compiler.diff import Difference, diff
from jobctl.compiler.facts import facts
from jobctl.compiler.handlers import Handler
from jobctl.compiler.plan import Plan
from jobctl.errors import HandlerError, JobctlError
from jobctl.spec import SpecErrors
from jobctl.spec.source import SUFFIXES
from jobctl.worker.hooks import WorkerHooks

if TYPE_CHECKING:
    from jobctl.worker.worker import Worker

log = logging.getLogger(__name__)

PERIOD_S = 0.5

Stamps = dict[Path, tuple[int, int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A spec ready to be served.

    Attributes:
        weights: as for `Worker.for_plan`.
    """

    plan: Plan
    handlers: Mapping[str, Handler]
    hooks: WorkerHooks
    weights: Mapping[str, int] | None = None


class Watch:
    """Looks at the files of a spec and applies what changes to a worker.

    Args:
        path: the spec's file, folder, or several of them.
        plan: the plan that the worker begins with.
        read: checks and compiles the spec as it is now, and imports its handlers; raises JobctlError with all that
            is wrong. Called in a thread.
        on_refused: told of a spec that is refused.
        period_s: seconds between two looks.
    """

    def __init__(
        self,
        path: str | Path | Sequence[str | Path],
        plan: Plan,
        read: Callable[[], Prepared],
        *,
        on_refused: Callable[[JobctlError], None] | None = None,
        period_s: float = PERIOD_S,
    ) -> None:
        self._paths = [Path(path)] if isinstance(path, str | Path) else [Path(one) for one in path]
        self._plan = plan
        self._read = read
        self._on_refused = on_refused
        self._period_s = period_s
        self._known = self._stamps()
        self._modules = self._module_stamps()
        self._unsettled: tuple[Stamps, Stamps] | None = None

    async def run(self, worker: Worker) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(self._period_s)
            await self.look(worker)

    async def look(self, worker: Worker) -> bool:
        """Look once; return whether a change has been applied."""
        found = await asyncio.to_thread(lambda: (self._stamps(), self._module_stamps()))
        if found == (self._known, self._modules):
            self._unsettled = None
            return False
        if found != self._unsettled:
            self._unsettled = found
            return False
        stale = [path for path in found[1] if path in self._modules and found[1][path] != self._modules[path]]
        self._known, self._modules = found
        self._unsettled = None
        try:
            if stale:
                await asyncio.to_thread(self._reload, stale)
            prepared = await asyncio.to_thread(self._read)
            difference = diff(facts(self._plan), facts(prepared.plan))
            if not difference.changes and not stale:
                return False
            begins_anew = worker.apply(prepared.plan, prepared.handlers, weights=prepared.weights, hooks=prepared.hooks)
        except JobctlError as error:
            self._refuse(error)
            return False
        self._plan = prepared.plan
        self._modules = await asyncio.to_thread(self._module_stamps)
        if difference.lost_types:
            text = "these types are served no more; jobs of them that wait fail when their turn comes"
            log.warning(text, extra={"types": ", ".join(difference.lost_types)})
        told = {**_told(difference), "fingerprint": prepared.plan.fingerprint}
        if stale:
            told["reloaded"] = ", ".join(path.name for path in stale)
        log.info("spec applied; beginning anew" if begins_anew else "spec applied", extra=told)
        return True

    def _refuse(self, error: JobctlError) -> None:
        problems = error.diagnostics if isinstance(error, SpecErrors) else ()
        told = [f"{one.location}: {one.message}" for one in problems] or [error.message]
        log.error("spec refused; going on with the one before", extra={"problems": "; ".join(told)})
        if self._on_refused is not None:
            self._on_refused(error)

    def _stamps(self) -> Stamps:
        return stamps_of(file for path in self._paths for file in spec_files(path))

    def _module_stamps(self) -> Stamps:
        paths = (getattr(sys.modules.get(name), "__file__", None) for name in _modules(self._plan))
        return stamps_of(Path(path) for path in paths if path)

    def _reload(self, files: Sequence[Path]) -> None:
        """Load changed modules again.

        Raises:
            HandlerError: one of them cannot be; the functions that are being served stay as they are.
        """
        importlib.invalidate_caches()
        for name in _modules(self._plan):
            module = sys.modules.get(name)
            if module is None or Path(str(module.__file__)) not in files:
                continue
            try:
                importlib.reload(module)
            except Exception as error:
                text = f"loading `{name}` again fails: {type(error).__name__}: {error}"
                raise HandlerError(text, code="spec.handler-import") from error


def _modules(plan: Plan) -> list[str]:
    """Return the modules that a plan names, each once."""
    hooks = (plan.hooks.startup, plan.hooks.shutdown, plan.hooks.error)
    paths = [job.handler for job in plan.registrations] + [path for path in hooks if path]
    return list(dict.fromkeys(path.partition(":")[0] for path in paths))


def spec_files(path: Path) -> Iterator[Path]:
    """Yield the YAML files at a path: itself, or those of the folder that are not hidden."""
    if not path.is_dir():
        yield path
        return
    for file in path.rglob("*"):
        is_hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        if file.name.endswith(SUFFIXES) and not is_hidden:
            yield file


def stamps_of(files: Iterable[Path]) -> Stamps:
    """Return what changes when a file does: file -> time, size and number; those that are gone are left out."""
    found: Stamps = {}
    for file in files:
        try:
            status = file.stat()
        except OSError:
            continue  # it has gone: so has its stamp, which is a change
        found[file] = (status.st_mtime_ns, status.st_size, status.st_ino)
    return found


def _told(difference: Difference) -> dict[str, str]:
    """Return what changed, for a line of the log."""
    names: dict[str, list[str]] = {}
    for change in difference.changes:
        names.setdefault(change.verb, []).append(f"{change.kind} {change.name}".rstrip())
    return {verb: ", ".join(found) for verb, found in names.items()}
