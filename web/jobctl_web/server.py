"""Serving the console until a signal ends it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING

import uvicorn

from jobctl.broker.connect import connect, translate_errors
from jobctl.errors import UsageError
from jobctl_web.app import Web
from jobctl_web.console import Console
from jobctl_web.protocol import Protocol
from jobctl_web.tls import Certificate

if TYPE_CHECKING:
    from types import FrameType

    from jobctl.compiler.plan import Plan
    from jobctl_web.config import WebConfig

SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE_S = 5  # for answers that are under way; streams end at once
BACKLOG = 128
MOST_REQUESTS = 1_000  # at once, open streams among them
MOST_HEADER = 16 * 1024  # bytes of a request's head


class Server(uvicorn.Server):
    """uvicorn's server; live streams, which would never end, end with the first signal."""

    def __init__(self, config: uvicorn.Config, close: Callable[[], None]) -> None:
        super().__init__(config)
        self._close = close

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM, and end well: uvicorn's own way raises the signal again at the end."""
        loop = asyncio.get_running_loop()
        for each in SIGNALS:
            loop.add_signal_handler(each, self.handle_exit, each, None)
        yield
        for each in SIGNALS:
            loop.remove_signal_handler(each)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop serving."""
        self._close()
        super().handle_exit(sig, frame)


def make_server(web: Web, certificate: Certificate | None = None) -> Server:
    """Return what speaks HTTP, with bounds to whatever a client may do."""
    return Server(
        uvicorn.Config(
            web.asgi,
            http=Protocol,
            ws="none",
            ssl_context_factory=(lambda *_: certificate.context) if certificate else None,
            log_config=None,
            access_log=False,
            log_level="warning",  # its own news at the start and the end is not ours
            limit_concurrency=MOST_REQUESTS,
            server_header=False,
            proxy_headers=False,  # whom to believe is configured in `Proxy`, not by a header
            timeout_graceful_shutdown=GRACE_S,
            h11_max_incomplete_event_size=MOST_HEADER,
        ),
        close=web.live.close,
    )


async def serve(url: str, plan: Plan | None, config: WebConfig, started: Callable[[str], None]) -> None:
    """Serve the console.

    Args:
        url: the broker.
        plan: the specs, if there are any.
        config: where, and to whom.
        started: is told the address once it can be opened.

    Raises:
        BrokerUnreachable: no broker answers.
        UsageError: the address is in use, or cannot be bound; or the certificate cannot be used.
    """
    config.check()
    certificate = Certificate(*config.certificate) if config.certificate else None
    async with connect(url) as redis:
        with translate_errors(url):
            await redis.ping()  # type: ignore[misc]
        with contextlib.closing(bind(config)) as listener:
            server = make_server(Web(Console(redis, plan, config)), certificate)
            started(address(config, listener))
            async with _renewed(certificate):
                await server.serve(sockets=[listener])


@contextlib.asynccontextmanager
async def _renewed(certificate: Certificate | None) -> AsyncIterator[None]:
    """See to a certificate as long as the context lasts."""
    watch = asyncio.create_task(certificate.watch(), name="jobctl-web-certificate") if certificate else None
    try:
        yield
    finally:
        if watch is not None:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)


def bind(config: WebConfig) -> socket.socket:
    """Return a socket that listens where the console is to be served.

    Raises:
        UsageError: it cannot.
    """
    is_v6 = ":" in config.host
    listener = socket.socket(socket.AF_INET6 if is_v6 else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
        listener.listen(BACKLOG)  # from now on nobody is refused, though the first answer may take a moment
    except OSError as error:
        listener.close()
        raise UsageError(
            f"`{config.host}:{config.port}` cannot be bound: {error.strerror or error}",
            code="web.bind",
            hint="another console may be running there; `--port` names another",
        ) from None
    return listener


def address(config: WebConfig, listener: socket.socket) -> str:
    """Return the address to open."""
    host = f"[{config.host}]" if ":" in config.host else config.host
    return f"{'https' if config.certificate else 'http'}://{host}:{listener.getsockname()[1]}/"
