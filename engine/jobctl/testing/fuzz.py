"""Running a handler over payloads made from its declaration, and shrinking one that breaks it."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from jobctl.outcomes import Outcome
from jobctl.testing.ran import Ran
from jobctl.testing.specs import Spec
from jobctl.testing.strategies import Payload, payloads

Perform = Callable[[Payload], Ran]

MOST_START = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The plainest payload that breaks a handler, and how."""

    payload: Payload
    ran: Ran


@dataclass(slots=True, kw_only=True)
class Fuzzed:
    """What came of it.

    Attributes:
        runs: payloads tried, those of the shrinking included.
        outcomes: how often the handler ended in which way.
        finding: what breaks it; None = nothing did.
        start: where the random numbers began: the same again gives the same payloads.
    """

    job: str
    start: int
    runs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    finding: Finding | None = None


class _Broken(Exception):
    """A payload that breaks the handler."""


def fuzz(
    perform: Perform,
    job: str,
    *,
    spec: Spec | None = None,
    examples: int = 100,
    start: int | None = None,
    allowed: Collection[str] = (),
) -> Fuzzed:
    """Run a handler over valid payloads, until one breaks it or all have been tried.

    What breaks it is any exception but the outcomes of its choice (`Dead`, `RetryAfter`, `Cancel`).

    Args:
        perform: runs the handler with a payload; however it ends is returned.
        job: the job's name or type.
        spec: as for `payloads`.
        examples: payloads to try.
        start: where the random numbers begin; None = elsewhere each time.
        allowed: names of exceptions that break nothing, such as ``TimeoutError``.

    Raises:
        UnknownJob: no spec declares the job.
    """
    # A start of our own when none is asked for: hypothesis's could be told only in its own words.
    found = Fuzzed(job=job, start=random.randrange(MOST_START) if start is None else start)

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        print_blob=False,
        report_multiple_bugs=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(payload=payloads(job, spec))
    def run(payload: Payload) -> None:
        ran = perform(payload)
        found.runs += 1
        found.outcomes[ran.outcome] += 1
        if breaks(ran, allowed):
            found.finding = Finding(payload=payload, ran=ran)
            raise _Broken

    with contextlib.suppress(_Broken):
        seed(found.start)(run)()
    return found


def breaks(ran: Ran, allowed: Collection[str] = ()) -> bool:
    """Whether a run ended in a way that its handler did not choose."""
    error = ran.error
    if error is None or isinstance(error, Outcome):
        return False
    return not any(kind.__name__ in allowed for kind in type(error).__mro__)


def sample(job: str, count: int, *, spec: Spec | None = None, start: int = 0) -> list[dict[str, Any]]:
    """Return so many different valid payloads of a job, the same ones every time; fewer if there are not as many."""
    found: list[dict[str, Any]] = []

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(payload=payloads(job, spec))
    def take(payload: Payload) -> None:
        found.append(payload)

    seed(start)(take)()
    return found[:count]
