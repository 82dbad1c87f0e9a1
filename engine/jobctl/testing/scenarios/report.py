"""What came of scenarios, for people and for a CI."""

from __future__ import annotations

from collections.abc import Sequence

from jobctl.durations import format_duration
from jobctl.measure.junit import Case, suite_xml
from jobctl.testing.scenarios.model import Played

SUITE = "scenarios"


def told(played: Played) -> list[str]:
    """Return what was not as expected, as a difference: ``-`` what was expected, ``+`` what came."""
    lines: list[str] = []
    before: tuple[float, int] | None = None
    details: tuple[str, ...] = ()
    for miss in played.mismatches:
        if (miss.at_s, miss.line) != before:
            lines += [f"  {detail}" for detail in details]
            before, details = (miss.at_s, miss.line), ()
            lines.append(f"at {format_duration(miss.at_s)}, line {miss.line}:")
        if details and details != miss.details:
            lines += [f"  {detail}" for detail in details]
        details = miss.details
        lines += [f"  {miss.what}", f"    - {miss.expected}", f"    + {miss.got}"]
    return [*lines, *(f"  {detail}" for detail in details)]


def as_junit(played: Sequence[Played]) -> str:
    """Return a JUnit file of scenarios that have been played."""
    cases = [
        Case(
            name=f"{one.scenario.file}: {one.scenario.name}",
            failure=f"{len(one.mismatches)} not as expected" if one.mismatches else "",
            details="\n".join(told(one)),
            kind="ScenarioFailed",
            took_s=one.took_s,
        )
        for one in played
    ]
    return suite_xml(cases, suite=SUITE, took_s=sum(one.took_s for one in played))
