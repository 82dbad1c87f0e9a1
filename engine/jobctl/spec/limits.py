"""Thresholds of load tests in a spec: read by the parser that judges them, so that both always agree."""

from __future__ import annotations

from typing import Final

from jobctl.measure.thresholds import EXAMPLE, BadThreshold, parse_threshold
from jobctl.spec.kinds import Rejected, Text
from jobctl.spec.nodes import Scalar

LIMIT_FORM: Final = r"\s*[a-z_.]+(\{[^{}]*\})?(\.(p[0-9.]+|[a-z]+))?\s*(<=|>=|==|!=|<|>)\s*[0-9.].*"
"""For the schema, which knows no metrics and no units."""


class Limit(Text):
    """What a run must keep: an expression such as ``done.p95 < 200ms``."""

    def __init__(self) -> None:
        super().__init__(label="threshold", expected=f"a threshold such as {EXAMPLE}")

    def parse(self, node: Scalar) -> str:
        """Return the threshold as it is written."""
        text = str(super().parse(node))
        try:
            parse_threshold(text)
        except BadThreshold as error:
            raise Rejected(f"cannot be used: {error.message}", hint=error.hint, code="bad-threshold") from None
        return text
