"""A load test of jobs of your own, in five lines: `locust -f examples/tenants/locustfile.py`.

The seeded invitation is sent again and again; all but the first run find it sent. `python -m examples.tenants.seed`
makes the database. What else a class may say stands in `jobctl.loadtest.user.JobUser`.
"""

from __future__ import annotations

from examples.tenants.seed import INVITATION
from jobctl.client import NewJob
from jobctl.loadtest import JobUser


class Invitations(JobUser):
    """Sends invitations, 50 a second."""

    spec = "jobspecs/"

    def next_job(self) -> NewJob:
        """Return the next job."""
        return NewJob("user-invitation", {"id": str(INVITATION)}, unique=False)
