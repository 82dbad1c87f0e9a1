"""What a worker and its children say to each other, over a socket pair that nobody else holds.

A message is its length (4 bytes, network order) and its bytes. The worker sends a `Setup` (pickled: it holds the
compiled jobs, and goes from a process to its own child only), then one broker record a job, as JSON. The child answers
in JSON: `Ready` or `Unfit` once, then for each job any number of `Beat` and `Line`, and one `Done` or `Failed`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

import msgspec

from jobctl.compiler.plan import Registration
from jobctl.spec.model import Hooks

HEADER = struct.Struct("!I")
MAX_MESSAGE = 64 * 1024 * 1024  # bytes; far more than a record may have, and no more than a worker can take


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a child needs to know before its first job.

    Attributes:
        registrations: the jobs it may be given.
        hooks: the application's; startup and shutdown run in the child too.
        path: where to import from (``sys.path``).
        log_level: lines below it are not sent.
    """

    registrations: tuple[Registration, ...]
    hooks: Hooks
    path: tuple[str, ...]
    log_level: int


class Kind(StrEnum):
    """What a handler that did not return wants, or gets."""

    ERROR = "error"
    RETRY_AFTER = "retry-after"
    DEAD = "dead"
    CANCEL = "cancel"


class Ready(msgspec.Struct, tag="ready"):
    """The handlers are imported and the startup hook has run."""


class Unfit(msgspec.Struct, tag="unfit"):
    """The child cannot run jobs, and ends. ``text`` is a traceback."""

    text: str


class Beat(msgspec.Struct, tag="beat"):
    """The job ``key`` has called `progress` or `heartbeat` since the last beat."""

    key: str
    fraction: float | None


class Line(msgspec.Struct, tag="line"):
    """A log record; ``traceback`` is the exception's, as text."""

    logger: str
    level: int
    message: str
    created: float
    facts: dict[str, Any]
    traceback: str | None


class Done(msgspec.Struct, tag="done"):
    """The job succeeded. The result is JSON already."""

    result: msgspec.Raw


class Failed(msgspec.Struct, tag="failed"):
    """The job did not succeed. ``name`` is the exception's class, ``delay_s`` what a `RetryAfter` asked for."""

    kind: Kind
    text: str
    name: str
    delay_s: float = 0.0


Answer: TypeAlias = Ready | Unfit | Beat | Line | Done | Failed

decode_answer = msgspec.json.Decoder(Answer).decode
# A fact may be anything; what JSON cannot hold is logged as its text.
encode_answer = msgspec.json.Encoder(enc_hook=str).encode
