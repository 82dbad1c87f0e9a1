"""The tenants system under the harness: configured by its environment as in production, timed by the test's clock."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import httpx
import pytest

from examples.tenants.database import Database
from examples.tenants.demo.loopback import LoopbackService
from jobctl.compiler.plan import Plan
from jobctl.testing import SteppedClock


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/tenants.db"


@pytest.fixture
def clock(jobctl_harness) -> SteppedClock:
    """The broker's clock, for the application as well."""
    return jobctl_harness.broker.clock


@pytest.fixture(autouse=True)
def application(
    monkeypatch: pytest.MonkeyPatch,
    db: Database,
    clock: SteppedClock,
    smtp_port: int,
    billing: LoopbackService,
    search: LoopbackService,
    plan: Plan,
) -> None:
    """What `jobctl run` would find in its environment; the startup hook of the specs opens the rest."""
    for name, value in {
        "DATABASE_URL": str(db.url),
        "EMAIL_PROVIDER": "smtp",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(smtp_port),
        "TENANT_INIT_SERVICES": f"billing={billing.url},search={search.url}",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("examples.tenants.resources.SystemClock", lambda: clock)
    monkeypatch.setattr("examples.tenants.resources.load_plan", lambda _: plan)
    # nothing here speaks TLS, and reading the certificates takes longer than all the rest
    monkeypatch.setattr("examples.tenants.services.httpx.AsyncClient", partial(httpx.AsyncClient, verify=False))
