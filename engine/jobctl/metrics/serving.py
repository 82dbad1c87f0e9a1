"""A small HTTP server for Prometheus and for probes: /metrics, /healthz, /readyz.

In a thread: it answers whatever the event loop does.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from jobctl.errors import UsageError

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric as Family

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0  # of a client that does not send its request or does not take its answer

Scraper = Callable[[], Iterable["Family"]]
Probe = Callable[[], str]
"""Returns why it fails, or ""."""


def render(families: Iterable[Family], accept: str = "") -> tuple[bytes, str]:
    """Return ``(text, content type)``: OpenMetrics where the header `Accept` asks for it, else Prometheus' own."""
    from prometheus_client import exposition

    encode, content_type = exposition.choose_encoder(accept)
    return encode(_Told(families)), content_type


@contextlib.contextmanager
def serving(host: str, port: int, scrape: Scraper, probes: dict[str, Probe] | None = None) -> Iterator[int]:
    """Serve in a thread as long as the context lasts; yield the port.

    Args:
        host: address to listen at.
        port: 0 = any that is free.
        scrape: called in threads of their own, one a request.
        probes: path -> probe; by default one at ``/healthz`` that is content when asked.

    Raises:
        UsageError: it cannot listen there.
    """
    found = probes or {"/healthz": lambda: ""}

    class Handler(_Handler):
        pass

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    Handler.scrape, Handler.probes = staticmethod(scrape), found
    shown = f"[{host}]" if ":" in host else host
    try:
        server = Server((host, port), Handler)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"metrics cannot be served at {shown}:{port}: {reason}",
            code="metrics.port",
            hint="choose another port; 0 takes any that is free",
        ) from None
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="jobctl-metrics", daemon=True)
    thread.start()
    log.info("serving metrics", extra={"url": f"http://{shown}:{server.server_port}/metrics"})
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Told:
    """Families, as what prometheus-client renders wants them."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families


class _Handler(BaseHTTPRequestHandler):
    scrape: Scraper
    probes: dict[str, Probe]
    timeout = TIMEOUT_S
    server_version = "jobctl"
    sys_version = ""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(200, *render(self.scrape(), self.headers.get("Accept", "")))
        elif path in self.probes:
            why_not = self.probes[path]()
            self._say(503 if why_not else 200, why_not or "ok")
        else:
            self._say(404, f"there is /metrics and {', '.join(self.probes)}")

    def do_HEAD(self) -> None:
        self.do_GET()

    def _say(self, status: int, words: str) -> None:
        self._answer(status, f"{words}\n".encode(), "text/plain; charset=utf-8")

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        log.debug("metrics request", extra={"request": format % args})
