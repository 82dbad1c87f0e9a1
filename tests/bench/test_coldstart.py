from __future__ import annotations

import re
import subprocess
import sys


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench.coldstart", "--repeats", "1", *args], capture_output=True, text=True, check=False
    )


def test_a_line_a_command_with_its_heaviest_imports() -> None:
    out = run("--limit", "60000", "config")

    assert out.returncode == 0, out.stderr
    lines = out.stdout.splitlines()
    assert [line.split("  ")[0] for line in lines[:-1]] == [
        "config --help",
        "config show --help",
        "config contexts --help",
        "config show",
    ]
    assert all(re.search(r"\d+ ms   +\d+ \w+ \d+, ", line) for line in lines[:-1])
    assert lines[-1] == "0 over 60000 ms"


def test_what_is_over_the_limit_is_marked() -> None:
    out = run("--limit", "1", "completion bash")

    assert (out.returncode, out.stdout.splitlines()[-1]) == (1, "1 over 1 ms")
    assert " ms ! " in out.stdout
