"""The three ways of an alert: a webhook, a letter, a command. Each gives up after seconds and says why."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import smtplib
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import unquote, urlsplit

from jobctl.alerts.message import Message
from jobctl.outcomes import Dead, RetryAfter
from jobctl.spec.fields import DESTINATION

TIMEOUT_S = 10.0  # of a webhook, and of each step of a letter
COMMAND_TIMEOUT_S = 30.0
LONGEST_RETRY_S = 900.0  # a server that asks for more patience does not get it
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class NotDelivered(Exception):
    """A destination did not take an alert; it is tried again. Its address may be a secret and is not in the message."""


def resolve(destination: str, variables: Mapping[str, str]) -> str:
    """Return a destination, or what the variable holds that it names.

    Raises:
        Dead: the variable is not set, or holds no destination.
    """
    if not destination.startswith("$"):
        return destination
    found = variables.get(destination[1:], "")
    if not found:
        raise Dead(f"the variable {destination[1:]}, which says where to, is not set for this worker")
    if found.startswith("$") or not DESTINATION.fullmatch(found):
        raise Dead(f"the variable {destination[1:]} holds no destination: a URL, `mailto:` or `exec:`")
    return found


async def send(destination: str, message: Message, variables: Mapping[str, str] | None = None) -> None:
    """Deliver a message.

    Args:
        destination: as declared in a spec.
        variables: the environment: destinations, JOBCTL_SMTP_URL and JOBCTL_SMTP_FROM.

    Raises:
        NotDelivered: it was not taken.
        RetryAfter: likewise, and the other side said when to come again.
        Dead: it cannot be delivered as things are configured.
    """
    variables = os.environ if variables is None else variables
    where = resolve(destination, variables)
    if where.startswith("exec:"):
        await _run(where.removeprefix("exec:"), message)
    elif where.startswith("mailto:"):
        await asyncio.to_thread(_mail, where.removeprefix("mailto:"), message, variables)
    else:
        await asyncio.to_thread(_post, where, message)


def _post(url: str, message: Message) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "jobctl"}
    request = urllib.request.Request(url, data=message.as_slack(), headers=headers)  # noqa: S310 - http or https
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):  # noqa: S310
            return
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(200).decode(errors="replace").strip()
            wait = error.headers.get("Retry-After", "")
        if wait.isdigit():
            raise RetryAfter(min(float(wait), LONGEST_RETRY_S), f"the webhook answered {error.code}") from None
        raise NotDelivered(f"the webhook answered {error.code}" + (f": {said}" if said else "")) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise NotDelivered(f"the webhook cannot be reached: {reason}") from None


def _mail(address: str, message: Message, variables: Mapping[str, str]) -> None:
    url = urlsplit(variables.get("JOBCTL_SMTP_URL", ""))
    if url.scheme not in ("smtp", "smtps") or not url.hostname:
        raise Dead("no mail server: set JOBCTL_SMTP_URL, e.g. smtp://user:password@mail.example.org:587")
    letter = EmailMessage()
    letter["From"] = variables.get("JOBCTL_SMTP_FROM") or f"jobctl@{socket.getfqdn()}"
    letter["To"] = address
    letter["Subject"] = message.subject
    letter["Date"] = formatdate(message.at_ms / 1000)
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(message.as_text())
    secure = ssl.create_default_context()
    try:
        if url.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(url.hostname, url.port or 465, timeout=TIMEOUT_S, context=secure)
        else:
            server = smtplib.SMTP(url.hostname, url.port or 25, timeout=TIMEOUT_S)
        with server:
            server.ehlo()
            if url.scheme == "smtp" and server.has_extn("starttls"):
                server.starttls(context=secure)
                server.ehlo()
            elif url.scheme == "smtp" and url.username and url.hostname not in LOOPBACK:
                raise Dead("the mail server offers no TLS: the password is not sent to it")
            if url.username:
                server.login(unquote(url.username), unquote(url.password or ""))
            server.send_message(letter)
    except (smtplib.SMTPException, OSError) as error:
        raise NotDelivered(f"the mail server did not take it: {error}") from None


async def _run(command: str, message: Message) -> None:
    """Run a command with the message as JSON on its stdin."""
    try:
        words = shlex.split(command)
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except (OSError, ValueError) as error:
        raise NotDelivered(f"the command cannot be run: {error}") from None
    try:
        async with asyncio.timeout(COMMAND_TIMEOUT_S):
            said, _ = await asyncio.gather(_last_words(process), _tell(process, message.as_json()))
            await process.wait()
    except TimeoutError:
        raise NotDelivered(f"the command did not end within {COMMAND_TIMEOUT_S:.0f} s and was killed") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        raise NotDelivered(f"the command ended with {process.returncode}" + "".join(f": {line}" for line in last))


async def _tell(process: asyncio.subprocess.Process, body: bytes) -> None:
    """Write to a command's stdin. It need not read it, and may have ended: its exit code says whether all is well."""
    stdin = process.stdin
    assert stdin is not None  # noqa: S101 - it is a pipe
    # uvloop raises a RuntimeError where asyncio's own loop, and `communicate` with it, knows only the others
    with contextlib.suppress(BrokenPipeError, ConnectionResetError, RuntimeError):
        stdin.write(body)
        await stdin.drain()
    stdin.close()


async def _last_words(process: asyncio.subprocess.Process) -> bytes:
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    return await process.stderr.read()
