"""How does an application with jobs of all kinds behave?

    locust -f loadtests/mixed.py --headless -u 5 -r 5 -t 30s

The jobs of `jobspecs/`, in the mix of a working day: mostly invitations by mail, some new tenants whose services are
called, health checks, a little housekeeping. Workers of the test's own (one, unless `--jobctl-workers` says otherwise)
have a database, services and a mail server of their own; with workers of yours, theirs.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from random import Random

from jobctl.client import NewJob
from jobctl.loadtest import JobUser

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT))  # whatever folder Locust is started in; workers get this path as well

from loadtests._world import invitation_id, tenant_id, world  # noqa: E402

PERCENT = {"user-invitation": 62, "tenant-init": 20, "health-check": 15, "outbox-drain": 2, "system-user-expiry": 1}


class Mixed(JobUser):
    """Sends the tenants' jobs, 20 a second."""

    scenario = "mixed"
    spec = str(ROOT / "jobspecs")
    jobs = tuple(PERCENT)
    rate = 20.0
    arrivals = "poisson"
    workers = 1
    random = Random()

    @classmethod
    def world(cls) -> AbstractContextManager[Mapping[str, str]]:
        """Open a database, services and a mail server."""
        return world()

    def next_job(self) -> NewJob:
        """Return a job drawn by its share."""
        number = next(self.numbers)
        (name,) = self.random.choices(tuple(PERCENT), tuple(PERCENT.values()))
        match name:
            case "tenant-init":
                payload = {"id": tenant_id(number)}
            case "user-invitation":
                payload = {"id": invitation_id(number)}
            case _:
                payload = {}
        return NewJob(name, payload, unique=False)
