"""Results as a JUnit file, which every CI shows as tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from jobctl.measure.thresholds import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test case.

    Attributes:
        failure: why it failed in a line, "" = it did not.
        details: all that is known of the failure.
        kind: what kind of failure it is.
        took_s: seconds; None = not measured for itself.
    """

    name: str
    failure: str = ""
    details: str = ""
    kind: str = "ThresholdMissed"
    took_s: float | None = None


def junit(verdicts: Sequence[Verdict], *, suite: str, took_s: float) -> str:
    """Return the XML of a test suite with one case a threshold.

    Args:
        suite: what was run, e.g. ``throughput``.
        took_s: measured time, seconds.
    """
    cases = []
    for verdict in verdicts:
        measured = "" if verdict.is_kept else f"measured {verdict.measured}"
        text = verdict.threshold.text
        cases.append(Case(name=text, failure=measured, details=f"{text}: {measured}"))
    return suite_xml(cases, suite=suite, took_s=took_s)


def suite_xml(cases: Sequence[Case], *, suite: str, took_s: float) -> str:
    """Return the XML of a test suite; ``took_s`` is the time of all of it, seconds."""
    failed = sum(bool(case.failure) for case in cases)
    root = Element("testsuites")
    head = {"name": f"jobctl.{suite}", "tests": str(len(cases)), "failures": str(failed), "errors": "0"}
    found = SubElement(root, "testsuite", {**head, "time": f"{took_s:.3f}"})
    for case in cases:
        told = {"classname": f"jobctl.{suite}", "name": case.name}
        if case.took_s is not None:
            told["time"] = f"{case.took_s:.3f}"
        element = SubElement(found, "testcase", told)
        if case.failure:
            SubElement(element, "failure", {"message": case.failure, "type": case.kind}).text = case.details
    indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, encoding="unicode")}\n'
