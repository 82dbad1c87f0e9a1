"""What is written to people. Pure: facts in, letters out."""

from __future__ import annotations

import uuid
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

from examples.tenants.models import Invitation, SystemUser


def invitation_letter(invitation: Invitation, *, sender: str, base_url: str, now: datetime) -> EmailMessage:
    """Invite a person to a tenant: who, as what, the link, and until when."""
    tenant, role = _one_line(invitation.tenant.name), _one_line(invitation.role.name)
    return _letter(
        sender=sender,
        to=invitation.email,
        subject=f"You are invited to join {tenant}",
        body=f"""Hello,

you are invited to join {tenant} as {role}. To accept, open

    {accept_url(base_url, invitation.token)}

The invitation expires on {_day_and_time(invitation.expires_at)}.

If you did not expect it, ignore this letter.
""",
        # The same for every attempt: mail stores that drop repeated ids show even a letter sent twice once.
        message_id=f"invitation-{invitation.id}",
        now=now,
    )


def expiry_letter(user: SystemUser, *, sender: str, now: datetime) -> EmailMessage:
    """Warn the owner of a system user that its grace period has begun."""
    name = _one_line(user.name)
    return _letter(
        sender=sender,
        to=user.email,
        subject=f"System user {name} has expired",
        body=f"""Hello,

the system user {name} expired on {_day_and_time(user.expires_at)}. It still works
until {_day_and_time(user.grace_ends_at)}; then it is switched off. Please renew or replace it before.
""",
        message_id=f"expiry-{user.id}-{user.expires_at:%Y%m%d}",
        now=now,
    )


def alert_letter(*, sender: str, to: str, subject: str, body: str, now: datetime) -> EmailMessage:
    """Tell an operator of a failure."""
    return _letter(
        sender=sender, to=to, subject=_one_line(subject), body=body, message_id=f"alert-{uuid.uuid4()}", now=now
    )


def accept_url(base_url: str, token: str) -> str:
    """Return the address that accepts an invitation; a query of the base address is kept."""
    parts = urlsplit(base_url)
    return parts._replace(query=urlencode([*parse_qsl(parts.query), ("token", token)])).geturl()


def _letter(*, sender: str, to: str, subject: str, body: str, message_id: str, now: datetime) -> EmailMessage:
    letter = EmailMessage()
    letter["From"] = sender
    letter["To"] = to
    letter["Subject"] = subject
    letter["Date"] = format_datetime(now)
    letter["Message-ID"] = f"<{message_id}@{letter['From'].addresses[0].domain}>"
    letter["Auto-Submitted"] = "auto-generated"  # no holiday replies, please
    letter.set_content(body)
    return letter


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _day_and_time(moment: datetime) -> str:
    return f"{moment:%-d %B %Y, %H:%M} UTC"
