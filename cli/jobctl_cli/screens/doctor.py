"""What the doctor found."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from jobctl_cli.exit_status import ExitStatus
from jobctl_cli.moments import iso
from jobctl_cli.output import emit
from jobctl_cli.text import harmless, plural, wrap

if TYPE_CHECKING:
    from jobctl.inspector.doctor.finding import Finding, Report
    from jobctl_cli.environment import Environment

STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold"}
WIDEST = 100
COMMENT = "  # "
PROGRAMS = ("jobctl ", "redis-cli ")


def show(env: Environment, output: str, report: Report) -> ExitStatus:
    """Write the findings; return the exit code."""
    width = min(env.size[0], WIDEST)

    def render() -> str:
        blocks = ["\n".join(_lines(env, finding, width)) for finding in report.findings]
        if report.sound:
            listed = "\n".join(wrap(f"sound: {', '.join(report.sound)}", width))
            blocks.append(listed.replace("sound", env.out("green", "sound"), 1))
        blocks += [
            f"{env.out('yellow', 'not looked at')}: {name}: {harmless(why)}" for name, why in report.unknown.items()
        ]
        return "\n\n".join([*blocks, _summary(report)])

    data = {
        "broker": report.broker or None,
        "at": iso(report.at_ms),
        "findings": [
            {
                "code": finding.code,
                "severity": finding.severity.value,
                "summary": finding.summary,
                "meaning": finding.meaning,
                "remedy": finding.remedy,
                "facts": dict(finding.facts),
            }
            for finding in report.findings
        ],
        "sound": list(report.sound),
        "unknown": dict(report.unknown),
    }
    emit(env, output, data, table=render, names=lambda: (finding.code for finding in report.findings))
    if any(finding.code == "broker.unreachable" for finding in report.findings):
        return ExitStatus.BROKER_UNREACHABLE
    return ExitStatus.OK if report.is_sound else ExitStatus.FAILED


def _lines(env: Environment, finding: Finding, width: int) -> list[str]:
    severity = finding.severity.value
    head, *more = wrap(f"{severity}[{finding.code}]: {harmless(finding.summary)}", width)
    mark, colon, rest = head.partition(":")
    return [
        env.out(STYLES[severity], mark + colon) + rest,
        *(f"  {line}" for line in more),
        *(f"  {line}" for line in wrap(harmless(finding.meaning), width - 2)),
        *_remedy(env, harmless(finding.remedy), width),
    ]


def _remedy(env: Environment, remedy: str, width: int) -> list[str]:
    """Return what to do: a command in one line, to be copied, what is said of it below where it is too long."""
    if not remedy.startswith(PROGRAMS):
        head, *more = wrap(f"do: {remedy}", width - 2)
        return [f"  {env.out('bold green', 'do:')}{head.removeprefix('do:')}", *(f"      {line}" for line in more)]
    command, mark, comment = remedy.partition(COMMENT)
    lead = f"  {env.out('bold green', 'do:')} {command}"
    if len(remedy) + len("  do: ") <= width:
        return [lead + mark + comment]
    said = wrap(comment, width - 8)
    return [lead, *(f"      {'# ' if n == 0 else '  '}{line}" for n, line in enumerate(said))] if mark else [lead]


def _summary(report: Report) -> str:
    counts = Counter(finding.severity.value for finding in report.findings)
    told = ", ".join(plural(counts[severity], severity) for severity in STYLES if counts[severity])
    return f"{report.broker or 'no broker'}: {told or 'nothing found'}"
