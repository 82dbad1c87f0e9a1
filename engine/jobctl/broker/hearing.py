"""Hears how jobs end, and when exactly: each record's key is a channel on which its end is published.

For measuring. Messages are split up in C and cost about a microsecond each, where the client library's subscription
takes thirty; what has arrived together carries the time of its arrival, not of its turn.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from jobctl.broker import keys
from jobctl.broker.connect import connect_blocking

if TYPE_CHECKING:
    from redis import Redis

CHUNK = 1 << 16
LOOK_S = 0.2  # how soon `close` is noticed


class EndListener:
    """Listens to the ends of all jobs of some queues. Use it as a context manager.

    Attributes:
        ended_ns: id of each job that has ended -> when it was heard (`time.monotonic_ns`).
    """

    def __init__(self, url: str, queues: Iterable[str]) -> None:
        self.ended_ns: dict[str, int] = {}
        self._server: Redis = connect_blocking(url, socket_timeout=LOOK_S)
        self._patterns = [f"{keys.job_id(queue, '')}*" for queue in queues]
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="ends", daemon=True)
        self._listening = threading.Event()

    def __enter__(self) -> EndListener:
        self._thread.start()
        self._listening.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()
        self._server.close()

    def _listen(self) -> None:
        import hiredis

        connection: Any = self._server.connection_pool.get_connection()
        connection.send_command("PSUBSCRIBE", *self._patterns)
        link, reader = connection._sock, hiredis.Reader()
        confirmed = 0
        while not self._closing.is_set():
            try:
                chunk = link.recv(CHUNK)
            except TimeoutError:
                continue
            if not chunk:
                break
            now_ns = time.monotonic_ns()
            reader.feed(chunk)
            while (message := reader.gets()) is not False:
                if message[0] == b"pmessage":
                    # a retry is published as well; the last word counts
                    self.ended_ns[message[2].decode()] = now_ns
                else:
                    confirmed += 1
                    if confirmed == len(self._patterns):
                        self._listening.set()
        connection.disconnect()
