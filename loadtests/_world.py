"""What the tenants jobs need around them: a process with a database, services and a mail server, `_world_server.py`."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from jobctl.worker.lifeline import scratch_folder

TENANTS = 1_000
INVITATIONS = 4_000
STOP_TIMEOUT_S = 20.0


def tenant_id(number: int) -> str:
    """Return the id of a tenant, any number."""
    return _id("tenant", number % TENANTS)


def invitation_id(number: int) -> str:
    """Return the id of an invitation, any number."""
    return _id("invitation", number % INVITATIONS)


def _id(kind: str, number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://tenants.example/load/{kind}/{number}"))


@contextmanager
def world() -> Iterator[Mapping[str, str]]:
    """Run the process; yield the environment that workers need, as it says."""
    with scratch_folder("jobctl-load-") as folder:
        command = [sys.executable, "-m", "loadtests._world_server", str(folder)]
        with subprocess.Popen(
            command, cwd=Path(__file__).parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin is not None  # noqa: S101 - it was asked for
            assert process.stdout is not None  # noqa: S101
            try:
                env: Mapping[str, str] = json.loads(process.stdout.readline())
                yield env
            finally:
                process.stdin.close()
                try:
                    process.wait(STOP_TIMEOUT_S)
                except subprocess.TimeoutExpired:
                    process.kill()
