"""Attacks below the pages, over a real server and bare sockets; and TLS."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from jobctl.broker.keys import QueueKeys
from jobctl.errors import UsageError
from jobctl_web.app import Web
from jobctl_web.config import WebConfig, read_config
from jobctl_web.protocol import Protocol
from jobctl_web.server import bind, make_server
from jobctl_web.tls import Certificate

HOST = "Host: localhost"
HANDSHAKE = (
    "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)  # fmt: skip


@asynccontextmanager
async def served(web: Web, certificate: Certificate | None = None) -> AsyncIterator[int]:
    """Serve on a free port as long as the context lasts."""
    with bind(WebConfig(port=0)) as listener:
        server = make_server(web, certificate)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            async with asyncio.timeout(15):
                await task


async def say(port: int, *lines: str, body: bytes = b"", tls: ssl.SSLContext | None = None) -> bytes:
    """Send a request as it is, and return all that comes until the line is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    try:
        writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode() + body)
        async with asyncio.timeout(15):
            return await reader.read()
    finally:
        writer.close()


REFUSED = {
    "two hosts": ("GET / HTTP/1.1", HOST, "Host: evil.example"),
    "no host": ("GET / HTTP/1.1",),
    "length and chunks": ("POST / HTTP/1.1", HOST, "Content-Length: 4", "Transfer-Encoding: gzip, chunked"),
    "two lengths": ("POST / HTTP/1.1", HOST, "Content-Length: 4", "Content-Length: 40"),
    "negative length": ("POST / HTTP/1.1", HOST, "Content-Length: -1"),
    "blank before a colon": ("GET / HTTP/1.1", HOST, "X-Forwarded-User : ada"),
    "line that goes on": ("GET / HTTP/1.1", HOST, "X: y", " z\x00"),
}


@pytest.mark.parametrize("lines", REFUSED.values(), ids=REFUSED)
async def test_head_that_can_be_read_in_two_ways_is_refused(
    open_web: Callable[..., Web], lines: tuple[str, ...]
) -> None:
    async with served(open_web()) as port:
        answer = await say(port, *lines)

    assert answer.split()[1] in (b"400", b"413", b"431", b"501")
    assert b"jobctl" not in answer


async def test_endless_head_is_refused(open_web: Callable[..., Web]) -> None:
    async with served(open_web()) as port, asyncio.timeout(15):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nX: " + b"y" * 17_000)
        assert (await reader.read()).split()[1] == b"400"
        writer.close()


FOREIGN = {
    "lower case": ("post /queues/critical/pause HTTP/1.1", HOST, b"405"),
    "overridden": ("GET /queues/critical/pause HTTP/1.1", f"{HOST}\r\nX-HTTP-Method-Override: POST", b"405"),
    "absolute address": ("GET http://evil.example/ HTTP/1.1", HOST, b"404"),
    "absolute address, foreign host": ("GET http://localhost/ HTTP/1.1", "Host: evil.example", b"421"),
    "host after a name": ("GET / HTTP/1.1", "Host: localhost@evil.example", b"421"),
    "old protocol without a host": ("GET / HTTP/1.0", "X: y", b"421"),
    "tunnel": ("CONNECT localhost:22 HTTP/1.1", HOST, b"405"),
    "dots": ("GET /static/../../../../etc/passwd HTTP/1.1", HOST, b"404"),
}


@pytest.mark.parametrize(("request_line", "header", "status"), FOREIGN.values(), ids=FOREIGN)
async def test_request_of_a_strange_kind_does_nothing(
    open_web: Callable[..., Web], redis: Redis, request_line: str, header: str, status: bytes
) -> None:
    async with served(open_web()) as port:
        answer = await say(port, request_line, header)

    assert answer.split()[1] == status
    assert b"content-security-policy" in answer
    assert not await redis.exists(QueueKeys("critical").paused)


@pytest.mark.parametrize("path", ["/", "/live?page=/"])
async def test_websocket_is_not_opened(open_web: Callable[..., Web], guarded: WebConfig, path: str) -> None:
    async with served(open_web(guarded)) as port:
        answer = await say(port, f"GET {path} HTTP/1.1", HOST, *HANDSHAKE)

    assert answer.split()[1] in (b"303", b"401")


