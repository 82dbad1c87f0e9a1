"""One index of one queue, read forward in batches. It says what to ask and takes the answers; it never waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from jobctl.broker.keys import split_job_id
from jobctl.inspector.filters.matching import Facts, Test, compile_test, text_test
from jobctl.inspector.filters.planning import IndexPlan, key_conditions
from jobctl.inspector.query import Position, moment_ms
from jobctl.records import JobRecord

if TYPE_CHECKING:
    from jobctl.inspector.steps import AnyPipeline


class Source:
    """One index being read.

    Args:
        plan: the index, and what is wanted of it.
        facts: what its records are tested with.

    Attributes:
        ahead: jobs that match and were not given out yet: rank, place, record.
        exhausted: the index has been read to its end.
    """

    __slots__ = ("_batch", "_given", "_key_tests", "_read", "_test", "_ties", "ahead", "exhausted", "plan")

    def __init__(self, plan: IndexPlan, facts: Facts) -> None:
        self.plan = plan
        self.ahead: deque[tuple[float, Position, JobRecord]] = deque()
        self.exhausted = False
        self._batch = 0
        self._test: Test | None = compile_test(plan.rest, facts)
        self._key_tests = [_key_test(condition) for condition in key_conditions(plan.rest)]
        self._given: Position | None = None  # behind the last job given out
        self._read: Position | None = None  # behind the last entry read
        self._ties = 0  # entries already read that have the score of `_read`; the next batch begins behind them

    def resume(self, place: Position | None) -> None:
        """Go on where a cursor stands; None = at the end."""
        self._given = self._read = place
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
        return self._given if self.ahead else self._read

    def grown(self, first: int, most: int) -> int:
        """Return how many entries to read next: few at first, and twice as many each time that was not enough."""
        self._batch = min(max(2 * self._batch, first), most)
        return self._batch

    def ask_length(self, pipe: AnyPipeline) -> None:
        """Queue the command that counts the entries within the bounds."""
        if self.plan.is_list:
            pipe.llen(self.plan.key)
        else:
            pipe.zcount(self.plan.key, self._lowest(), self.plan.highest)

    def ask(self, pipe: AnyPipeline, count: int) -> None:
        """Queue the command that reads the next batch of ids."""
        plan = self.plan
        if plan.is_list:
            offset = int(self._read.score) if self._read else 0
            pipe.lrange(plan.key, offset, offset + count - 1)
        elif plan.newest_first:
            start = self._read.score if self._read else plan.highest
            pipe.zrevrangebyscore(plan.key, start, plan.lowest, self._ties, count, withscores=True)
        else:
            start_at = self._read.score if self._read else self._lowest()
            pipe.zrangebyscore(plan.key, start_at, plan.highest, self._ties, count, withscores=True)

    def take(self, answer: Sequence[Any], count: int) -> list[Position]:
        """Note a batch as read and return the entries in it that are new."""
        self.exhausted = len(answer) < count
        if self.plan.is_list:
            offset = int(self._read.score) if self._read else 0
            places = [Position(float(offset + n + 1), _text(job)) for n, job in enumerate(answer)]
        else:
            places = [Position(float(score), _text(job)) for job, score in answer]
        before = self._read
        if places:
            last = places[-1]
            same = sum(place.score == last.score for place in places)
            self._ties = same + (self._ties if before is not None and before.score == last.score else 0)
            if before is None or self._is_behind(last, before):
                self._read = last
        return places if before is None else [place for place in places if self._is_behind(place, before)]

    def admits_key(self, job: str) -> bool:
        """Whether a job may match, by its id alone."""
        if not self._key_tests:
            return True
        key = split_job_id(job)[1]
        return all(test(key) for test in self._key_tests)

    def admits_raw(self, raw: bytes) -> bool:
        """Whether a record may match, before it is decoded."""
        return all(any(each in raw for each in needle) for needle in self.plan.needles)

    def admits(self, record: JobRecord) -> bool:
        """Whether a job matches."""
        return self._test is None or self._test(record)

    def keep(self, place: Position, record: JobRecord) -> None:
        """Hold a job that matches until its turn comes."""
        self.ahead.append((self._order(place, record), place, record))

    def rank(self) -> float:
        """Return what the job at the head is merged by with those of other queues, ascending."""
        return self.ahead[0][0]

    def next(self) -> JobRecord:
        """Give out the job at the head."""
        _, self._given, record = self.ahead.popleft()
        return record

    def _order(self, place: Position, record: JobRecord) -> float:
        """Return what jobs of one state in several queues are merged by, ascending."""
        if self.plan.is_list:
            return moment_ms(record)
        return -place.score if self.plan.newest_first else place.score

    def _lowest(self) -> float | str:
        # Where the soonest come first, the lowest itself is left out: a score of 0 in the index of unfinished jobs
        # means that the job is no longer waiting.
        return self.plan.lowest if self.plan.newest_first else f"({self.plan.lowest}"

    def _is_behind(self, place: Position, before: Position) -> bool:
        if self.plan.is_list or place.score != before.score:
            return True
        # entries of one score lie in the order of their ids
        return place.id < before.id if self.plan.newest_first else place.id > before.id


def _key_test(condition: Any) -> Callable[[str], bool]:
    test = text_test(condition.op.lstrip("!"), condition.values)
    return (lambda key: not test(key)) if condition.is_negative else test


def _text(job: bytes) -> str:
    return job.decode("utf-8", "replace")
