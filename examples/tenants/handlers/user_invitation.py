"""`user-invitation`: mail one invitation, once."""

from __future__ import annotations

import uuid
from typing import Any

from examples.tenants.delivery import ANSWER_WAIT, Delivery, DeliveryUnknown
from examples.tenants.letters import invitation_letter
from examples.tenants.mailer import MailRefused
from examples.tenants.models import Invitation, InvitationStatus
from examples.tenants.resources import resources_of
from jobctl import Context, Dead, RetryAfter


def send_invitation(ctx: Context, id: uuid.UUID, resend: bool = False) -> dict[str, Any]:
    """Mail an invitation that is still pending; no retry and no second job mails it again.

    Args:
        id: the invitation.
        resend: mail it although it has been, or may have been, mailed: a person's decision. This job still does so
            once, however often it is retried.

    Raises:
        Dead: there is no such invitation, its address is refused for good, or it may have been sent already.
        RetryAfter: another run is just sending it.
    """
    resources = resources_of(ctx.state)
    with resources.db.begin() as session:
        invitation = session.get(Invitation, id)
    if invitation is None:
        raise Dead(f"there is no invitation {id}")
    if invitation.status != InvitationStatus.PENDING or invitation.expires_at <= resources.now():
        why = invitation.status if invitation.status != InvitationStatus.PENDING else InvitationStatus.EXPIRED
        ctx.log.info("invitation is not pending", extra={"status": why})
        return {"invitation": str(id), "skipped": why}

    letter = invitation_letter(
        invitation,
        sender=resources.config.email.sender,
        base_url=resources.config.invitation_base_url,
        now=resources.now(),
    )
    task_id = f"{ctx.type}/{id}/{ctx.key}" if resend else f"{ctx.type}/{id}"
    try:
        delivery = resources.postman.deliver(task_id, letter, job_key=ctx.key)
    except MailRefused as refusal:
        if refusal.is_final:
            raise Dead(str(refusal)) from refusal
        raise
    except DeliveryUnknown as unknown:
        raise Dead(
            f"the invitation may have been mailed: {unknown}; ask {invitation.email} or the mail server's log, "
            f"and if it was not: jobctl enqueue {ctx.name} --id {id} --resend"
        ) from unknown
    if delivery is Delivery.IN_PROGRESS:
        raise RetryAfter(ANSWER_WAIT, "another run is just mailing this invitation")
    ctx.log.info("invitation handled", extra={"delivery": delivery.value})
    if delivery is Delivery.ALREADY_SENT:
        return {"invitation": str(id), "skipped": "already sent"}
    return {"invitation": str(id), "sent_to": invitation.email}
