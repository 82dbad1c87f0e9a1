"""What the tests of the tenants system stand on: real databases, a real SMTP server, real services, a clock to step."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from examples.tenants.config import Config, EmailConfig, EmailProvider, Service
from examples.tenants.database import Database
from examples.tenants.demo.loopback import LoopbackService, Mailbox, loopback_mail
from examples.tenants.mailer import make_mailer
from examples.tenants.models import Base
from examples.tenants.resources import STATE_KEY, Resources
from examples.tenants.seed import seed
from examples.tenants.services import ServicesClient
from jobctl import BlockingClient, Context, load_plan
from jobctl.broker.record import Wire
from jobctl.clock import FakeClock, utc
from jobctl.compiler.plan import Plan

SPECS = Path(__file__).parents[2] / "jobspecs"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a PostgreSQL of our own, on a socket only we can reach."""
    initdb = shutil.which("initdb") or next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)
    if initdb is None:
        pytest.skip("PostgreSQL is not installed: no initdb on PATH or in /usr/lib/postgresql")
    programs = Path(initdb).resolve().parent
    # PostgreSQL refuses to run as root: root hands it to an account without rights.
    account: dict[str, str] = {"user": "nobody"} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        if account:
            shutil.chown(folder, "nobody")

        def run(program: str, *words: str) -> None:
            command = [str(programs / program), "-D", f"{folder}/data", *words]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, **account)

        run("initdb", "-U", "tenants", "-A", "trust", "-E", "UTF8", "--no-sync")
        run("pg_ctl", "start", "-w", "-l", f"{folder}/log", "-o", f"-k {folder} -c listen_addresses= -c fsync=off")
        try:
            yield f"postgres://tenants@/postgres?host={folder}"
        finally:
            run("pg_ctl", "stop", "-m", "immediate")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/tenants.db"
    url: str = request.getfixturevalue("postgres_url")
    db = Database(url)
    Base.metadata.drop_all(db.engine)
    db.close()
    return url


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def now(clock: FakeClock) -> datetime:
    return utc(clock.time())


@pytest.fixture
def db(database_url: str, now: datetime) -> Iterator[Database]:
    """A database with the seeded rows."""
    database = Database(database_url)
    database.create_tables()
    seed(database, now=now)
    yield database
    database.close()


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def smtp_port(mailbox: Mailbox) -> Iterator[int]:
    with loopback_mail(mailbox) as port:
        yield port


@pytest.fixture
def billing() -> Iterator[LoopbackService]:
    with LoopbackService("billing").run() as service:
        yield service


@pytest.fixture
def search() -> Iterator[LoopbackService]:
    with LoopbackService("search").run() as service:
        yield service


@pytest.fixture(scope="session")
def plan() -> Plan:
    return load_plan(SPECS)


@pytest.fixture
async def resources(
    db: Database,
    clock: FakeClock,
    smtp_port: int,
    billing: LoopbackService,
    search: LoopbackService,
    plan: Plan,
    redis_url: str,
) -> AsyncIterator[Resources]:
    """Everything open, with the two services called billing and search."""
    email = EmailConfig(provider=EmailProvider.SMTP, host="127.0.0.1", port=smtp_port)
    config = Config(
        database_url=str(db.url),
        email=email,
        services=(Service(name="billing", url=billing.url), Service(name="search", url=search.url)),
    )
    services = ServicesClient()
    with BlockingClient(plan, redis_url) as broker:
        yield Resources(
            config=config,
            db=db,
            mailer=make_mailer(email),
            services=services,
            broker=broker,
            broker_url=redis_url,
            clock=clock,
        )
    await services.close()


@pytest.fixture
def context(resources: Resources, plan: Plan) -> Callable[..., Context]:
    """Make the context of one run of a job: ``context("tenant-init", attempt=2)``."""

    def make(job: str, *, key: str = "k1", attempt: int = 1, **changes: Any) -> Context:
        registration = plan.registration(job)
        wire = Wire(
            function=registration.type,
            key=key,
            queue=registration.queue,
            attempts=attempt - 1,
            retries=registration.attempts,
        )
        return Context(wire, name=registration.name, state={STATE_KEY: replace(resources, **changes)})

    return make
