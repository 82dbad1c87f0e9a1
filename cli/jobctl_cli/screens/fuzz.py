"""A handler that has been run over many payloads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jobctl_cli.output import emit
from jobctl_cli.text import harmless_lines

if TYPE_CHECKING:
    from jobctl.testing.fuzz import Fuzzed
    from jobctl_cli.environment import Environment


def shape(found: Fuzzed) -> dict[str, Any]:
    """Return it as plain data."""
    finding = found.finding
    return {
        "job": found.job,
        "seed": found.start,
        "runs": found.runs,
        "outcomes": dict(found.outcomes),
        "broken_by": None if finding is None else finding.payload,
        "error": None if finding is None else finding.ran.text,
    }


def show(env: Environment, output: str, found: Fuzzed) -> None:
    """Write it in the form asked for."""

    def render() -> str:
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(found.outcomes.items()))
        if found.finding is None:
            return f"ok: {found.runs} payloads, nothing breaks `{found.job}` ({outcomes})"
        payload = json.dumps(found.finding.payload, ensure_ascii=False)
        lines = [
            f"{env.out('bold red', 'FAIL')}  `{found.job}` is broken by the payload",
            "",
            *(f"  {line}" for line in harmless_lines(payload)),
            "",
            *(f"  {line}" for line in harmless_lines(found.finding.ran.text.strip())),
            "",
            f"after {found.runs} runs: {outcomes}; the same again with --seed {found.start}",
        ]
        return "\n".join(lines)

    emit(env, output, shape(found), table=render, names=lambda: [found.job] if found.finding else [])
