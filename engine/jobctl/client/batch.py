"""Batches: prepared jobs that one call of a script stores, and what its reply means to each of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from jobctl.broker.envelope import Envelope, pack, unpack
from jobctl.broker.keys import split_job_id
from jobctl.broker.plain import PlainJob, pack_plain
from jobctl.client.jobs import Enqueued
from jobctl.errors import DuplicateJob

SCRIPTS = ("enqueue", "enqueue_plain")
"""Those that a batch may ask for."""


class Prepared(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A job checked and sealed, and what its caller gets if the broker takes it. ``size`` is in bytes."""

    envelope: Envelope | PlainJob
    receipt: Enqueued
    size: int

    def settle(self, holder: str | None) -> Enqueued | DuplicateJob:
        """Return what the broker's answer means: None = stored, else the id of the job in the way."""
        if holder is None:
            return self.receipt
        queue, key = split_job_id(holder)
        if holder == self.receipt.id:
            text = f"job `{key}` is in queue `{queue}` already and has not ended"
        else:
            text = f"job `{key}` in queue `{queue}` holds the unique lock of this `{self.receipt.type}`"
        return DuplicateJob(
            text, holder=key, hint=f"`jobctl inspect {key}` shows it; once it has ended, the way is free"
        )


class Batch:
    """Jobs to be stored by one call of a script.

    Attributes:
        script: that stores them. One job that is not plain makes all go the general way.
        keys: its KEYS.
        args: its ARGV.
    """

    def __init__(self, jobs: Sequence[Prepared]) -> None:
        self.jobs = jobs
        # Packed now, not when it is sent: the broker may still be busy with the batch before.
        envelopes = [job.envelope for job in jobs]
        plain = [envelope for envelope in envelopes if type(envelope) is PlainJob]
        if len(plain) == len(envelopes):
            self.script = "enqueue_plain"
            self.keys, self.args = pack_plain(plain)
        else:
            self.script = "enqueue"
            self.keys, self.args = pack([each.envelope() if isinstance(each, PlainJob) else each for each in envelopes])

    def settle(self, reply: int | Sequence[bytes | int]) -> list[Enqueued | DuplicateJob]:
        """Return what the script's reply means to each job. Plain jobs are never refused."""
        if isinstance(reply, int):
            return [job.receipt for job in self.jobs]
        return [job.settle(holder) for job, holder in zip(self.jobs, unpack(reply), strict=True)]
