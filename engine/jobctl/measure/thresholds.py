"""Thresholds: limits that a measured run must keep, as little expressions. Parsed before the run, judged after it.

    done.p95 < 200ms            a percentile of a latency
    done{tenant-init}.p99 < 2s  of one job alone
    fairness.max_deviation < 2%
    lost == 0
    throughput > 5000/s

A threshold on something the run did not measure is missed: a check that cannot fail would be none.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jobctl.errors import UsageError
from jobctl.measure.latency import Histogram
from jobctl.measure.metrics import METRICS, STATS, Metric, statistic
from jobctl.names import nearest

OPERATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_WHOLE = re.compile(r"(?P<subject>[^<>=!]*?)\s*(?P<operator><=|>=|==|!=|<|>|=)\s*(?P<limit>[^<>=!]+)")
_SUBJECT = re.compile(r"(?P<name>[a-z_.]+?)(?:\{(?P<scope>[^{}]*)\})?(?:\.(?P<stat>p[\d.]+|[a-z]+))?")
EXAMPLE: Final = "`done.p95 < 200ms`, `lost == 0`, `throughput > 5000/s`"

Figure = float | Histogram
Figures = Mapping[str, Figure]
"""What a run measured: the name of a metric, narrowed or not (`done`, `done{tenant-init}`, `lost`) -> its figure."""


class BadThreshold(UsageError):
    """A threshold cannot be read, or cannot be judged by this run."""

    code = "threshold.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """One limit.

    Attributes:
        text: as written.
        scope: what the metric is narrowed to, a job or a queue; "" = everything.
        stat: statistic of a distribution, such as ``p95``; "" for other metrics.
        limit: in the metric's unit.
    """

    text: str
    metric: Metric
    scope: str
    stat: str
    operator: str
    limit: float

    @property
    def figure(self) -> str:
        """The name of the figure it is judged by."""
        return f"{self.metric.name}{{{self.scope}}}" if self.scope else self.metric.name

    def judge(self, figures: Figures) -> Verdict:
        """Compare what was measured with the limit."""
        figure = figures.get(self.figure)
        if isinstance(figure, Histogram):
            reader = statistic(self.stat)
            value = reader(figure) if reader is not None and figure.count else None
        else:
            value = figure
        is_kept = value is not None and OPERATORS[self.operator](value, self.limit)
        return Verdict(threshold=self, value=value, is_kept=is_kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A threshold and what came of it.

    Attributes:
        value: the figure, in the metric's unit; None = it was not measured, which counts as missed.
    """

    threshold: Threshold
    value: float | None
    is_kept: bool

    @property
    def measured(self) -> str:
        """The figure for a reader."""
        return "not measured" if self.value is None else self.threshold.metric.unit.write(self.value)

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers and text."""
        return {
            "threshold": self.threshold.text,
            "kept": self.is_kept,
            "value": self.value,
            "limit": self.threshold.limit,
            "unit": str(self.threshold.metric.unit),
        }


def parse_threshold(text: str, *, measured: Collection[str] = (), scopes: Collection[str] = ()) -> Threshold:
    """Read a threshold.

    Args:
        measured: names of the metrics the run will have; others are refused. Empty = any.
        scopes: names of jobs and queues that `{...}` may hold. Empty = any.

    Raises:
        BadThreshold: it is none; message and hint say what is wrong and how it is written.

    Example:
        >>> one = parse_threshold("done.p95 < 200ms")
        >>> one.metric.name, one.stat, one.operator, one.limit
        ('done', 'p95', '<', 200.0)
    """
    whole = _WHOLE.fullmatch(text.strip())
    if whole is None:
        raise BadThreshold(f"`{text}` is no threshold", hint=f"write a metric, an operator and a limit: {EXAMPLE}")
    if whole["operator"] == "=":
        raise BadThreshold(f"`{text}` compares with a single `=`", hint="write `==`, or one of < <= > >= !=")
    metric, scope, stat = _read_subject(whole["subject"].strip(), text)
    if measured and metric.name not in measured:
        known = ", ".join(f"`{name}`" for name in METRICS if name in measured)
        raise BadThreshold(f"`{text}`: this run does not measure `{metric.name}`", hint=f"it measures {known}")
    if scope and scopes and scope not in scopes:
        meant = nearest(scope, scopes)
        hint = f"did you mean `{{{meant}}}`?" if meant else f"there are {', '.join(f'`{name}`' for name in scopes)}"
        raise BadThreshold(f"`{text}`: no {metric.scope} `{scope}` takes part in this run", hint=hint)
    limit = whole["limit"].strip()
    try:
        value = metric.unit.parse(limit)
    except ValueError:
        hint = f"write the limit as in `{whole['subject'].strip()} {whole['operator']} {metric.unit.example}`"
        raise BadThreshold(f"`{text}`: `{limit}` is no limit of `{metric.name}`", hint=hint) from None
    return Threshold(text=text.strip(), metric=metric, scope=scope, stat=stat, operator=whole["operator"], limit=value)


def parse_thresholds(
    texts: Iterable[str], *, measured: Collection[str] = (), scopes: Collection[str] = ()
) -> tuple[Threshold, ...]:
    """Read several thresholds; as `parse_threshold`, the first bad one ends it."""
    return tuple(parse_threshold(text, measured=measured, scopes=scopes) for text in texts)


def judge_all(thresholds: Iterable[Threshold], figures: Figures) -> tuple[Verdict, ...]:
    """Judge every threshold, in their order."""
    return tuple(threshold.judge(figures) for threshold in thresholds)


def _read_subject(subject: str, text: str) -> tuple[Metric, str, str]:
    """Return metric, scope and statistic of what stands left of the operator."""
    match = _SUBJECT.fullmatch(subject)
    name, stat = (match["name"], match["stat"] or "") if match else (subject, "")
    scope = (match["scope"] or "") if match else ""
    if not scope and f"{name}.{stat}" in METRICS:
        name, stat = f"{name}.{stat}", ""
    metric = METRICS.get(name)
    if metric is None:
        asked = f"{name}.{stat}" if stat else name
        meant = nearest(asked, METRICS) or nearest(name, METRICS)
        hint = f"did you mean `{meant}`?" if meant else f"metrics are {', '.join(f'`{one}`' for one in METRICS)}"
        raise BadThreshold(f"`{text}`: there is no metric `{asked}`", hint=hint)
    if match is not None and match["scope"] is not None and (not metric.scope or not scope):
        narrowed = f"it can be narrowed to a {metric.scope}: `{name}{{NAME}}`" if metric.scope else "leave `{...}` out"
        raise BadThreshold(f"`{text}`: `{name}` cannot be narrowed so", hint=narrowed)
    if metric.has_stats and statistic(stat) is None:
        problem = f"no statistic `{stat}`" if stat else "a statistic is missing"
        stats = ", ".join(f"`{metric.name}.{one}`" for one in STATS)
        raise BadThreshold(f"`{text}`: {problem}", hint=f"`{name}` is a distribution: write {stats}")
    if not metric.has_stats and stat:
        raise BadThreshold(f"`{text}`: `{name}` is one figure and has no `.{stat}`", hint=f"write `{name}` alone")
    return metric, scope, stat
