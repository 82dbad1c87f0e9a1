"""What `jobctl run --metrics-port` adds: the workers' metrics and probes, of one process or of a supervisor's many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobctl.metrics.processes import Snapshots
    from jobctl.worker.beside import Beside
    from jobctl.worker.supervised import Line

FOLDER = "JOBCTL_SNAPSHOTS"  # where the workers of a supervisor leave their snapshots


@contextmanager
def monitored(address: tuple[str, int], line: Line | None, variables: Mapping[str, str]) -> Iterator[Beside]:
    """Yield what is to run beside a worker, so that its metrics are served.

    Args:
        address: host and port.
        line: to the supervisor, which then serves them.
        variables: of the environment; under a supervisor they say where it looks for snapshots.

    Raises:
        UsageError: it cannot listen there.
    """
    from jobctl.metrics.processes import Folder, Own
    from jobctl.worker.snapshot import Watcher

    if line is not None:
        yield Watcher(Folder(Path(variables[FOLDER])).teller(line.number)).run
        return
    own = Own()
    with _served(address, own, 1):
        yield Watcher(own.tell).run


@contextmanager
def supervised(
    address: tuple[str, int] | None, processes: int, variables: Mapping[str, str]
) -> Iterator[Mapping[str, str]]:
    """Yield the environment for workers whose metrics this process serves; without an address, as it is."""
    if address is None:
        yield variables
        return
    import tempfile

    from jobctl.metrics.processes import Folder

    with tempfile.TemporaryDirectory(prefix="jobctl-") as folder, _served(address, Folder(Path(folder)), processes):
        yield {**variables, FOLDER: folder}


@contextmanager
def _served(address: tuple[str, int], snapshots: Snapshots, processes: int) -> Iterator[None]:
    from jobctl.metrics.processes import Processes
    from jobctl.metrics.serving import serving

    told = Processes(snapshots, processes)
    with serving(*address, told.scrape, {"/healthz": told.unhealthy, "/readyz": told.unready}):
        yield
