"""What the handlers share: opened once by the startup hook, closed by the shutdown hook, found through the context."""

from __future__ import annotations

from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from examples.tenants.config import Config
from examples.tenants.database import Database
from examples.tenants.delivery import Postman
from examples.tenants.mailer import Mailer, make_mailer
from examples.tenants.outbox import Outbox
from examples.tenants.services import ServicesClient
from jobctl import BlockingClient, load_plan
from jobctl.broker.connect import connect_blocking, open_broker, translate_errors
from jobctl.clock import Clock, SystemClock, utc
from jobctl.settings import Settings

STATE_KEY = "tenants"
SPECS = Path(__file__).parents[2] / "jobspecs"
"""The specs of this application: what its API and its outbox enqueue by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """The open database, clients and configuration."""

    config: Config
    db: Database
    mailer: Mailer
    services: ServicesClient
    broker: BlockingClient
    broker_url: str
    clock: Clock

    @property
    def postman(self) -> Postman:
        """What delivers letters at most once."""
        return Postman(self.db, self.mailer, self.clock)

    @property
    def outbox(self) -> Outbox:
        """What keeps promised jobs."""
        return Outbox(self.db, self.broker, self.clock)

    def check_broker(self) -> None:
        """Ask the broker for a sign of life.

        Raises:
            BrokerError: it gives none.
        """
        with translate_errors(self.broker_url), closing(connect_blocking(self.broker_url)) as redis:
            redis.ping()

    def now(self) -> datetime:
        """Return the time, aware UTC."""
        return utc(self.clock.time())


@asynccontextmanager
async def open_resources(config: Config | None = None, settings: Settings | None = None) -> AsyncIterator[Resources]:
    """Open everything, by the environment unless told otherwise; create missing tables."""
    config = config or Config.from_env()
    settings = settings or Settings.from_env()
    db = Database(config.database_url)
    db.create_tables()
    services = ServicesClient()
    try:
        with open_broker(settings) as url, BlockingClient(load_plan(SPECS), url) as broker:
            yield Resources(
                config=config,
                db=db,
                mailer=make_mailer(config.email),
                services=services,
                broker=broker,
                broker_url=url,
                clock=SystemClock(),
            )
    finally:
        await services.close()
        db.close()


def resources_of(state: MutableMapping[str, Any]) -> Resources:
    """Return what the startup hook put into a worker's state."""
    return cast(Resources, state[STATE_KEY])
