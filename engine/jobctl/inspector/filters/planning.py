"""Which indexes a filter reads, between which times, and what remains to be asked of the records. Pure.

No index is read that the filter rules out; of one that it takes whole, no record is tested. What remains is sifted in
three steps, each far cheaper than the next: keys are looked at before records are read, the raw records before they
are decoded, and the decoded ones by the whole remainder.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from jobctl.broker.keys import QueueKeys
from jobctl.compiler.plan import Plan
from jobctl.durations import parse_duration
from jobctl.inspector.filters.expression import (
    All,
    Any,
    Condition,
    Expression,
    Not,
    all_of,
    conditions,
    conjuncts,
    reduced,
)
from jobctl.inspector.filters.fields import PAYLOAD, number
from jobctl.inspector.filters.filter import JobFilter
from jobctl.inspector.filters.matching import Facts, text_test
from jobctl.inspector.query import STATES
from jobctl.records import JobState

_PLAIN = re.compile(r"[A-Za-z0-9_.:@, -]+")  # written in JSON as it is, by every writer
_WORDS = ("true", "false", "null")


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPlan:
    """One index of one queue that is to be read.

    Attributes:
        name: ``queue:index``, stable, for cursors.
        key: the index in Redis.
        state: what the jobs in it are.
        is_list: a list in its order, else a sorted set.
        newest_first: read a sorted set from its highest score.
        lowest, highest: bounds of the scores wanted.
        rest: what is to be asked of the records; None = nothing, all jobs of the index match.
        needles: a record's bytes must hold one of each of these, or it need not be decoded.
    """

    name: str
    queue: str
    key: str
    state: JobState
    is_list: bool = False
    newest_first: bool = False
    lowest: float = float("-inf")
    highest: float = float("inf")
    rest: Expression | None = None
    needles: tuple[frozenset[bytes], ...] = ()


def plan_indexes(wanted: JobFilter, queues: Iterable[str], facts: Facts) -> list[IndexPlan]:
    """Return the indexes a filter reads, in the order of states and queues."""
    names = list(queues)
    found = []
    for state in STATES:
        for queue in names:
            for index in _indexes(queue, state, with_replayed=wanted.names("replayed")):
                is_replayed = None if state is not JobState.DEAD else index.name.endswith(":replayed")
                rest: Expression | bool = True
                if wanted.expression is not None:
                    rest = reduced(
                        wanted.expression, partial(_decide, state=state, queue=queue, is_replayed=is_replayed)
                    )
                if rest is False:
                    continue
                found.append(_narrowed(index, None if rest is True else rest, facts))
    return found


def exact_keys(wanted: JobFilter) -> tuple[str, ...] | None:
    """Return the only keys that a filter can match, or None if it does not name them: such jobs need no index."""
    for part in key_conditions(wanted.expression):
        if part.op == "=" and not any(value.is_pattern for value in part.values):
            return tuple(value.text for value in part.values)
    return None


def key_conditions(rest: Expression | None) -> list[Condition]:
    """Return the conditions on keys that must hold: an index tells the keys of its jobs by itself."""
    return [part for part in conjuncts(rest) if isinstance(part, Condition) and part.name == "key"]


def named_queues(wanted: JobFilter) -> list[str]:
    """Return the queues that a filter names in full."""
    if wanted.expression is None:
        return []
    return [
        value.text
        for condition in conditions(wanted.expression)
        if condition.name == "queue" and condition.op in ("=", "!=")
        for value in condition.values
        if not value.is_pattern
    ]


def _indexes(queue: str, state: JobState, *, with_replayed: bool) -> list[IndexPlan]:
    of = QueueKeys(queue)
    name = f"{queue}:{state}"
    match state:
        case JobState.ACTIVE:
            return [IndexPlan(name=name, queue=queue, key=of.active, state=state, is_list=True)]
        case JobState.QUEUED:
            return [IndexPlan(name=name, queue=queue, key=of.queued, state=state, is_list=True)]
        case JobState.RETRYING:
            return [IndexPlan(name=name, queue=queue, key=of.retrying, state=state, lowest=0.0)]
        case JobState.SCHEDULED:
            return [IndexPlan(name=name, queue=queue, key=of.incomplete, state=state, lowest=0.0)]
    key = {JobState.COMPLETE: of.complete, JobState.CANCELLED: of.cancelled, JobState.DEAD: of.dead}[state]
    found = [IndexPlan(name=name, queue=queue, key=key, state=state, newest_first=True)]
    if state is JobState.DEAD and with_replayed:
        of_replayed = IndexPlan(name=f"{queue}:replayed", queue=queue, key=of.replayed, state=state, newest_first=True)
        found.append(of_replayed)
    return found


def _decide(condition: Condition, *, state: JobState, queue: str, is_replayed: bool | None) -> bool | None:
    """Return whether a comparison holds for all jobs of an index, or None if they must be asked."""
    match condition.name:
        case "state":
            holds = any(value.text == state for value in condition.values)
        case "queue":
            holds = text_test(condition.op.lstrip("!"), condition.values)(queue)
        case "replayed" if is_replayed is not None:
            holds = any((value.text == "true") is is_replayed for value in condition.values)
        case "replayed" if not state.is_final:  # only what has ended can have been
            holds = any(value.text == "false" for value in condition.values)
        case _:
            return None
    return holds is not condition.is_negative


def _narrowed(index: IndexPlan, rest: Expression | None, facts: Facts) -> IndexPlan:
    lowest, highest = index.lowest, index.highest
    if index.state.is_final:
        # Their score is the time of their end, in whole ms, which their age counts from: the bounds decide all.
        ages, others = _parted(rest)
        for age in ages:
            moment = facts.now_ms - parse_duration(age.values[0].text) * 1000
            match age.op:
                case "<":
                    lowest = max(lowest, math.floor(moment) + 1)
                case "<=":
                    lowest = max(lowest, math.ceil(moment))
                case ">":
                    highest = min(highest, math.ceil(moment) - 1)
                case _:
                    highest = min(highest, math.floor(moment))
        rest = all_of(*others) if others else None
    needles = () if rest is None else tuple(_needles(rest, facts.plan))
    return replace(index, lowest=lowest, highest=highest, rest=rest, needles=needles)


def _parted(rest: Expression | None) -> tuple[list[Condition], list[Expression]]:
    """Return the conditions on the age that must hold, and whatever else must."""
    ages, others = [], []
    for part in conjuncts(rest):
        if isinstance(part, Condition) and part.name == "age":
            ages.append(part)
        else:
            others.append(part)
    return ages, others


def _needles(expression: Expression, plan: Plan | None) -> list[frozenset[bytes]]:
    """Return sets of bytes, one of each of which stands in every record that matches."""
    match expression:
        case Condition():
            found = _needle(expression, plan)
            return [] if found is None else [found]
        case All(parts):
            return [needle for part in parts for needle in _needles(part, plan)]
        case Any(parts):
            each = [_needles(part, plan) for part in parts]
            return [frozenset().union(*(needles[0] for needles in each))] if all(each) else []
        case Not():
            return []


def _needle(condition: Condition, plan: Plan | None) -> frozenset[bytes] | None:
    if condition.op != "=":
        return None
    texts = [value.text for value in condition.values]
    if any(value.is_pattern for value in condition.values):
        return None
    if condition.name == "type":
        names = plan.by_name if plan else {}
        texts += [names[text].type for text in texts if text in names]
    elif condition.name.startswith(PAYLOAD):
        # numbers are written in many ways
        if any(not v.is_quoted and (v.text in _WORDS or number(v.text) is not None) for v in condition.values):
            return None
    elif condition.name not in ("worker", "schedule", "origin"):
        return None
    return frozenset(text.encode() for text in texts) if all(map(_PLAIN.fullmatch, texts)) else None
