"""Letters leave here: over SMTP, or onto the console.

A letter counts as sent when the server has answered its body with 250. `send` tells its caller just before the body
goes out, because from there to that answer nobody can know whether it will be delivered; see `delivery.py`.
"""

from __future__ import annotations

import smtplib
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.policy import SMTP
from typing import Protocol, TextIO

from examples.tenants.config import EmailConfig, EmailProvider

SEND_TIMEOUT_S = 30.0  # per answer of the server
CHECK_TIMEOUT_S = 5.0
IMPLICIT_TLS_PORT = 465
WIRE_FORMAT = SMTP.clone(cte_type="7bit")  # every server takes it; 8 bits would have to be asked for
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class MailRefused(Exception):
    """The server will not take this letter; it has not been sent.

    Attributes:
        is_final: the answer was a 5xx about the recipient or the letter itself: it will not get better.
    """

    def __init__(self, what: str, code: int, answer: bytes | str, *, is_final: bool = False) -> None:
        text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
        super().__init__(f"the mail server refused {what}: {code} {text}")
        self.is_final = is_final and code >= 500


def _nothing() -> None: ...


class Mailer(Protocol):
    """What sends letters."""

    def send(self, letter: EmailMessage, *, before_body: Callable[[], None] = _nothing) -> None:
        """Send one letter to its one recipient.

        Args:
            letter: complete, with From and To.
            before_body: called when the server has accepted the envelope, just before the body goes out. What it
                raises stops the letter, which then has not been sent.

        Raises:
            MailRefused: the server said no; not sent.
            OSError, smtplib.SMTPException: no connection, or it broke. Sent or not is unknown if `before_body` had
                been called.
        """
        ...

    def check(self) -> None:
        """Ask whether letters could leave now; raises OSError or smtplib.SMTPException if not."""
        ...


def make_mailer(config: EmailConfig) -> Mailer:
    """Return the mailer that ``EMAIL_PROVIDER`` names."""
    return SmtpMailer(config) if config.provider is EmailProvider.SMTP else ConsoleMailer()


class ConsoleMailer:
    """Writes letters to standard output instead of sending them."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def send(self, letter: EmailMessage, *, before_body: Callable[[], None] = _nothing) -> None:
        """Write the letter."""
        before_body()
        lines = [f"{name}: {value}" for name, value in letter.items() if name in ("From", "To", "Subject")]
        # one call, so that letters of several threads do not mix
        print("\n".join([*lines, "", letter.get_content()]), file=self._stream or sys.stdout, flush=True)

    def check(self) -> None:
        """Do nothing: the console is always there."""


class SmtpMailer:
    """Sends letters over SMTP, one connection each: safe to share between threads."""

    def __init__(self, config: EmailConfig) -> None:
        self._config = config

    def send(self, letter: EmailMessage, *, before_body: Callable[[], None] = _nothing) -> None:
        """Send one letter; see `Mailer.send`."""
        body = letter.as_bytes(policy=WIRE_FORMAT)
        with self._connection(SEND_TIMEOUT_S) as smtp:
            code, answer = smtp.mail(letter["From"].addresses[0].addr_spec)
            if code != 250:
                raise MailRefused("the sender", code, answer)
            code, answer = smtp.rcpt(letter["To"].addresses[0].addr_spec)
            if code not in (250, 251):
                raise MailRefused(f"the recipient {letter['To']}", code, answer, is_final=True)
            before_body()
            try:
                code, answer = smtp.data(body)
            except smtplib.SMTPDataError as error:  # refused before the body
                code, answer = error.smtp_code, error.smtp_error if isinstance(error.smtp_error, bytes) else b""
            if code != 250:
                raise MailRefused("the letter", code, answer, is_final=True)

    def check(self) -> None:
        """Connect, log in and say NOOP."""
        with self._connection(CHECK_TIMEOUT_S) as smtp:
            smtp.noop()

    @contextmanager
    def _connection(self, timeout_s: float) -> Iterator[smtplib.SMTP]:
        config = self._config
        if config.port == IMPLICIT_TLS_PORT:
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                config.host, config.port, timeout=timeout_s, context=ssl.create_default_context()
            )
        else:
            smtp = smtplib.SMTP(config.host, config.port, timeout=timeout_s)
        try:
            smtp.ehlo_or_helo_if_needed()
            is_private = isinstance(smtp, smtplib.SMTP_SSL) or config.host in LOOPBACK
            if not is_private and smtp.has_extn("starttls"):
                smtp.starttls(context=ssl.create_default_context())
                is_private = True
            if config.user:
                if not is_private:
                    raise smtplib.SMTPNotSupportedError(
                        f"{config.host} offers no TLS; SMTP_PASSWORD is not sent in the clear"
                    )
                smtp.login(config.user, config.password)
            yield smtp
        finally:
            # What happens after the answer to the body no longer matters: a failing QUIT must not undo a sent letter.
            with suppress(OSError, smtplib.SMTPException):
                smtp.quit()
            smtp.close()
