"""Accounting: what was promised against what came of it, in the style of Jepsen's total-queue checker. Pure.

Every enqueue ends in one of three ways: acknowledged, refused, or unanswered (the link broke, nobody knows). After the
queue has been drained, the books are closed: an acknowledged job must have been done or given up for a stated reason,
a refused one must not have run, an unanswered one may go either way. Doing a job twice is not forbidden (at least
once), but it is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from enum import StrEnum

from jobctl.records import JobState

GIVEN_UP = frozenset({JobState.DEAD, JobState.CANCELLED})


class Fate(StrEnum):
    """What became of one job; exactly one of these."""

    OK = "ok"
    """Acknowledged, and done."""
    GIVEN_UP = "given up"
    """Acknowledged, and ended dead or cancelled: its record says why."""
    LOST = "lost"
    """Acknowledged, and neither done nor given up."""
    RECOVERED = "recovered"
    """Never answered, and yet started, done or given up: the call had arrived."""
    ABSENT = "absent"
    """Never answered, and never seen: the call had not arrived."""
    REFUSED = "refused"
    """Refused, and never seen."""
    UNEXPECTED = "unexpected"
    """Started or done although refused, or although nobody ever enqueued it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What was seen from outside, by job key.

    Attributes:
        acknowledged: stored, as the broker said.
        unanswered: enqueued without an answer.
        refused: enqueued and refused.
        starts: key -> how often a handler began.
        ends: key -> how often a handler did its side effect.
        states: key -> state of the record after the drain; a forgotten record is left out.
    """

    acknowledged: Set[str] = frozenset()
    unanswered: Set[str] = frozenset()
    refused: Set[str] = frozenset()
    starts: Mapping[str, int] = field(default_factory=dict)
    ends: Mapping[str, int] = field(default_factory=dict)
    states: Mapping[str, JobState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Closed books.

    Attributes:
        fates: key -> fate, one for every key that occurs anywhere in the books.
        duplicated: key -> how often it was done beyond the first time; only those that were.
        restarted: key -> how often it was begun without being done.
        unfinished: done, but the broker does not know: its record is in no final state.
    """

    fates: Mapping[str, Fate]
    duplicated: Mapping[str, int]
    restarted: Mapping[str, int]
    unfinished: Set[str]

    def keys(self, fate: Fate) -> list[str]:
        """Return the jobs of one fate, in order of their keys."""
        return sorted(key for key, of in self.fates.items() if of is fate)

    def count(self, fate: Fate) -> int:
        """Return how many jobs met one fate."""
        return sum(of is fate for of in self.fates.values())

    @property
    def is_sound(self) -> bool:
        """Whether every promise was kept: nothing lost, nothing unexpected, nothing left hanging."""
        return not (self.count(Fate.LOST) or self.count(Fate.UNEXPECTED) or self.unfinished)

    def __repr__(self) -> str:
        """As text: what an assertion that fails shows."""
        return f"<{self}>"

    def __str__(self) -> str:
        """The counts that are not zero, those of broken promises with examples."""
        counts = Counter(self.fates.values())
        parts = [f"{counts[fate]} {fate}" for fate in Fate if counts[fate]]
        parts += [
            f"{len(some)} {name}"
            for name, some in (
                ("done more than once", self.duplicated),
                ("begun again", self.restarted),
                ("unfinished", self.unfinished),
            )
            if some
        ]
        broken = [*self.keys(Fate.LOST), *self.keys(Fate.UNEXPECTED), *sorted(self.unfinished)]
        examples = f" (for example {', '.join(broken[:3])})" if broken else ""
        return (", ".join(parts) or "no jobs") + examples


def close_books(books: Books) -> Account:
    """Compare what was promised with what happened.

    A key that stands in more than one of acknowledged, unanswered and refused was enqueued several times: the
    strongest promise counts, acknowledged before unanswered before refused.
    """
    everyone = {*books.acknowledged, *books.unanswered, *books.refused, *books.starts, *books.ends, *books.states}
    ends = Counter(books.ends)
    return Account(
        fates={key: _fate(key, books) for key in everyone},
        duplicated={key: times - 1 for key, times in ends.items() if times > 1},
        restarted={key: times - ends[key] for key, times in books.starts.items() if times > ends[key]},
        unfinished={
            key for key, times in ends.items() if times and key in books.states and not books.states[key].is_final
        },
    )


def _fate(key: str, books: Books) -> Fate:
    is_done = books.ends.get(key, 0) > 0
    is_given_up = books.states.get(key) in GIVEN_UP
    if key in books.acknowledged:
        if is_done:
            return Fate.OK
        return Fate.GIVEN_UP if is_given_up else Fate.LOST
    is_seen = is_done or books.starts.get(key, 0) > 0 or key in books.states
    if key in books.unanswered:
        return Fate.RECOVERED if is_seen else Fate.ABSENT
    return Fate.UNEXPECTED if is_seen else Fate.REFUSED
