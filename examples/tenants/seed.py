"""A database to try things on: roles, tenants, invitations and system users, with the same ids each time.

python -m examples.tenants.seed
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from examples.tenants.config import Config
from examples.tenants.database import Database
from examples.tenants.models import Base, Invitation, InvitationStatus, Role, SystemUser, Tenant, TenantStatus

ROLES = ("owner", "admin", "member")


def seed_id(name: str) -> uuid.UUID:
    """Return the id of a seeded row, e.g. of ``tenant/acme``."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"https://tenants.example/{name}")


ACME = seed_id("tenant/acme")
GLOBEX = seed_id("tenant/globex")
INVITATION = seed_id("invitation/ada")


def seed(db: Database, *, now: datetime) -> int:
    """Add the seeded rows that are missing; return how many were.

    Two tenants (acme waits for its services, globex is active), an invitation to globex that has not been mailed, and
    three system users: one valid, one whose grace period has begun, one whose time is over.
    """
    added = 0
    for row in _rows(now):  # one after the other, for they refer to one another
        with db.begin() as session:
            if session.get(type(row), row.id) is None:  # type: ignore[attr-defined]  # each model has one
                session.add(row)
                added += 1
    return added


def _rows(now: datetime) -> list[Base]:
    day = timedelta(days=1)
    return [
        *(Role(id=seed_id(f"role/{name}"), name=name) for name in ROLES),
        Tenant(id=ACME, name="Acme Corporation", slug="acme", details={"plan": "team", "seats": 12}, created_at=now),
        Tenant(
            id=GLOBEX,
            name="Globex",
            slug="globex",
            status=TenantStatus.ACTIVE,
            details={"plan": "solo"},
            created_at=now - 30 * day,
            activated_at=now - 30 * day,
        ),
        Invitation(
            id=INVITATION,
            tenant_id=GLOBEX,
            role_id=seed_id("role/admin"),
            email="ada@example.org",
            token=seed_id("token/ada").hex,
            created_at=now,
            expires_at=now + 7 * day,
        ),
        Invitation(
            id=seed_id("invitation/bob"),
            tenant_id=GLOBEX,
            role_id=seed_id("role/member"),
            email="bob@example.org",
            token=seed_id("token/bob").hex,
            status=InvitationStatus.ACCEPTED,
            created_at=now - 20 * day,
            expires_at=now - 13 * day,
        ),
        _system_user("backup", now + 60 * day),
        _system_user("reporting", now - 1 * day),
        _system_user("importer", now - 15 * day),
    ]


def _system_user(name: str, expires_at: datetime) -> SystemUser:
    return SystemUser(
        id=seed_id(f"system-user/{name}"),
        name=name,
        email=f"{name}-owner@example.org",
        expires_at=expires_at,
        grace_ends_at=expires_at + timedelta(days=14),
    )


def main() -> None:
    """Seed the configured database and say what can be done with it."""
    db = Database(Config.from_env().database_url)
    db.create_tables()
    added = seed(db, now=datetime.now(UTC))
    db.close()
    print(f"{added} rows added to {db.url.render_as_string()}. With a worker running (jobctl run --spec jobspecs/):")
    print(f"  jobctl enqueue tenant-init --id {ACME} --wait")
    print(f"  jobctl enqueue user-invitation --id {INVITATION} --wait")


if __name__ == "__main__":
    main()
