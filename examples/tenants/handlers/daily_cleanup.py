"""`daily-cleanup`: mark what is over, forget what nobody needs any more."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import CursorResult, Delete, Update, delete, update

from examples.tenants.models import Invitation, InvitationStatus, OutboxJob, ProcessedTask
from examples.tenants.resources import resources_of
from jobctl import Context

# As long as a dead job is kept (jobspecs: dead_retention), so that its replay still finds what was done.
KEEP_PROCESSED = timedelta(days=90)
KEEP_OUTBOX = timedelta(days=7)


def clean_up(ctx: Context) -> dict[str, int]:
    """Expire old invitations; delete finished tasks and kept promises. Each in its own short transaction."""
    resources = resources_of(ctx.state)
    now = resources.now()
    steps: dict[str, Update | Delete] = {
        # Before the tasks: an invitation whose task is forgotten is then surely not pending, hence never mailed again.
        "invitations_expired": update(Invitation)
        .where(Invitation.status == InvitationStatus.PENDING, Invitation.expires_at <= now)
        .values(status=InvitationStatus.EXPIRED),
        "tasks_forgotten": delete(ProcessedTask).where(ProcessedTask.finished_at < now - KEEP_PROCESSED),
        "promises_forgotten": delete(OutboxJob).where(OutboxJob.sent_at < now - KEEP_OUTBOX),
    }
    counts: dict[str, int] = {}
    for position, (name, statement) in enumerate(steps.items()):
        with resources.db.begin() as session:
            result = session.execute(statement)
            assert isinstance(result, CursorResult)
            counts[name] = result.rowcount
        ctx.progress((position + 1) / len(steps))
    ctx.log.info("cleaned up", extra=counts)
    return counts