async def test_second_request_in_a_body_is_not_taken_for_one(open_web: Callable[..., Web], redis: Redis) -> None:
    inner = b"POST /queues/critical/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    async with served(open_web()) as port:
        answer = await say(port, "GET /healthz HTTP/1.1", HOST, f"Content-Length: {len(inner)}", body=inner)

    assert answer.count(b"HTTP/1.1 ") == 1
    assert not await redis.exists(QueueKeys("critical").paused)


@pytest.mark.parametrize("begun", ["", "GET / HT", "GET / HTTP/1.1\r\nHost: localhost\r\nX: "])
async def test_head_that_never_ends_is_given_up(
    open_web: Callable[..., Web], monkeypatch: pytest.MonkeyPatch, begun: str
) -> None:
    monkeypatch.setattr(Protocol, "head_s", 0.1)
    async with served(open_web()) as port, asyncio.timeout(15):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begun.encode())
        assert await reader.read() == b""
        writer.close()


async def test_head_that_never_ends_is_given_up_after_another_request(
    open_web: Callable[..., Web], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(open_web()) as port, asyncio.timeout(15):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"ok\n")
        monkeypatch.setattr(Protocol, "head_s", 0.1)
        writer.write(b"GET / HT")
        assert await reader.read() == b""
        writer.close()


async def test_body_that_never_ends_is_given_up(
    open_web: Callable[..., Web], monkeypatch: pytest.MonkeyPatch, redis: Redis
) -> None:
    web = open_web()
    monkeypatch.setattr(web.asgi, "_body_s", 0.1)
    async with served(web) as port:
        answer = await say(
            port, "POST /queues/critical/pause HTTP/1.1", HOST, "Content-Length: 50",
            "Content-Type: application/x-www-form-urlencoded", body=b"csrf=",
        )  # fmt: skip

    assert answer.split()[1] == b"408"
    assert not await redis.exists(QueueKeys("critical").paused)


# TLS


def make_certificate(folder: Path) -> Certificate:
    """Make a certificate for this machine, signed by itself."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
               "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
               "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return Certificate(str(folder / "cert.pem"), str(folder / "key.pem"))


def trusting(folder: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(folder / "cert.pem"))


needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")


@needs_openssl
async def test_console_speaks_tls_itself(open_web: Callable[..., Web], tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    async with served(open_web(WebConfig(is_secure=True)), certificate) as port:
        answer = await say(port, "GET / HTTP/1.1", HOST, tls=trusting(tmp_path))
        plain = await say(port, "GET / HTTP/1.1", HOST)

    assert certificate.context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"__Host-jobctl_session=" in answer
    assert b"HTTP" not in plain


@needs_openssl
async def test_renewed_certificate_is_used_without_a_restart(open_web: Callable[..., Web], tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    async with served(open_web(), certificate) as port:
        make_certificate(tmp_path)
        with pytest.raises(ssl.SSLError):
            await say(port, "GET / HTTP/1.1", HOST, tls=trusting(tmp_path))
        assert certificate.look()
        assert not certificate.look()
        answer = await say(port, "GET / HTTP/1.1", HOST, tls=trusting(tmp_path))

    assert answer.startswith(b"HTTP/1.1 200")


@needs_openssl
def test_certificate_that_is_half_renewed_is_left_until_it_is_whole(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    (tmp_path / "cert.pem").write_text("")

    assert not certificate.look()
    make_certificate(tmp_path)
    assert certificate.look()


def test_files_that_are_no_certificate_are_told_of(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")

    with pytest.raises(UsageError, match="are no certificate and its key"):
        Certificate(str(tmp_path / "text"), str(tmp_path / "text"))
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        Certificate(str(tmp_path / "text"), str(tmp_path / "none"))


def test_certificate_needs_its_key_and_makes_cookies_secure() -> None:
    with pytest.raises(UsageError, match="`--tls-cert` needs `--tls-key`"):
        read_config({}, certificate=("cert.pem", None))
    with pytest.raises(UsageError, match="`--tls-key` needs `--tls-cert`"):
        read_config({}, certificate=(None, "key.pem"))
    assert read_config({}, certificate=("cert.pem", "key.pem")).is_secure
