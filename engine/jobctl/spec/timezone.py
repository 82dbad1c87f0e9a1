"""Time zones by their IANA name."""

from __future__ import annotations

import re

from jobctl.names import did_you_mean
from jobctl.spec.diagnostics import quote
from jobctl.spec.kinds import Rejected, ScalarKind
from jobctl.spec.nodes import Scalar

_FORM = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*")


class TimeZone(ScalarKind):
    """An IANA time zone such as ``Europe/Berlin``."""

    label = "time zone"
    expected = "a time zone such as `Europe/Berlin`"

    def parse(self, node: Scalar) -> str:
        """Return the name of a zone that exists."""
        name = node.text
        if name == "UTC":  # the usual one, without reading the data base
            return name
        if not _FORM.fullmatch(name):
            hint = "zones have names, not offsets, because of summer time" if name[:1] in "+-" else None
            raise Rejected(f"must be {self.expected}, got {quote(name)}", hint=hint, code="bad-timezone")
        from zoneinfo import ZoneInfo, available_timezones

        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            known = available_timezones()
            cities = {zone.rpartition("/")[2].lower(): zone for zone in sorted(known)}
            city = cities.get(name.lower().replace(" ", "_"))
            hint = f"did you mean `{city}`?" if city else did_you_mean(name, known)
            raise Rejected(f"names no time zone: {quote(name)}", hint=hint, code="bad-timezone") from None
        return name
