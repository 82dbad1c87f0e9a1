"""Webhooks, letters and commands, to real servers on loopback."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from jobctl.alerts import sending
from jobctl.alerts.message import MOST_LINES, Message, particulars
from jobctl.alerts.sending import NotDelivered, send
from jobctl.outcomes import Dead, RetryAfter

LINES = ["1 x mail & post: no", "1 x sms: é"]
MESSAGE = Message(alert="deaths", event="firing", title="2 jobs <died>", lines=LINES, at_ms=1_700_000_000_000)


@pytest.fixture
def post() -> Iterator[tuple[Any, str]]:
    """A mailbox, and where to send its letters."""
    loopback = pytest.importorskip("examples.tenants.demo.loopback", reason="aiosmtpd is not installed")
    mailbox = loopback.Mailbox()
    with loopback.loopback_mail(mailbox) as port:
        yield mailbox, f"smtp://127.0.0.1:{port}"


async def test_webhook_takes_what_slack_takes(hook) -> None:
    await send(hook.url, MESSAGE, {})

    (body,) = hook.bodies
    assert body["text"] == (":rotating_light: *deaths*: 2 jobs &lt;died&gt;\n• 1 x mail &amp; post: no\n• 1 x sms: é")
    assert body["alert"]["lines"] == ["1 x mail & post: no", "1 x sms: é"]


async def test_variable_holds_the_address(hook) -> None:
    await send("$OPS", MESSAGE, {"OPS": hook.url})

    assert hook.events == [("deaths", "firing")]


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({}, "the variable OPS, which says where to, is not set for this worker"),
        ({"OPS": "ftp://example.org"}, "the variable OPS holds no destination: a URL, `mailto:` or `exec:`"),
        ({"OPS": "$OTHER", "OTHER": "x"}, "the variable OPS holds no destination: a URL, `mailto:` or `exec:`"),
    ],
)
async def test_variable_that_says_nothing_is_hopeless(variables: dict[str, str], text: str) -> None:
    with pytest.raises(Dead) as caught:
        await send("$OPS", MESSAGE, variables)

    assert str(caught.value) == text


async def test_webhook_that_refuses_is_told_without_its_address(hook) -> None:
    hook.answers.append((500, {}))

    with pytest.raises(NotDelivered) as caught:
        await send(hook.url, MESSAGE, {})

    assert str(caught.value) == "the webhook answered 500: said the hook"


async def test_webhook_that_asks_for_patience_gets_it(hook) -> None:
    hook.answers.append((429, {"Retry-After": "7"}))

    with pytest.raises(RetryAfter) as caught:
        await send(hook.url, MESSAGE, {})

    assert caught.value.delay_s == 7


async def test_webhook_that_is_not_there() -> None:
    with pytest.raises(NotDelivered, match=r"the webhook cannot be reached: .*refused"):
        await send("http://127.0.0.1:1/SECRET", MESSAGE, {})


async def test_letter(post) -> None:
    letters, url = post

    await send("mailto:ops@example.org", MESSAGE, {"JOBCTL_SMTP_URL": url, "JOBCTL_SMTP_FROM": "jobs@example.org"})

    (letter,) = letters.letters
    assert (letter["To"], letter["From"]) == ("ops@example.org", "jobs@example.org")
    assert letter["Subject"] == "[jobctl] deaths: 2 jobs <died>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter.get_content().replace("\r\n", "\n").splitlines()[2:4] == ["1 x mail & post: no", "1 x sms: é"]


@pytest.mark.parametrize("url", ["", "http://example.org", "smtp://"])
async def test_no_mail_server_is_hopeless(url: str) -> None:
    with pytest.raises(Dead, match="no mail server: set JOBCTL_SMTP_URL"):
        await send("mailto:ops@example.org", MESSAGE, {"JOBCTL_SMTP_URL": url})


async def test_mail_server_that_is_not_there() -> None:
    with pytest.raises(NotDelivered, match="the mail server did not take it: "):
        await send("mailto:ops@example.org", MESSAGE, {"JOBCTL_SMTP_URL": "smtp://127.0.0.1:1"})


async def test_password_is_not_sent_without_tls(post, monkeypatch: pytest.MonkeyPatch) -> None:
    letters, url = post
    monkeypatch.setattr(sending, "LOOPBACK", ())

    with pytest.raises(Dead, match="offers no TLS: the password is not sent"):
        await send("mailto:ops@example.org", MESSAGE, {"JOBCTL_SMTP_URL": url.replace("//", "//me:secret@")})

    assert letters.letters == []


async def test_command_reads_the_message(tmp_path: Path) -> None:
    await send(f"exec:tee '{tmp_path}/with space'", MESSAGE, {})

    assert json.loads((tmp_path / "with space").read_text())["title"] == "2 jobs <died>"


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_command_need_not_read_what_it_is_told(loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have ended before it is told: that must not page somebody five times more."""
    spawn = asyncio.create_subprocess_exec

    async def spawn_and_be_late(*words: str, **options: Any) -> asyncio.subprocess.Process:
        process = await spawn(*words, **options)
        await process.wait()
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", spawn_and_be_late)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(send("exec:true", MESSAGE, {}))


async def test_command_that_fails_says_why() -> None:
    with pytest.raises(NotDelivered, match="the command ended with 3: no paper"):
        await send("exec:sh -c 'cat >/dev/null; echo no paper >&2; exit 3'", MESSAGE, {})


@pytest.mark.parametrize("command", ["/no/such/program", "sh 'open quote"])
async def test_command_that_cannot_be_run(command: str) -> None:
    with pytest.raises(NotDelivered, match="the command cannot be run: "):
        await send(f"exec:{command}", MESSAGE, {})


async def test_command_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "COMMAND_TIMEOUT_S", 0.2)

    async with asyncio.timeout(10):
        with pytest.raises(NotDelivered, match="did not end"):
            await send(f"exec:{sys.executable} -c 'import time; time.sleep(60)'", MESSAGE, {})


def test_message_is_bounded() -> None:
    lines = particulars([f"line\n{n} " + "x" * 1000 for n in range(100)])

    assert len(lines) == MOST_LINES + 1
    assert lines[-1] == "and 80 more"
    assert max(map(len, lines)) == 300
    assert "\n" not in "".join(lines)
