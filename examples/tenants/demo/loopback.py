"""A real SMTP server and real HTTP services, on the loopback interface, that keep what they were given.

The tests use them as well, and tell them how to misbehave.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"


class Mailbox:
    """What an SMTP server does with letters: keeps them. Its methods are called by aiosmtpd.

    Attributes:
        letters: those accepted, in order.
        rcpt_answer, data_answer: what is said to a recipient and to a letter; only a 250 accepts.
    """

    def __init__(self, *, rcpt_answer: str = "250 OK", data_answer: str = "250 OK") -> None:
        self.letters: list[EmailMessage] = []
        self.rcpt_answer = rcpt_answer
        self.data_answer = data_answer

    def to(self, address: str) -> list[EmailMessage]:
        """Return the letters to one address."""
        return [letter for letter in self.letters if letter["To"] == address]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Answer a recipient."""
        if self.rcpt_answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt_answer

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a letter."""
        if self.data_answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.letters.append(message_from_bytes(envelope.content, policy=modern))
        return self.data_answer


@contextmanager
def loopback_mail(mailbox: Mailbox) -> Iterator[int]:
    """Run an SMTP server that delivers to a mailbox; yield its port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="loopback-mail", daemon=True)
    thread.start()

    async def open_server() -> asyncio.Server:
        return await loop.create_server(lambda: SMTP(mailbox, hostname="loopback", loop=loop), HOST, 0)

    server = asyncio.run_coroutine_threadsafe(open_server(), loop).result()

    async def close_server() -> None:
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(close_server(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@dataclass(frozen=True, slots=True)
class Call:
    """One request a service got, and what it answered."""

    path: str
    body: Any
    headers: dict[str, str]
    answer: int


@dataclass(slots=True)
class LoopbackService:
    """A service that wants to hear of tenants.

    Attributes:
        failing: statuses of its next answers, first to last; after them 200.
        calls: the POST requests it got.
    """

    name: str
    failing: list[int] = field(default_factory=list)
    answer_headers: dict[str, str] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    url: str = ""

    def answer(self, path: str, body: Any, headers: dict[str, str]) -> int:
        """Note a call; return the status to answer it with."""
        status = self.failing.pop(0) if self.failing else 200
        self.calls.append(Call(path, body, headers, status))
        return status

    @contextmanager
    def run(self) -> Iterator[LoopbackService]:
        """Serve on a free port; `url` says where."""
        server = ThreadingHTTPServer((HOST, 0), _handler(self))
        self.url = f"http://{HOST}:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name=f"loopback-{self.name}", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _handler(service: LoopbackService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._reply(service.answer(self.path, body, headers))

        def do_GET(self) -> None:
            self._reply(200)

        def _reply(self, status: int) -> None:
            body = json.dumps({"service": service.name, "status": status}).encode()
            self.send_response(status)
            for name, value in service.answer_headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler
