"""The server of all tests of one process: started by the first that needs it, stopped when the process ends."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from jobctl.broker.embedded import EmbeddedServer

_shared: EmbeddedServer | None = None


def shared_server() -> str:
    """Return the URL of this process's server.

    Each process has its own: tests in parallel, as by `pytest -n`, do not meet.

    Raises:
        NoEmbeddedBroker: there is no server binary, or it does not start.
    """
    global _shared  # noqa: PLW0603 - one a process is what it is for
    if _shared is None:
        server = EmbeddedServer(Path(tempfile.mkdtemp(prefix="jobctl-test-")))
        server.attach()
        atexit.register(stop_shared_server)
        _shared = server
    return _shared.url


def stop_shared_server() -> None:
    """Stop it and remove its folder, if it has been started."""
    global _shared
    if _shared is not None:
        server, _shared = _shared, None
        server.detach()
        shutil.rmtree(server.home, ignore_errors=True)
