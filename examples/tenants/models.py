"""The tables. Times are aware UTC in Python, whatever the database keeps."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, ForeignKey, Index, String, Text, TypeDecorator, Uuid, false, true
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time. SQLite keeps no time zone: it is stripped on the way in and put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC; a naive time is a mistake of the caller."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"the time {value} says nothing of its time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Declares how Python types become columns."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own way to say it
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        uuid.UUID: Uuid,
        str: String(200),
    }


class TenantStatus(StrEnum):
    """A tenant's life."""

    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"


class InvitationStatus(StrEnum):
    """An invitation's life; only a pending one is mailed."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REVOKED = "revoked"
    EXPIRED = "expired"


class TaskState(StrEnum):
    """How far a task that must not happen twice has come; see `delivery.py`."""

    SENDING = "sending"
    SENT = "sent"


class Tenant(Base):
    """A customer of the system."""

    __tablename__ = "tenants"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str]
    slug: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str] = mapped_column(default=TenantStatus.PENDING)
    details: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)  # `metadata` is SQLAlchemy's own name
    created_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]


class Role(Base):
    """What an invited person may do."""

    __tablename__ = "roles"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(unique=True)


class Invitation(Base):
    """An offer to one person to join one tenant. The token is what accepts it: never logged, never in a payload."""

    __tablename__ = "invitations"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    tenant_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("tenants.id"))
    role_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("roles.id"))
    email: Mapped[str] = mapped_column(String(320))
    token: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str] = mapped_column(default=InvitationStatus.PENDING, index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]

    tenant: Mapped[Tenant] = relationship(lazy="joined", innerjoin=True)
    role: Mapped[Role] = relationship(lazy="joined", innerjoin=True)


class SystemUser(Base):
    """An account of a machine or an operator that ends by itself.

    From ``expires_at`` on it is in its grace period: it still works and its owner is warned; at ``grace_ends_at`` it
    is switched off.
    """

    __tablename__ = "system_users"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str]
    email: Mapped[str] = mapped_column(String(320))
    is_active: Mapped[bool] = mapped_column(default=True, server_default=true())
    is_warned: Mapped[bool] = mapped_column(default=False, server_default=false())
    expires_at: Mapped[datetime]
    grace_ends_at: Mapped[datetime] = mapped_column(index=True)
    deactivated_at: Mapped[datetime | None]


class ProcessedTask(Base):
    """A task that must not happen twice, e.g. ``user:invitation/<id>``; ``job_key`` is the run that did it."""

    __tablename__ = "processed_tasks"

    task_id: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    job_key: Mapped[str]
    claimed_at: Mapped[datetime]
    finished_at: Mapped[datetime | None] = mapped_column(index=True)


class ServiceInit(Base):
    """One service has taken one tenant: the progress a retry builds on."""

    __tablename__ = "service_inits"

    tenant_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    service: Mapped[str] = mapped_column(primary_key=True)
    status_code: Mapped[int]
    answered_at: Mapped[datetime]


class OutboxJob(Base):
    """A job that was promised together with the data it is about; see `outbox.py`. Its id is the job's key."""

    __tablename__ = "outbox"
    __table_args__ = (Index("outbox_waiting", "sent_at", "tries", "created_at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    job: Mapped[str]
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0, server_default="0")
    last_error: Mapped[str | None] = mapped_column(Text)
