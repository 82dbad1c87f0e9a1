"""Findings: what a check has found. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """Jobs are lost, stand still, or will."""
    WARNING = "warning"
    """It works, and something is not as it should be."""
    NOTE = "note"
    """Nothing is wrong; it is good to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found.

    Attributes:
        code: stable, ``check.what``.
        summary: what is.
        meaning: what follows from it.
        remedy: what to do: a command, or a sentence.
        facts: the figures, as plain values.
    """

    code: str
    severity: Severity
    summary: str
    meaning: str
    remedy: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an examination brought.

    Attributes:
        at_ms: by the broker's clock, 0 if it was not reached.
        broker: its software and version, "" if it was not reached.
        findings: the worst first.
        sound: names of the checks that found nothing.
        unknown: check -> why it could not be made.
    """

    at_ms: int
    broker: str
    findings: tuple[Finding, ...]
    sound: tuple[str, ...]
    unknown: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_sound(self) -> bool:
        """Whether there is neither an error nor a warning."""
        return all(finding.severity is Severity.NOTE for finding in self.findings)
