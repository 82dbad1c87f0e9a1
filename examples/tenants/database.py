"""The database: SQLite by default, PostgreSQL by its URL; plain blocking sessions.

Handlers that touch it are plain functions, which the worker runs in threads: blocking sessions are then the simplest
thing that is right, work the same with both drivers, and need no second (asyncio) set of drivers and engines. The one
asyncio handler hands its short transactions to a thread.

One rule everywhere: no transaction is open while the network is spoken to. A slow mail server must not hold a lock.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from examples.tenants.models import Base
from jobctl.errors import UsageError

LOCK_WAIT_S = 15.0  # how long a writer waits for another one before it fails and its job is retried
SCHEMA_LOCK = 7_236_441  # any number: who holds it creates the tables


class Database:
    """One engine and the sessions made from it. Safe to share between threads."""

    def __init__(self, url: str) -> None:
        self.url = _with_driver(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        options: dict[str, Any] = {"pool_pre_ping": True}  # a connection the server has dropped is replaced unseen
        if self.is_sqlite:
            if self.url.database:
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
            options["connect_args"] = {"timeout": LOCK_WAIT_S}
        else:
            options["connect_args"] = {"connect_timeout": 5, "options": f"-c lock_timeout={LOCK_WAIT_S:.0f}s"}
        self.engine: Engine = create_engine(self.url, **options)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_immediate)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Open a session with one transaction: committed at the end, rolled back by an exception.

        Objects stay readable after the commit.
        """
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def create_tables(self) -> None:
        """Create the tables that are missing; several processes may do so at once."""
        with self.engine.begin() as connection:
            if not self.is_sqlite:  # SQLite: the transaction itself keeps the others out
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SCHEMA_LOCK})
            Base.metadata.create_all(connection)

    def check(self) -> None:
        """Ask the database something that only a living one answers.

        Raises:
            SQLAlchemyError: it does not.
        """
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1 FROM tenants LIMIT 1"))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _with_driver(text: str) -> URL:
    """Read a database URL; `postgres://` and `postgresql://` mean psycopg 3."""
    if text.startswith("postgres://"):
        text = "postgresql://" + text.removeprefix("postgres://")
    try:
        url = make_url(text)
    except ArgumentError:
        url = None
    in_memory = url is not None and url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:")
    if url is None or url.get_backend_name() not in ("sqlite", "postgresql") or in_memory:
        raise UsageError(
            "DATABASE_URL names no database this system knows",
            hint="write `sqlite:///path/to/file.db` or `postgresql://user:password@host/name`",
            code="env.invalid",
        )
    if url.drivername == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    return url


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver must not begin transactions on its own: `_begin_immediate` does.
    connection.isolation_level = None
    _use_wal(connection)
    for pragma in ("synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _use_wal(connection: sqlite3.Connection) -> None:
    # The change to WAL does not heed the driver's timeout: while another process makes it, it fails at once.
    until = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def _begin_immediate(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once when another one wrote in between, however long it
    # was told to wait. Taking the write lock at the start makes it wait its turn instead.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
