"""Plain jobs: due now, under fresh keys, with the options of their spec and no unique lock. Most jobs are.

This is the hot path of producers. All that differs between two such jobs of one type is their key and their payload,
so the rest of the record, the stencil, is encoded once and sent once a batch; `scripts/enqueue_plain.lua` puts the
records together. Any other job goes as an `Envelope`, with every option, through `scripts/enqueue.lua`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import msgspec

from jobctl.broker import keys
from jobctl.broker.envelope import Envelope, seal
from jobctl.compiler.plan import Registration

_pack = msgspec.msgpack.Encoder().encode


class Stencil(msgspec.Struct, frozen=True, eq=False):
    """What the plain jobs of one registration have in common.

    Attributes:
        head: their record as far as the opening quote of the key.
    """

    queue: str
    type: str
    head: bytes


class PlainJob(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One plain job to be stored; ``payload`` is JSON text."""

    stencil: Stencil
    key: str
    payload: str

    @property
    def record(self) -> bytes:
        """The record that the script makes of it, but for the server's enqueue time."""
        return b'%b%b","kwargs":%b}' % (self.stencil.head, self.key.encode(), self.payload.encode())

    def envelope(self) -> Envelope:
        """Return the same job in the general form, for a batch that holds others too."""
        return Envelope(queue=self.stencil.queue, key=self.key, record=self.record, nonce=self.key)


def stencil(registration: Registration) -> Stencil | None:
    """Return the stencil of a job's plain form, or None if it has none: it declares a unique lock."""
    if registration.unique is not None:
        return None
    fields = msgspec.json.decode(seal(registration, {}).record)
    del fields["key"], fields["kwargs"]  # what is left holds for all of them
    return Stencil(registration.queue, registration.type, msgspec.json.encode(fields)[:-1] + b',"key":"')


def new_keys(count: int) -> list[str]:
    """Return so many fresh job keys in order, each as `new_key` makes them, for the price of a few."""
    digits = os.urandom(4 * count).hex()
    now_ns = time.time_ns()
    return [f"{now_ns + n:016x}{digits[8 * n : 8 * n + 8]}" for n in range(count)]


def pack_plain(jobs: Sequence[PlainJob]) -> tuple[list[str], list[str | bytes | int]]:
    """Return ``(keys, args)`` of the script ``enqueue_plain`` for 1 to 3,900 jobs."""
    positions: dict[Stencil, int] = {}
    queues: dict[str, int] = {}
    values: list[str | int] = []
    for job in jobs:
        # `setdefault` would reckon its default for every job
        position = positions.get(job.stencil)
        if position is None:
            position = positions[job.stencil] = len(positions) + 1
        values += (position, job.key, job.payload)
    heads: list[str | bytes | int] = []
    for found in positions:
        heads += (queues.setdefault(found.queue, len(queues) + 1), found.head)
    names: list[str] = []
    for queue in queues:
        of = keys.QueueKeys(queue)
        names += (of.queued, of.incomplete)
    return [*names, keys.QUEUES], [len(queues), *queues, len(positions), *heads, _pack(values)]
