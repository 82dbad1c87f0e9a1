"""Is B faster than A, or is it noise? Ratios with an interval, from repeats or from windows of one run.

The statistics: figures of speed vary by factors, so their logarithms are compared. The ratio is that of the geometric
means; its 95 % interval is Welch's t interval of the difference of the logarithms, which allows for unequal spreads and
for few samples. A ratio whose interval holds 1 is noise: these runs cannot tell the two apart. One that is sure and
below 1 % is no difference anybody needs to hear of: the same.

Samples are the repeats of a run, each with workers and a server of its own. Of a single run they are ten windows of it;
what differs from run to run is not in them, so small differences look surer than they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, variance

# Student's t, 97.5 % quantile, for 1 to 30 degrees of freedom; beyond, the normal distribution's is near enough.
T_QUANTILES = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
NORMAL_QUANTILE = 1.960
NEGLIGIBLE = 0.01


class Outcome(StrEnum):
    """What a comparison came to."""

    BETTER = "better"
    WORSE = "worse"
    NOISE = "noise"
    SAME = "same"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One figure of two runs.

    Attributes:
        before: its geometric mean in the first; the plain mean where a value is 0.
        after: the same of the second.
        ratio: after to before; None where a value is 0.
        low: lower end of the ratio's 95 % interval; None where there is none: too few samples.
        high: upper end.
        outcome: what it came to.
    """

    before: float
    after: float
    ratio: float | None
    low: float | None
    high: float | None
    outcome: Outcome

    @property
    def interval(self) -> str:
        """The interval for a reader; beyond a hundredth and a hundred nobody needs to know more."""
        if self.low is None or self.high is None:
            return "-"
        low = "<0.01" if self.low < 0.01 else f"{self.low:.2f}"
        return f"{low} - {'>100' if self.high > 100 else f'{self.high:.2f}'}"

    def is_worse_by(self, share: float) -> bool:
        """Return whether the second is worse beyond noise, and by more than a share (0.1 = 10 %)."""
        if self.outcome is not Outcome.WORSE:
            return False
        if self.ratio is None:
            return True
        return max(self.ratio, 1 / self.ratio) > 1 + share


def compare(before: Sequence[float], after: Sequence[float], *, is_higher_better: bool) -> Comparison:
    """Compare the samples of a figure, one or more of each, not negative.

    Values of 0 have no ratio; they are compared as they are, by their means: of counts such as `lost` each is exact.

    Raises:
        ValueError: no samples.

    Example:
        >>> found = compare([100, 102, 98], [200, 204, 196], is_higher_better=True)
        >>> round(found.ratio, 2), found.outcome.value
        (2.0, 'better')
        >>> compare([100, 120, 80], [105, 85, 125], is_higher_better=True).outcome.value
        'noise'
    """
    if not before or not after:
        raise ValueError("there is nothing to compare")
    if min(*before, *after) <= 0:
        return _compare_exactly(fmean(before), fmean(after), is_higher_better)
    logs_before, logs_after = [math.log(value) for value in before], [math.log(value) for value in after]
    difference = fmean(logs_after) - fmean(logs_before)
    low = high = None
    outcome = Outcome.UNKNOWN
    if len(before) > 1 and len(after) > 1:
        margin = _margin(logs_before, logs_after)
        low, high = math.exp(difference - margin), math.exp(difference + margin)
        if low <= 1 <= high and margin > NEGLIGIBLE:
            outcome = Outcome.NOISE
        elif abs(difference) < NEGLIGIBLE:
            outcome = Outcome.SAME
        else:
            outcome = Outcome.BETTER if (difference > 0) is is_higher_better else Outcome.WORSE
    return Comparison(
        before=math.exp(fmean(logs_before)),
        after=math.exp(fmean(logs_after)),
        ratio=math.exp(difference),
        low=low,
        high=high,
        outcome=outcome,
    )


def _compare_exactly(before: float, after: float, is_higher_better: bool) -> Comparison:
    outcome = Outcome.SAME
    if after != before:
        outcome = Outcome.BETTER if (after > before) is is_higher_better else Outcome.WORSE
    return Comparison(before=before, after=after, ratio=None, low=None, high=None, outcome=outcome)


def _margin(before: Sequence[float], after: Sequence[float]) -> float:
    """Return half the width of Welch's interval of the difference of two means."""
    parts = [variance(values) / len(values) for values in (before, after)]
    total = sum(parts)
    if total == 0:
        return 0.0
    freedom = total**2 / sum(part**2 / (len(values) - 1) for part, values in zip(parts, (before, after), strict=True))
    whole = math.floor(freedom)  # rounded down: rather too wide than too narrow
    quantile = T_QUANTILES[whole - 1] if whole <= len(T_QUANTILES) else NORMAL_QUANTILE
    return quantile * math.sqrt(total)
