"""Listing jobs by their indexes: page by page, in bounded round trips, however long the backlog."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobctl.broker.keys import QueueKeys
from jobctl.inspector.query import STATES, JobQuery, Page, Position, moment_ms, read_cursor, write_cursor
from jobctl.inspector.rows import Row, as_found, read_rows
from jobctl.records import JobRecord, JobState

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

BATCH = 500  # ids read at once from one index: a few ms of the server's time
_PLAIN_TYPE = re.compile(r"[A-Za-z0-9_.:-]+")  # written in JSON as it is


@dataclass(slots=True)
class Source:
    """One index of one queue, read forward in batches.

    Attributes:
        name: ``queue:index``, stable, for cursors.
        key: the index in Redis.
        state: what the jobs in it are.
        is_list: a list in order, else a sorted set.
        newest_first: read a sorted set from its highest score.
        lowest, highest: bounds of the scores wanted; the lowest itself is left out where the soonest come first, for
            a score of 0 in the index of unfinished jobs means that the job is no longer waiting.
    """

    name: str
    key: str
    state: JobState
    is_list: bool = False
    newest_first: bool = False
    lowest: float = float("-inf")
    highest: float = float("inf")
    ahead: deque[tuple[float, Position, JobRecord]] = field(default_factory=deque)
    given: Position | None = None
    """Behind the last job given out."""
    read: Position | None = None
    """Behind the last entry read."""
    ties: int = 0
    """Entries already read that have the score of ``read``; the next batch begins behind them."""
    exhausted: bool = False

    def resume(self, place: Position | None) -> None:
        """Go on where a cursor stands; None = at the end."""
        self.given = self.read = place
        self.exhausted = place is None

    @property
    def is_dry(self) -> bool:
        """Whether the next job is not known, nor that there is none."""
        return not self.ahead and not self.exhausted

    @property
    def is_done(self) -> bool:
        """Whether there is no further job."""
        return not self.ahead and self.exhausted

    @property
    def place(self) -> Position | None:
        """Where a cursor would stand now; None = before the first job, or at the end if it is done."""
        if self.is_done:
            return None
        return self.given if self.ahead else self.read

    def ask(self, pipe: Pipeline, count: int) -> None:
        """Queue the command that reads the next batch of ids."""
        if self.is_list:
            offset = int(self.read.score) if self.read else 0
            pipe.lrange(self.key, offset, offset + count - 1)
            return
        start = self.read.score if self.read else self._start()
        if self.newest_first:
            pipe.zrevrangebyscore(self.key, start, self.lowest, self.ties, count, withscores=True)
        else:
            lowest = start if self.read else f"({start}"
            pipe.zrangebyscore(self.key, lowest, self.highest, self.ties, count, withscores=True)

    def take(self, answer: Sequence[Any], count: int) -> list[Position]:
        """Note a batch as read and return the entries in it that are new."""
        self.exhausted = len(answer) < count
        if self.is_list:
            offset = int(self.read.score) if self.read else 0
            places = [Position(float(offset + n + 1), _text(job)) for n, job in enumerate(answer)]
        else:
            places = [Position(float(score), _text(job)) for job, score in answer]
        before = self.read
        if places:
            last = places[-1]
            same = sum(place.score == last.score for place in places)
            self.ties = same + (self.ties if before is not None and before.score == last.score else 0)
            if before is None or self._is_behind(last, before):
                self.read = last
        return places if before is None else [place for place in places if self._is_behind(place, before)]

    def next(self) -> JobRecord:
        """Give out the job at the head."""
        _, self.given, record = self.ahead.popleft()
        return record

    def rank(self, place: Position, record: JobRecord) -> float:
        """Return what jobs of one state in several queues are merged by, ascending."""
        if self.is_list:
            return moment_ms(record)
        return -place.score if self.newest_first else place.score

    def _start(self) -> float:
        return self.highest if self.newest_first else self.lowest

    def _is_behind(self, place: Position, before: Position) -> bool:
        if self.is_list or place.score != before.score:
            return True
        # entries of one score lie in the order of their ids
        return place.id < before.id if self.newest_first else place.id > before.id


def sources(query: JobQuery, queues: Iterable[str], now_ms: int) -> list[Source]:
    """Return the indexes a query reads, in the order of states and queues."""
    earliest, latest = query.window_ms(now_ms)
    ended: dict[str, Any] = {"newest_first": True}
    if earliest is not None:
        ended["lowest"] = float(earliest)
    if latest is not None:
        ended["highest"] = float(latest)
    found = []
    for state in STATES:
        if query.states is not None and state not in query.states:
            continue
        for queue in queues:
            of = QueueKeys(queue)
            name = f"{queue}:{state}"
            match state:
                case JobState.ACTIVE:
                    found.append(Source(name, of.active, state, is_list=True))
                case JobState.QUEUED:
                    found.append(Source(name, of.queued, state, is_list=True))
                case JobState.RETRYING:
                    found.append(Source(name, of.retrying, state, lowest=0.0))
                case JobState.SCHEDULED:
                    found.append(Source(name, of.incomplete, state, lowest=0.0))
                case JobState.COMPLETE:
                    found.append(Source(name, of.complete, state, **ended))
                case JobState.CANCELLED:
                    found.append(Source(name, of.cancelled, state, **ended))
                case JobState.DEAD:
                    found.append(Source(name, of.dead, state, **ended))
                    if query.replayed:
                        found.append(Source(f"{queue}:replayed", of.replayed, state, **ended))
    return found


class Listing:
    """One reading of a query's jobs.

    Jobs of one state come in that state's order over all queues: running and queued ones in the order of their queue,
    waiting ones by due time, ended ones newest first. Where several states are asked for, they take turns, so that a
    long backlog does not hide the one dead job.

    Entries without a record are passed over and counted. A record that cannot be read is listed with an error that
    says so, unless jobs are chosen by type or age, which it does not tell.
    """

    def __init__(self, redis: Redis, query: JobQuery, queues: Iterable[str], now_ms: int, cursor: str | None = None):
        self._redis = redis
        self._query = query
        self._now_ms = now_ms
        self._sources = sources(query, queues, now_ms)
        self._is_filtered = query.type is not None or query.older_than_s is not None or query.newer_than_s is not None
        self.skipped = 0
        if cursor is not None:
            places = read_cursor(cursor)
            for source in self._sources:
                if source.name in places:
                    source.resume(places[source.name])

    async def page(self, limit: int) -> Page:
        """Return the next jobs, at most ``limit``."""
        jobs: dict[JobState, list[JobRecord]] = {}
        count = BATCH if self._is_filtered else min(BATCH, limit)
        self.skipped = 0
        left = limit
        while left > 0:
            # One batch a turn: a state in which nothing matches does not hold up the others.
            dry = [source for source in self._sources if source.is_dry]
            if dry:
                await self._read(dry, count)
            heads = self._heads()
            if not heads and not dry:
                break
            for state, source in list(heads.items())[:left]:
                jobs.setdefault(state, []).append(source.next())
                left -= 1
        return Page(
            jobs=tuple(record for state in STATES for record in jobs.get(state, ())),
            cursor=self._cursor(),
            skipped=self.skipped,
        )

    def _heads(self) -> dict[JobState, Source]:
        """Return per state the source that holds its next job, for the states where that is known."""
        unknown = {source.state for source in self._sources if source.is_dry}
        heads: dict[JobState, Source] = {}
        for source in self._sources:
            if source.ahead and source.state not in unknown:
                best = heads.get(source.state)
                if best is None or source.ahead[0][0] < best.ahead[0][0]:
                    heads[source.state] = source
        return heads

    def _cursor(self) -> str | None:
        if all(source.is_done for source in self._sources):
            return None
        return write_cursor(
            {source.name: source.place for source in self._sources if source.is_done or source.place is not None}
        )

    async def _read(self, dry: Sequence[Source], count: int) -> None:
        """Read one batch of every index given: two round trips."""
        pipe = self._redis.pipeline(transaction=False)
        for source in dry:
            source.ask(pipe, count)
        answers = await pipe.execute()
        entries = [
            (source, place) for source, answer in zip(dry, answers, strict=True) for place in source.take(answer, count)
        ]
        rows = await read_rows(self._redis, [place.id for _, place in entries])
        for (source, place), row in zip(entries, rows, strict=True):
            record = self._select(source, row)
            if record is not None:
                source.ahead.append((source.rank(place, record), place, record))

    def _select(self, source: Source, row: Row) -> JobRecord | None:
        wanted = self._query.type
        if row.raw is None:
            self.skipped += 1
            return None
        if source.state is JobState.SCHEDULED and row.is_retrying:
            return None  # it is listed there
        if wanted is not None and _PLAIN_TYPE.fullmatch(wanted) and wanted.encode() not in row.raw:
            return None  # far cheaper than to decode it and look
        record = row.record(source.state)
        if record is None or (found := as_found(record, source.state)) is None:
            return None
        return found if self._query.admits(found, self._now_ms) else None


def _text(job: bytes) -> str:
    return job.decode("utf-8", "replace")
