"""Moments: when a schedule begins and ends."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from jobctl.spec.kinds import Rejected, ScalarKind
from jobctl.spec.nodes import Scalar

_FORM = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d)?(?:[Zz]|[+-]\d\d:\d\d)?)?", re.ASCII)
FIRST_YEAR, LAST_YEAR = 1971, 9000  # well within what every zone and every step of a schedule can be reckoned in


class Moment(ScalarKind):
    """A date, or a date with a time, with or without an offset."""

    label = "time"
    expected = "a time such as `2026-01-31T09:00` or a date such as `2026-01-31`"

    def parse(self, node: Scalar) -> datetime:
        """Return it, naive where it has no offset."""
        try:
            if not _FORM.fullmatch(node.text):
                raise ValueError
            moment = datetime.fromisoformat(node.text)
        except ValueError:
            raise Rejected(code="bad-time") from None
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise Rejected(code="out-of-range")
        return moment


def at_ms(moment: datetime, timezone: str) -> int:
    """Return a moment in ms since the epoch; a naive one is wall-clock time of the zone, its first if there are two."""
    if moment.tzinfo is None:
        from zoneinfo import ZoneInfo

        moment = moment.replace(tzinfo=UTC if timezone == "UTC" else ZoneInfo(timezone))
    return round(moment.timestamp() * 1000)
