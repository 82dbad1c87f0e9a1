"""The tenants' world under load: `python -m loadtests._world_server FOLDER`.

A database with many tenants and invitations, services that answer, a mail server that keeps nothing. It says what the
workers' environment must hold as one line of JSON, and ends with its standard input.
"""

from __future__ import annotations

import json
import sys
import uuid
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from examples.tenants.database import Database
from examples.tenants.demo.loopback import HOST, LoopbackService, Mailbox, loopback_mail
from examples.tenants.models import Invitation, Tenant
from examples.tenants.seed import GLOBEX, seed, seed_id
from loadtests._world import INVITATIONS, TENANTS, invitation_id, tenant_id

SERVICES = ("billing", "search")


class Waste(Mailbox):
    """Takes every letter and keeps none, for there will be many."""

    async def handle_DATA(self, *_: object) -> str:  # noqa: N802 - aiosmtpd's name
        """Answer a letter."""
        return self.data_answer


def fill(db: Database, now: datetime) -> None:
    """Make tables, the seeded rows, and the many tenants and invitations."""
    db.create_tables()
    seed(db, now=now)
    tenants = [
        {"id": uuid.UUID(tenant_id(number)), "name": f"Tenant {number}", "slug": f"tenant-{number}", "details": {},
         "created_at": now}
        for number in range(TENANTS)
    ]  # fmt: skip
    invitations = [
        {
            "id": uuid.UUID(invitation_id(number)),
            "tenant_id": GLOBEX,
            "role_id": seed_id("role/member"),
            "email": f"user-{number}@example.org",
            "token": uuid.UUID(invitation_id(number)).hex,
            "created_at": now,
            "expires_at": now + timedelta(days=7),
        }
        for number in range(INVITATIONS)
    ]
    with db.begin() as session:
        session.execute(insert(Tenant), tenants)
        session.execute(insert(Invitation), invitations)


def main(folder: Path) -> None:
    """Serve until standard input ends."""
    with ExitStack() as stack:
        db = Database(f"sqlite:///{folder}/tenants.db")
        stack.callback(db.close)
        fill(db, datetime.now(UTC))
        port = stack.enter_context(loopback_mail(Waste()))
        services = [stack.enter_context(LoopbackService(name).run()) for name in SERVICES]
        env = {
            "DATABASE_URL": str(db.url),
            "EMAIL_PROVIDER": "smtp",
            "SMTP_HOST": HOST,
            "SMTP_PORT": str(port),
            "TENANT_INIT_SERVICES": ",".join(f"{each.name}={each.url}" for each in services),
        }
        print(json.dumps(env), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
