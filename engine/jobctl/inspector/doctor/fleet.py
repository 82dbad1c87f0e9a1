"""The fleet: whether all workers are of one version and one spec."""

from __future__ import annotations

from collections import Counter

from jobctl.inspector.doctor.case import Case
from jobctl.inspector.doctor.finding import Finding, Severity


async def check(case: Case) -> list[Finding]:
    """Compare versions and plans of the workers."""
    findings = []
    workers = case.overview.workers
    versions = Counter(worker.version for worker in workers if worker.version)
    prints = Counter(worker.fingerprint for worker in workers if worker.fingerprint)
    if len(versions) > 1:
        findings.append(
            Finding(
                code="fleet.versions",
                severity=Severity.NOTE,
                summary="workers run several versions of jobctl: " + _listed(versions),
                meaning="A deploy is under way, or a worker was left behind by one.",
                remedy="jobctl workers list  # shows which",
                facts={"versions": dict(versions)},
            )
        )
    if len(prints) > 1:
        findings.append(
            Finding(
                code="fleet.specs",
                severity=Severity.NOTE,
                summary="workers run several specs: " + _listed({name[:8]: count for name, count in prints.items()}),
                meaning="A job of a type that only one of them knows dies on the others.",
                remedy="jobctl workers list  # shows which; `jobctl workers stop WORKER` ends what was left behind",
                facts={"fingerprints": dict(prints)},
            )
        )
    return findings


def _listed(counts: dict[str, int] | Counter[str]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in sorted(counts.items()))
