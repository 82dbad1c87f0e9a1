from __future__ import annotations

import smtplib
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from examples.tenants.database import Database
from examples.tenants.delivery import ANSWER_WAIT, Delivery, DeliveryUnknown, Postman
from examples.tenants.letters import alert_letter
from examples.tenants.mailer import MailRefused
from examples.tenants.models import ProcessedTask, TaskState
from jobctl.clock import FakeClock

TASK = "user:invitation/1"
LETTER = alert_letter(
    sender="a@b.example", to="c@d.example", subject="s", body="b", now=datetime(2026, 1, 1, tzinfo=UTC)
)


class Death(BaseException):
    """The process ends here."""


class PlannedMailer:
    """A mailer that does as planned, before and after the body."""

    def __init__(self) -> None:
        self.sent = 0
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None

    def send(self, letter: EmailMessage, *, before_body: Callable[[], None] = lambda: None) -> None:
        self.before()
        before_body()
        self.sent += 1
        self.after()

    def check(self) -> None: ...


def raising(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


@pytest.fixture
def mailer() -> PlannedMailer:
    return PlannedMailer()


@pytest.fixture
def postman(db: Database, mailer: PlannedMailer, clock: FakeClock) -> Postman:
    return Postman(db, mailer, clock)


def deliver(postman: Postman, key: str = "k1") -> Delivery:
    return postman.deliver(TASK, LETTER, job_key=key)


def test_a_letter_is_sent_once_whoever_asks_again(postman: Postman, mailer: PlannedMailer):
    first = deliver(postman)
    again = deliver(postman)
    other_job = deliver(postman, "k2")

    assert (first, again, other_job) == (Delivery.SENT, Delivery.ALREADY_SENT, Delivery.ALREADY_SENT)
    assert mailer.sent == 1


def test_a_failure_before_the_body_is_made_good_by_a_retry(postman: Postman, mailer: PlannedMailer):
    mailer.before = raising(ConnectionRefusedError("down"))
    with pytest.raises(ConnectionRefusedError):
        deliver(postman)
    mailer.before = lambda: None

    assert deliver(postman) is Delivery.SENT


def test_a_refused_letter_may_be_tried_again(postman: Postman, mailer: PlannedMailer):
    mailer.after = raising(MailRefused("the letter", 451, "later"))
    with pytest.raises(MailRefused):
        deliver(postman)
    mailer.after = lambda: None

    assert deliver(postman) is Delivery.SENT


def test_a_link_that_breaks_during_the_body_leaves_it_unknown(
    postman: Postman, mailer: PlannedMailer, clock: FakeClock
):
    mailer.after = raising(smtplib.SMTPServerDisconnected("gone"))
    with pytest.raises(DeliveryUnknown, match="gone"):
        deliver(postman)
    mailer.after = lambda: None
    clock.advance(ANSWER_WAIT.total_seconds())

    with pytest.raises(DeliveryUnknown, match="k1"):
        deliver(postman, "k2")
    assert mailer.sent == 1


def test_a_process_killed_during_the_body_does_not_mail_twice(
    postman: Postman, mailer: PlannedMailer, clock: FakeClock
):
    mailer.after = raising(Death())
    with pytest.raises(Death):
        deliver(postman)
    mailer.after = lambda: None

    at_once = deliver(postman)
    clock.advance(ANSWER_WAIT.total_seconds())

    assert at_once is Delivery.IN_PROGRESS
    with pytest.raises(DeliveryUnknown):
        deliver(postman)
    assert mailer.sent == 1


def test_of_two_runs_at_the_same_moment_one_sends(postman: Postman, mailer: PlannedMailer, db: Database):
    seen: list[Delivery] = []

    def let_the_other_pass() -> None:
        mailer.before = lambda: None
        seen.append(deliver(postman, "other"))

    mailer.before = let_the_other_pass

    seen.append(deliver(postman))

    assert seen == [Delivery.SENT, Delivery.ALREADY_SENT]
    assert mailer.sent == 1
    with db.begin() as session:
        task = session.get_one(ProcessedTask, TASK)
        assert (task.state, task.job_key) == (TaskState.SENT, "other")
