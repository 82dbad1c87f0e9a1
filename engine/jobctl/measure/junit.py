"""Verdicts as a JUnit file, which every CI shows as tests."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from jobctl.measure.thresholds import Verdict


def junit(verdicts: Sequence[Verdict], *, suite: str, took_s: float) -> str:
    """Return the XML of a test suite with one case a threshold.

    Args:
        suite: what was run, e.g. ``throughput``.
        took_s: measured time, seconds.
    """
    missed = sum(not verdict.is_kept for verdict in verdicts)
    root = Element("testsuites")
    head = {"name": f"jobctl.{suite}", "tests": str(len(verdicts)), "failures": str(missed), "errors": "0"}
    cases = SubElement(root, "testsuite", {**head, "time": f"{took_s:.3f}"})
    for verdict in verdicts:
        case = SubElement(cases, "testcase", {"classname": f"jobctl.{suite}", "name": verdict.threshold.text})
        if not verdict.is_kept:
            failure = SubElement(
                case, "failure", {"message": f"measured {verdict.measured}", "type": "ThresholdMissed"}
            )
            failure.text = f"{verdict.threshold.text}: measured {verdict.measured}"
    indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, encoding="unicode")}\n'
