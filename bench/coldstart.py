"""How long each command takes from its start to its end, and which imports that time goes to.

    python -m bench.coldstart [--repeats N] [--limit MS]

Every command is run as a process of its own: its help page, and where it can be, what it is for, on a broker with next
to nothing in it. The time is the shortest of the repeats, interpreter included: what else the machine does can only
add to it. Behind it stands the CPU time, which a busy machine blurs less, then the packages that took most of it: what
their modules took to load, without what those loaded in turn. A command over the limit is marked and makes the exit
code 1.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobctl.testing.servers import PrivateServer
from jobctl_cli.app import load_command
from jobctl_cli.contents import ORDER

SPEC = Path(__file__).parent / "noop.yaml"
LIMIT_MS = 250.0
REPEATS = 5
TIMEOUT_S = 30.0
SHOWN_PACKAGES = 4
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s*([\w.]+)")
REAL: Sequence[tuple[str, ...]] = (
    ("--version",),
    ("__complete", "enqueue", ""),
    ("enqueue", "noop-default", "--number", "1"),
    ("inspect",),
    ("inspect", "--state", "dead", "-o", "json"),
    ("replay", "--state", "dead", "--dry-run"),
    ("cancel", "--state", "scheduled", "--dry-run"),
    ("delete", "--state", "dead", "--dry-run"),
    ("top", "--once"),
    ("dead",),
    ("stats",),
    ("doctor",),
    ("metrics",),
    ("audit",),
    ("queues", "list"),
    ("workers", "list"),
    ("cron", "list"),
    ("spec", "check"),
    ("spec", "plan"),
    ("spec", "show", "noop-default"),
    ("spec", "explain", "jobs.retries"),
    ("config", "show"),
    ("completion", "bash"),
)


@dataclass(frozen=True, slots=True)
class Start:
    """What was measured of one command line."""

    line: str
    best_ms: float
    cpu_ms: float
    exit_code: int
    packages: Mapping[str, float]
    """Top-level package -> ms its modules took to load."""


def pages(command: Any, *path: str) -> Iterator[tuple[str, ...]]:
    """Yield the help pages of a command and of all in it."""
    yield (*path, "--help")
    for name, inner in getattr(command, "commands", {}).items():
        yield from pages(inner, *path, name)


def measure(arguments: Sequence[str], env: Mapping[str, str], repeats: int) -> Start:
    """Run a command line some times, then once more to see what it imports."""
    command = [str(Path(sys.executable).with_name("jobctl")), *arguments]
    times_ms, cpu_ms = [], []
    exit_code = 0
    for _ in range(repeats):
        began_at, used_s = time.perf_counter(), _children_cpu_s()
        exit_code = _run(command, env).returncode
        times_ms.append((time.perf_counter() - began_at) * 1000)
        cpu_ms.append((_children_cpu_s() - used_s) * 1000)
    told = _run([sys.executable, "-X", "importtime", *command], env).stderr
    packages: defaultdict[str, float] = defaultdict(float)
    for own_us, module in _IMPORT.findall(told):
        packages[module.partition(".")[0]] += int(own_us) / 1000
    return Start(" ".join(arguments), min(times_ms), min(cpu_ms), exit_code, packages)


def _run(command: Sequence[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def row(start: Start, limit_ms: float) -> str:
    """Return one line of the table."""
    heaviest = sorted(start.packages.items(), key=lambda item: -item[1])[:SHOWN_PACKAGES]
    shown = ", ".join(f"{name} {ms:.0f}" for name, ms in heaviest)
    mark = "!" if start.best_ms > limit_ms else " "
    code = f"  (exit code {start.exit_code})" if start.exit_code else ""
    return f"{start.line:<48} {start.best_ms:>6.0f} ms {mark} {start.cpu_ms:>5.0f} {shown}{code}"


def main() -> int:
    """Measure all, print a line each, return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.coldstart")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--limit", type=float, default=LIMIT_MS, metavar="MS")
    parser.add_argument("only", nargs="*", help="commands that begin so")
    options = parser.parse_args()
    lines = [("--help",), *(page for name in ORDER for page in pages(load_command(name), name)), *REAL]
    slow = 0
    with tempfile.TemporaryDirectory(prefix="jobctl-coldstart-") as folder, PrivateServer(Path(folder)) as server:
        env = {**os.environ, "REDIS_URL": server.url, "JOBCTL_SPEC": str(SPEC), "NO_COLOR": "1"}
        for arguments in lines:
            if " ".join(arguments).startswith(" ".join(options.only)):
                start = measure(arguments, env, options.repeats)
                slow += start.best_ms > options.limit
                print(row(start, options.limit), flush=True)
    print(f"{slow} over {options.limit:.0f} ms")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
