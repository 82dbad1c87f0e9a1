from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import StatementError

from examples.tenants.database import Database
from examples.tenants.models import Tenant
from examples.tenants.seed import ACME, GLOBEX, seed
from jobctl.errors import UsageError


@pytest.mark.parametrize("url", ["mysql://h/d", "postgres", "sqlite://", "sqlite:///:memory:", ""])
def test_a_url_it_cannot_use_is_refused_with_a_hint(url: str):
    with pytest.raises(UsageError) as caught:
        Database(url)

    assert "postgresql://" in (caught.value.hint or "")


@pytest.mark.parametrize("url", ["postgres://u:p@h/d", "postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"])
def test_every_spelling_of_postgresql_means_psycopg_3(url: str):
    assert Database(url).engine.dialect.driver == "psycopg"


def test_times_come_back_as_aware_utc(db: Database):
    local = datetime(2026, 7, 1, 12, 0, tzinfo=timezone(timedelta(hours=2)))

    with db.begin() as session:
        session.execute(update(Tenant).where(Tenant.id == ACME).values(activated_at=local))
    with db.begin() as session:
        stored = session.get_one(Tenant, ACME).activated_at

    assert stored == local
    assert stored is not None
    assert stored.tzinfo is UTC


def test_a_time_without_zone_is_refused(db: Database):
    with pytest.raises(StatementError, match="time zone"), db.begin() as session:
        session.execute(update(Tenant).values(activated_at=datetime(2026, 7, 1)))


def test_seeding_twice_changes_nothing(db: Database, now: datetime):
    with db.begin() as session:
        session.get_one(Tenant, GLOBEX).name = "Globex & Sons"

    added = seed(db, now=now)

    assert added == 0
    with db.begin() as session:
        assert session.get_one(Tenant, GLOBEX).name == "Globex & Sons"


def test_processes_that_start_together_create_the_tables_once(database_url: str):
    databases = [Database(database_url) for _ in range(4)]
    errors: list[BaseException] = []

    def create(database: Database) -> None:
        try:
            database.create_tables()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=create, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    databases[0].check()
    for database in databases:
        database.close()


def test_transactions_that_read_and_then_write_wait_for_each_other(db: Database):
    """On SQLite they would fail at once if each began as a reader."""
    errors: list[BaseException] = []

    def count_up() -> None:
        try:
            for _ in range(10):
                with db.begin() as session:
                    tenant = session.scalars(select(Tenant).where(Tenant.id == ACME).with_for_update()).one()
                    tenant.details = {"count": tenant.details.get("count", 0) + 1}
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    with db.begin() as session:
        assert session.get_one(Tenant, ACME).details["count"] == 40
