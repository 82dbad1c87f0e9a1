"""Clients that keep the books: what the broker acknowledged, what it refused, and what it never answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from jobctl.client import BlockingClient, Client, Enqueued
from jobctl.client.batch import Batch
from jobctl.errors import BrokerError, BrokerUnreachable, DuplicateJob

Answers = list[Enqueued | DuplicateJob]


@dataclass(slots=True)
class Promises:
    """The keys of jobs, by what became of their enqueueing. A refused duplicate is no promise of anything."""

    acknowledged: set[str] = field(default_factory=set)
    unanswered: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)

    @contextmanager
    def noting(self, batch: Batch) -> Iterator[Answers]:
        """Note what becomes of a batch; its answers are put into what is yielded."""
        answers: Answers = []
        everyone = {job.receipt.key for job in batch.jobs}
        try:
            yield answers
        except BrokerUnreachable:
            self.unanswered |= everyone
            raise
        except BrokerError:
            self.refused |= everyone
            raise
        self.acknowledged.update(answer.key for answer in answers if isinstance(answer, Enqueued))


class NotedClient(Client):
    """The asyncio client of a test."""

    promises: Promises

    async def _send(self, batch: Batch) -> Answers:
        with self.promises.noting(batch) as answers:
            answers.extend(await super()._send(batch))
        return answers


class NotedBlockingClient(BlockingClient):
    """The blocking client of a test."""

    promises: Promises

    def _send(self, batch: Batch) -> Answers:
        with self.promises.noting(batch) as answers:
            answers.extend(super()._send(batch))
        return answers
