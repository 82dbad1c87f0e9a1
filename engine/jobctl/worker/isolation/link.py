"""The child's end of the socket to its worker."""

from __future__ import annotations

import logging
import os
import socket
import threading

from jobctl.worker.isolation.messages import HEADER, MAX_MESSAGE, Answer, Failed, Kind, Line, encode_answer
from jobctl.worker.stamp import stamp
from jobctl.worker.tracebacks import encodable

# What a log record has without anybody's doing; the rest are its facts.
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class Link:
    """A blocking socket: one thread reads, any thread may send."""

    def __init__(self, link: socket.socket) -> None:
        link.set_inheritable(False)
        self._socket = link
        self._guard = threading.Lock()
        os.register_at_fork(after_in_child=self._leave)

    def _leave(self) -> None:
        """In a process the handler forked: it must not speak for us, nor hide from the worker that we have ended."""
        self._guard = threading.Lock()  # another thread may have held it
        self._socket.close()

    def send(self, answer: Answer) -> None:
        """Send an answer; what is too large is told as a failure instead.

        Raises:
            OSError: the worker has gone.
        """
        body = encode_answer(answer)
        if len(body) > MAX_MESSAGE:
            text = f"the result has {len(body):,} bytes, more than any limit"
            body = encode_answer(Failed(Kind.DEAD, text, ""))
        with self._guard:
            self._socket.sendall(HEADER.pack(len(body)) + body)

    def receive(self) -> bytes | None:
        """Wait for the next message of the worker; None = there will be none."""
        header = self._read(HEADER.size)
        return None if header is None else self._read(*HEADER.unpack(header))

    def _read(self, size: int) -> bytes | None:
        parts = bytearray()
        while len(parts) < size:
            try:
                part = self._socket.recv(size - len(parts))
            except OSError:
                return None
            if not part:
                return None
            parts += part
        return bytes(parts)


class LogForwarder(logging.Handler):
    """Sends log records to the worker, which writes them as its own."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link = link
        self._format = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record; without a worker there is nobody to tell."""
        stamp(record)
        try:
            facts = {name: value for name, value in vars(record).items() if name not in STANDARD}
            raised = encodable(self._format.formatException(record.exc_info)) if record.exc_info else None
            message = encodable(record.getMessage())
            self._link.send(Line(record.name, record.levelno, message, record.created, facts, raised))
        except OSError:
            pass
        except Exception:
            self.handleError(record)
