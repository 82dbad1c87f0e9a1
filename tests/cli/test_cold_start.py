"""What commands load: cold start is a feature, and help needs no broker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"redis", "saq", "asyncio", "croniter", "rich", "pydantic", "uvloop", "msgspec"}


def loaded_by(*args: str) -> set[str]:
    script = (
        "import sys\n"
        "from jobctl_cli.main import main\n"
        f"status = main({list(args)!r})\n"
        "print(status, *sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    status, *modules = run.stderr.split()
    assert status == "0", run.stderr
    return set(modules)


@pytest.mark.parametrize(
    "args",
    [("--help",), ("--version",), ("run", "--help"), ("enqueue", "--help"), ("enqueue", "greet", "--help")],
    ids=" ".join,
)
def test_help_loads_nothing_heavy(project: Path, args: tuple[str, ...]) -> None:
    assert loaded_by(*args).isdisjoint(HEAVY)


def test_completion_loads_nothing_heavy(project: Path) -> None:
    assert loaded_by("__complete", "enqueue", "").isdisjoint(HEAVY)


def test_spec_check_loads_no_broker(project: Path) -> None:
    assert loaded_by("spec", "check").isdisjoint({"redis", "saq", "rich", "pydantic"})


def test_enqueue_loads_the_blocking_client_only(project: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)

    loaded = loaded_by("enqueue", "greet", "--name", "Ada")

    assert loaded.isdisjoint({"saq", "croniter", "rich", "pydantic", "uvloop"})
