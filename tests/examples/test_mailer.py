from __future__ import annotations

import io
import smtplib
import socket
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from examples.tenants.config import EmailConfig, EmailProvider
from examples.tenants.demo.loopback import Mailbox
from examples.tenants.letters import alert_letter
from examples.tenants.mailer import ConsoleMailer, MailRefused, SmtpMailer


def letter(body: str = "Hello,\n.\nwhole lines of dots and Grüße\n") -> EmailMessage:
    return alert_letter(
        sender="Jobs <jobs@example.com>",
        to="ops@example.com",
        subject="Grüße\nBcc: x",
        body=body,
        now=datetime(2026, 1, 31, tzinfo=UTC),
    )


@pytest.fixture
def mailer(smtp_port: int) -> SmtpMailer:
    return SmtpMailer(EmailConfig(provider=EmailProvider.SMTP, host="127.0.0.1", port=smtp_port))


def test_a_letter_arrives_as_written(mailer: SmtpMailer, mailbox: Mailbox):
    mailer.send(letter())

    [arrived] = mailbox.letters
    assert arrived["From"] == "Jobs <jobs@example.com>"
    assert arrived["Subject"] == "Grüße Bcc: x"
    assert arrived["Message-ID"].endswith("@example.com>")
    assert arrived.get_content().splitlines() == ["Hello,", ".", "whole lines of dots and Grüße"]


def test_the_caller_hears_of_the_body_before_it_leaves(mailer: SmtpMailer, mailbox: Mailbox):
    seen: list[int] = []

    mailer.send(letter(), before_body=lambda: seen.append(len(mailbox.letters)))

    assert seen == [0]
    assert len(mailbox.letters) == 1


def test_a_caller_that_objects_stops_the_letter(mailer: SmtpMailer, mailbox: Mailbox):
    def object_to_it() -> None:
        raise KeyError("no")

    with pytest.raises(KeyError):
        mailer.send(letter(), before_body=object_to_it)

    assert mailbox.letters == []


@pytest.mark.parametrize(("answer", "is_final"), [("550 no such person", True), ("451 come back later", False)])
def test_a_refused_recipient(mailer: SmtpMailer, mailbox: Mailbox, answer: str, is_final: bool):
    mailbox.rcpt_answer = answer

    with pytest.raises(MailRefused, match=answer[4:]) as caught:
        mailer.send(letter())

    assert caught.value.is_final is is_final


def test_a_refused_body(mailer: SmtpMailer, mailbox: Mailbox):
    mailbox.data_answer = "554 looks like spam"

    with pytest.raises(MailRefused, match="554 looks like spam") as caught:
        mailer.send(letter())

    assert caught.value.is_final


def test_check_notices_a_server_that_is_gone(mailer: SmtpMailer):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        gone = SmtpMailer(EmailConfig(host="127.0.0.1", port=unused.getsockname()[1]))

        mailer.check()
        with pytest.raises(OSError):
            gone.check()


def test_a_password_is_not_sent_in_the_clear(smtp_port: int):
    # an old spelling of 127.0.0.1, which the mailer does not take for loopback
    mailer = SmtpMailer(EmailConfig(host="127.1", port=smtp_port, user="app", password="hush"))

    with pytest.raises(smtplib.SMTPNotSupportedError, match="no TLS"):
        mailer.check()


def test_the_console_shows_the_letter():
    out = io.StringIO()

    ConsoleMailer(out).send(letter("Hello\n"))

    assert "To: ops@example.com" in out.getvalue()
    assert "Hello" in out.getvalue()
