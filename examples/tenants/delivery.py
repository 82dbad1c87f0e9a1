"""A letter goes out at most once.

The row of a letter in `processed_tasks` is written (state ``sending``) just before its body goes to the mail server,
and finished (``sent``) just after the server has taken it. So:

- a failure before the body, or a refusal, leaves no row: a retry sends the letter;
- after a success, every retry, replay or second job for the same letter finds the row and sends nothing;
- a crash, or a connection that breaks, between the body and the finished row leaves ``sending``: nobody can know
  whether the letter was taken. It is *not* sent again. The caller is told, and a person decides.

The last case is a choice, for at most once: the promise is that nobody is mailed twice. It costs a letter if the crash
came after the row and before the server had taken the body, some milliseconds of each delivery, and it says so loudly.
"""

from __future__ import annotations

import smtplib
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from enum import Enum

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from examples.tenants.database import Database
from examples.tenants.mailer import SEND_TIMEOUT_S, Mailer, MailRefused
from examples.tenants.models import ProcessedTask, TaskState
from jobctl.clock import Clock, utc

# Another delivery of the same letter may be at work; its server has this long to answer the body.
ANSWER_WAIT = timedelta(seconds=2 * SEND_TIMEOUT_S)


class Delivery(Enum):
    """How a delivery went."""

    SENT = "sent"
    ALREADY_SENT = "already sent"
    IN_PROGRESS = "in progress"
    """Another run is between the body and the answer right now."""


class DeliveryUnknown(Exception):
    """A run was cut off between the body and the answer: the letter may have been sent."""


class _Claimed(Exception):
    """Another run has the letter."""


@dataclass(frozen=True, slots=True)
class Postman:
    """Delivers letters at most once each. Safe to share between threads."""

    db: Database
    mailer: Mailer
    clock: Clock

    def deliver(self, task_id: str, letter: EmailMessage, *, job_key: str) -> Delivery:
        """Send a letter unless it has been sent.

        Args:
            task_id: what must not happen twice, e.g. ``user:invitation/<id>``.
            letter: what to send.
            job_key: the run that sends it, kept for whoever asks later.

        Raises:
            DeliveryUnknown: it may have been sent, by this run or an earlier one, and is not sent again.
            MailRefused, OSError, smtplib.SMTPException: it has not been sent; a retry may.
        """
        standing = self._standing(task_id)
        if standing is not None:
            return standing
        is_claimed = False

        def claim() -> None:
            nonlocal is_claimed
            self._claim(task_id, job_key)
            is_claimed = True

        try:
            self.mailer.send(letter, before_body=claim)
        except _Claimed:
            return self._standing(task_id) or Delivery.IN_PROGRESS
        except MailRefused:
            if is_claimed:
                self._release(task_id)
            raise
        except (OSError, smtplib.SMTPException) as error:
            if is_claimed:
                raise DeliveryUnknown(f"the mail server did not answer the letter's body ({error})") from error
            raise
        self._finish(task_id)
        return Delivery.SENT

    def _now(self) -> datetime:
        return utc(self.clock.time())

    def _standing(self, task_id: str) -> Delivery | None:
        with self.db.begin() as session:
            task = session.get(ProcessedTask, task_id)
        if task is None:
            return None
        if task.state == TaskState.SENT:
            return Delivery.ALREADY_SENT
        if self._now() - task.claimed_at < ANSWER_WAIT:
            return Delivery.IN_PROGRESS
        raise DeliveryUnknown(f"job {task.job_key} was cut off while the mail server took the letter")

    def _claim(self, task_id: str, job_key: str) -> None:
        try:
            with self.db.begin() as session:
                session.add(
                    ProcessedTask(task_id=task_id, state=TaskState.SENDING, job_key=job_key, claimed_at=self._now())
                )
        except IntegrityError:
            raise _Claimed from None

    def _release(self, task_id: str) -> None:
        with self.db.begin() as session:
            session.execute(delete(ProcessedTask).where(ProcessedTask.task_id == task_id))

    def _finish(self, task_id: str) -> None:
        with self.db.begin() as session:
            task = session.get_one(ProcessedTask, task_id)
            task.state, task.finished_at = TaskState.SENT, self._now()
