"""`system-user-expiry`: switch off system users whose time is over, and warn those whose grace period began."""

from __future__ import annotations

import smtplib
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from examples.tenants.delivery import Delivery, DeliveryUnknown
from examples.tenants.letters import expiry_letter
from examples.tenants.mailer import MailRefused
from examples.tenants.models import SystemUser
from examples.tenants.resources import Resources, resources_of
from jobctl import Context


def expire_system_users(ctx: Context) -> dict[str, Any]:
    """Switch off with one UPDATE, then mail the warnings, each at most once.

    A warning that cannot be mailed now does not hold up the others; the next hour tries it again.
    """
    resources = resources_of(ctx.state)
    now = resources.now()
    with resources.db.begin() as session:
        expired = _deactivate(session, now)
        in_grace = list(
            session.scalars(
                select(SystemUser)
                .where(SystemUser.is_active, ~SystemUser.is_warned, SystemUser.expires_at <= now)
                .order_by(SystemUser.expires_at)
            )
        )
    warned = 0
    for position, user in enumerate(in_grace):
        warned += _warn(ctx, resources, user)
        ctx.progress((position + 1) / len(in_grace))
    ctx.log.info("system users checked", extra={"expired": expired, "warned": warned, "in_grace": len(in_grace)})
    return {"expired": expired, "warned": warned}


def _deactivate(session: Session, now: datetime) -> int:
    over = (
        update(SystemUser)
        .where(SystemUser.is_active, SystemUser.grace_ends_at <= now)
        .values(is_active=False, deactivated_at=now)
    )
    result = session.execute(over)
    assert isinstance(result, CursorResult)
    return result.rowcount


def _warn(ctx: Context, resources: Resources, user: SystemUser) -> bool:
    """Mail one warning; say whether it was sent just now."""
    letter = expiry_letter(user, sender=resources.config.email.sender, now=resources.now())
    # The end of validity is part of the task: an account that was renewed is warned again when that runs out.
    task_id = f"{ctx.type}/{user.id}/{user.expires_at:%Y%m%dT%H%M%S}"
    try:
        delivery = resources.postman.deliver(task_id, letter, job_key=ctx.key)
    except (MailRefused, DeliveryUnknown, OSError, smtplib.SMTPException) as error:
        ctx.log.warning("system user could not be warned", extra={"user": user.name, "error": str(error)})
        return False
    if delivery is not Delivery.IN_PROGRESS:
        with resources.db.begin() as session:
            session.execute(update(SystemUser).where(SystemUser.id == user.id).values(is_warned=True))
    if delivery is Delivery.SENT:
        ctx.log.warning(
            "system user is in its grace period", extra={"user": user.name, "until": str(user.grace_ends_at)}
        )
    return delivery is Delivery.SENT
