"""Listing jobs by their indexes: page by page, in bounded round trips, however long the backlog."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

from jobctl.broker.keys import job_id
from jobctl.inspector.filters import EVERYTHING, JobFilter, parse_filter
from jobctl.inspector.filters.expression import Expression
from jobctl.inspector.filters.matching import Facts, compile_test
from jobctl.inspector.filters.planning import IndexPlan, exact_keys, named_queues, plan_indexes
from jobctl.inspector.locate import require_known
from jobctl.inspector.query import STATES, Page, Position, read_cursor, write_cursor
from jobctl.inspector.rows import Row, as_found, ask_rows, take_rows
from jobctl.inspector.source import Source
from jobctl.inspector.steps import AnyPipeline, Steps
from jobctl.records import JobRecord, JobState

FIRST = 20  # entries read at first beyond an index's share of a page; each further batch is twice as large
BATCH = 1_000  # entries read at once from one index at most: a few ms of the server's time


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A part of what a listing reads.

    Attributes:
        index: which index, between which bounds; None = records by their keys, without an index.
        entries: how many entries of it there are (count).
        rest: what their records are asked; None = nothing, all of them match.
    """

    index: IndexPlan | None
    entries: int
    rest: Expression | None


class Listing:
    """One reading of a filter's jobs.

    Jobs of one state come in that state's order over all queues: running and queued ones in the order of their queue,
    waiting ones by due time, ended ones newest first. Where several states are asked for, they take turns, so that a
    long backlog does not hide the one dead job.

    Entries without a record are passed over and counted. A record that cannot be read is listed with an error that
    says so, unless jobs are chosen by something that it does not tell.

    Args:
        wanted: which jobs.
        queues: the queues there are.
        facts: what records are tested with.
        cursor: where to go on.

    Raises:
        UsageError: the cursor is none.
    """

    def __init__(self, wanted: JobFilter, queues: Iterable[str], facts: Facts, cursor: str | None = None) -> None:
        names = tuple(queues)
        keys = exact_keys(wanted)
        self._wanted = wanted
        self._facts = facts
        self._ids = None if keys is None else [job_id(queue, key) for queue in names for key in keys]
        self._sources = [Source(plan, facts) for plan in plan_indexes(wanted, names, facts)] if keys is None else []
        self._skipped = self._examined = 0
        if cursor is not None:
            places = read_cursor(cursor)
            for source in self._sources:
                if source.plan.name in places:
                    source.resume(places[source.plan.name])

    @classmethod
    def of(cls, wanted: JobFilter | str | None, queues: Sequence[str], facts: Facts, cursor: str | None = None) -> Self:
        """Return a reading of what a caller asks for.

        Raises:
            FilterError: the text is no filter.
            UsageError: it names a queue that does not exist; or the cursor is none.
        """
        chosen = parse_filter(wanted) if isinstance(wanted, str) else wanted or EVERYTHING
        for queue in named_queues(chosen):
            require_known(queue, queues)
        return cls(chosen, queues, facts, cursor)

    def total(self) -> Steps[int]:
        """Count what there is to be looked at."""
        return sum(reading.entries for reading in (yield from self.explain()))

    def explain(self) -> Steps[list[Reading]]:
        """Return what is read, and how much of it there is."""
        if self._ids is not None:
            return [Reading(index=None, entries=len(self._ids), rest=self._wanted.expression)]
        if not self._sources:
            return []
        answers = yield self._ask_lengths
        return [
            Reading(index=source.plan, entries=count, rest=source.plan.rest)
            for source, count in zip(self._sources, answers, strict=True)
        ]

    def page(self, limit: int, effort: int | None = None) -> Steps[Page]:
        """Return the next jobs.

        Args:
            limit: jobs at most.
            effort: look at about so many entries at most, and return what was found among them; None = until the
                page is full.
        """
        self._skipped = self._examined = 0
        if self._ids is not None:
            jobs = yield from self._named(self._ids)
            return Page(jobs=tuple(jobs), skipped=self._skipped, examined=self._examined)
        found: dict[JobState, list[JobRecord]] = {}
        left = limit
        while left > 0:
            # One batch a turn: a state in which nothing matches does not hold up the others.
            dry = [source for source in self._sources if source.is_dry]
            if dry and (effort is None or self._examined < effort):
                yield from self._read(dry, limit)
            elif dry:
                break
            ready = self._ready()
            if not ready and not dry:
                break
            share = left if len(ready) == 1 and not dry else max(left // len(STATES), 1)
            for _ in range(share):
                for state, sources in list(ready.items())[:left]:
                    source = min(sources, key=Source.rank)
                    found.setdefault(state, []).append(source.next())
                    left -= 1
                    if source.is_dry:
                        del ready[state]
                    elif source.is_done:
                        sources.remove(source)
                        if not sources:
                            del ready[state]
                if not ready or not left:
                    break
        return Page(
            jobs=tuple(record for state in STATES for record in found.get(state, ())),
            cursor=self._cursor(),
            skipped=self._skipped,
            examined=self._examined,
        )

    def _ask_lengths(self, pipe: AnyPipeline) -> None:
        for source in self._sources:
            source.ask_length(pipe)

    def _ready(self) -> dict[JobState, list[Source]]:
        """Return per state the sources that hold its next jobs, for the states where all of them are known."""
        dry = {source.plan.state for source in self._sources if source.is_dry}
        ready: dict[JobState, list[Source]] = {}
        for source in self._sources:
            if source.ahead and source.plan.state not in dry:
                ready.setdefault(source.plan.state, []).append(source)
        return ready

    def _cursor(self) -> str | None:
        if all(source.is_done for source in self._sources):
            return None
        return write_cursor(
            {source.plan.name: source.place for source in self._sources if source.is_done or source.place is not None}
        )

    def _read(self, dry: Sequence[Source], limit: int) -> Steps[None]:
        """Read one batch of every index given: two round trips, or three where raw records are sifted first."""
        counts = [source.grown(min(limit // len(self._sources) + FIRST, limit), BATCH) for source in dry]

        def ask(pipe: AnyPipeline) -> None:
            for source, count in zip(dry, counts, strict=True):
                source.ask(pipe, count)

        answers = yield ask
        entries: list[tuple[Source, Position]] = []
        for source, answer, count in zip(dry, answers, counts, strict=True):
            self._examined += len(answer)
            entries += ((source, place) for place in source.take(answer, count) if source.admits_key(place.id))
        if any(source.plan.needles for source in dry) and entries:
            ids = [place.id for _, place in entries]
            (raws,) = yield lambda pipe: pipe.mget(ids)
            # a record that is gone goes on, to be counted
            entries = [
                entry for entry, raw in zip(entries, raws, strict=True) if raw is None or entry[0].admits_raw(raw)
            ]
        if not entries:
            return
        rows = yield from _rows([place.id for _, place in entries])
        for (source, place), row in zip(entries, rows, strict=True):
            record = self._select(source, row)
            if record is not None:
                source.keep(place, record)

    def _select(self, source: Source, row: Row) -> JobRecord | None:
        state = source.plan.state
        if row.raw is None:
            self._skipped += 1
            return None
        if state is JobState.SCHEDULED and row.is_retrying:
            return None  # it is listed there
        record = row.record(state)
        if record is None or (found := as_found(record, state)) is None:
            return None
        return found if source.admits(found) else None

    def _named(self, ids: Sequence[str]) -> Steps[list[JobRecord]]:
        """Return the jobs of these ids that match, in the order of states."""
        if not ids:
            return []
        rows = yield from _rows(ids)
        self._examined = len(rows)
        test = compile_test(self._wanted.expression, self._facts)
        records = [record for record in (row.record() for row in rows) if record is not None]
        return sorted(filter(test, records), key=lambda record: STATES.index(record.state))


def _rows(ids: Sequence[str]) -> Steps[list[Row]]:
    answers = yield partial(ask_rows, ids=ids)
    return take_rows(ids, answers)
