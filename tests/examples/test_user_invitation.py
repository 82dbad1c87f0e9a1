from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import update

from examples.tenants.database import Database
from examples.tenants.delivery import ANSWER_WAIT
from examples.tenants.demo.loopback import Mailbox
from examples.tenants.handlers.user_invitation import send_invitation
from examples.tenants.letters import accept_url
from examples.tenants.mailer import MailRefused
from examples.tenants.models import Invitation, ProcessedTask, TaskState
from examples.tenants.seed import INVITATION, seed_id
from jobctl import Context, Dead, RetryAfter
from jobctl.clock import FakeClock

MakeContext = Callable[..., Context]


def cut_off(db: Database, now: datetime) -> None:
    """Leave what a run leaves that was killed while the mail server took the letter."""
    with db.begin() as session:
        task_id = f"user:invitation/{INVITATION}"
        session.add(ProcessedTask(task_id=task_id, state=TaskState.SENDING, job_key="dead-run", claimed_at=now))


def test_the_letter_says_who_what_where_and_until_when(context: MakeContext, mailbox: Mailbox):
    result = send_invitation(context("user-invitation"), INVITATION)

    [letter] = mailbox.letters
    text = letter.get_content()
    assert result == {"invitation": str(INVITATION), "sent_to": "ada@example.org"}
    assert letter["To"] == "ada@example.org"
    assert letter["From"] == "noreply@example.com"
    assert letter["Subject"] == "You are invited to join Globex"
    assert "join Globex as admin" in text
    assert f"http://localhost:3000/accept-invitation?token={seed_id('token/ada').hex}" in text
    assert "expires on 21 November 2023, 22:13 UTC" in text


def test_a_query_of_the_base_address_is_kept():
    url = accept_url("https://app.example.com/join?lang=de#form", "a&b")

    assert url == "https://app.example.com/join?lang=de&token=a%26b#form"


def test_no_retry_and_no_other_job_mails_it_again(context: MakeContext, mailbox: Mailbox):
    send_invitation(context("user-invitation"), INVITATION)

    again = send_invitation(context("user-invitation", attempt=2), INVITATION)
    other = send_invitation(context("user-invitation", key="k2"), INVITATION)

    assert again == other == {"invitation": str(INVITATION), "skipped": "already sent"}
    assert len(mailbox.letters) == 1


def test_a_person_may_have_it_mailed_again_and_that_too_happens_once(context: MakeContext, mailbox: Mailbox):
    send_invitation(context("user-invitation"), INVITATION)

    send_invitation(context("user-invitation", key="k2"), INVITATION, resend=True)
    send_invitation(context("user-invitation", key="k2", attempt=2), INVITATION, resend=True)

    assert len(mailbox.letters) == 2


@pytest.mark.parametrize("status", ["accepted", "revoked", "expired"])
def test_what_is_not_pending_is_not_mailed(context: MakeContext, db: Database, mailbox: Mailbox, status: str):
    with db.begin() as session:
        session.execute(update(Invitation).values(status=status))

    result = send_invitation(context("user-invitation"), INVITATION)

    assert result["skipped"] == status
    assert mailbox.letters == []


def test_an_invitation_whose_time_is_over_is_not_mailed(context: MakeContext, clock: FakeClock, mailbox: Mailbox):
    clock.advance(7 * 86_400)

    result = send_invitation(context("user-invitation"), INVITATION)

    assert result["skipped"] == "expired"
    assert mailbox.letters == []


def test_an_unknown_invitation_is_not_retried(context: MakeContext):
    with pytest.raises(Dead, match="there is no invitation"):
        send_invitation(context("user-invitation"), uuid.uuid4())


def test_an_address_refused_for_good_is_not_retried(context: MakeContext, mailbox: Mailbox):
    mailbox.rcpt_answer = "550 no such person"

    with pytest.raises(Dead, match="no such person"):
        send_invitation(context("user-invitation"), INVITATION)


def test_an_address_refused_for_now_is_retried_and_then_mailed(context: MakeContext, mailbox: Mailbox):
    mailbox.rcpt_answer = "451 greylisted"
    with pytest.raises(MailRefused, match="greylisted"):
        send_invitation(context("user-invitation"), INVITATION)
    mailbox.rcpt_answer = "250 OK"

    send_invitation(context("user-invitation", attempt=2), INVITATION)

    assert len(mailbox.letters) == 1


def test_another_run_at_work_is_waited_for(context: MakeContext, db: Database, now: datetime):
    cut_off(db, now)

    with pytest.raises(RetryAfter) as caught:
        send_invitation(context("user-invitation"), INVITATION)

    assert caught.value.delay_s == ANSWER_WAIT.total_seconds()


def test_a_letter_that_may_have_left_is_for_a_person_to_decide(
    context: MakeContext, db: Database, now: datetime, clock: FakeClock, mailbox: Mailbox
):
    cut_off(db, now)
    clock.advance(ANSWER_WAIT.total_seconds())

    with pytest.raises(Dead, match=rf"may have been mailed.*dead-run.*jobctl enqueue .* --id {INVITATION} --resend"):
        send_invitation(context("user-invitation"), INVITATION)
    assert mailbox.letters == []

    send_invitation(context("user-invitation", key="k2"), INVITATION, resend=True)
    assert len(mailbox.letters) == 1
