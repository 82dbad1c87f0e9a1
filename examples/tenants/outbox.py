"""Jobs promised together with data: none is lost when the broker is away.

Whoever changes data and needs a job for it writes a row here in the same transaction (`promise`), and after the commit
tries to enqueue at once (`keep`). What that did not reach, the job `outbox-drain` enqueues later (`keep_all`).

A promise may be kept twice, when a process died between enqueuing and noting it. The job's key is the promise's id: the
second one is refused while the first is unfinished, and after that finds its work done, for handlers are idempotent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from examples.tenants.database import Database
from examples.tenants.models import OutboxJob
from jobctl import BlockingClient
from jobctl.clock import Clock, utc
from jobctl.errors import BrokerError, DuplicateJob, JobctlError

BATCH = 100
IN_FLIGHT = timedelta(seconds=30)  # an untried promise younger than this is being kept by the one who made it
ERROR_LIMIT = 500  # characters


def promise(session: Session, job: str, payload: Mapping[str, Any], *, now: datetime) -> OutboxJob:
    """Promise a job within the caller's transaction: committed with its data, or not at all."""
    promised = OutboxJob(job=job, payload=dict(payload), created_at=now, tries=0)
    session.add(promised)
    return promised


@dataclass(frozen=True, slots=True)
class Outbox:
    """Keeps promises. Safe to share between threads."""

    db: Database
    broker: BlockingClient
    clock: Clock

    def keep(self, promised: OutboxJob) -> str:
        """Enqueue a promised job and note it.

        Returns:
            the key of the job that keeps the promise: its own, or that of an unfinished one for the same thing.

        Raises:
            JobctlError: it could not be enqueued; noted with the promise, which stays.
        """
        try:
            key = self.broker.enqueue(promised.job, promised.payload, key=promised.id.hex).key
        except DuplicateJob as duplicate:
            key = duplicate.holder
        except JobctlError as error:
            self._note(promised, tries=OutboxJob.tries + 1, last_error=str(error)[:ERROR_LIMIT])
            raise
        self._note(promised, sent_at=self._now(), last_error=None)
        return key

    def keep_all(self) -> tuple[int, int]:
        """Enqueue everything that waits.

        Returns:
            how many promises were kept, and how many cannot be (their job or payload is not declared so any more).

        Raises:
            BrokerError: the broker went away; the rest waits on.
        """
        kept, tried = 0, set()
        while batch := [row for row in self._waiting() if row.id not in tried]:
            for promised in batch:
                tried.add(promised.id)
                try:
                    self.keep(promised)
                except BrokerError:
                    raise
                except JobctlError:
                    continue
                kept += 1
        return kept, len(tried) - kept

    def _now(self) -> datetime:
        return utc(self.clock.time())

    def _waiting(self) -> list[OutboxJob]:
        # Fewest tries first: a promise that cannot be kept does not stand in the way of the others.
        settled = or_(OutboxJob.tries > 0, OutboxJob.created_at < self._now() - IN_FLIGHT)
        query = (
            select(OutboxJob)
            .where(OutboxJob.sent_at.is_(None), settled)
            .order_by(OutboxJob.tries, OutboxJob.created_at)
            .limit(BATCH)
        )
        with self.db.begin() as session:
            return list(session.scalars(query))

    def _note(self, promised: OutboxJob, **values: Any) -> None:
        with self.db.begin() as session:
            session.execute(update(OutboxJob).where(OutboxJob.id == promised.id).values(**values))
