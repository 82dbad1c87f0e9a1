"""What commands load: cold start is a feature, and help needs no broker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"redis", "saq", "asyncio", "croniter", "rich", "pydantic", "uvloop", "msgspec"}


def loaded_by(*args: str, whole: bool = False) -> set[str]:
    """The packages that a command loads; with ``whole`` all modules by their full names."""
    script = (
        "import sys\n"
        "from jobctl_cli.main import main\n"
        f"status = main({list(args)!r})\n"
        "print(status, *sorted(sys.modules), file=sys.stderr)\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    status, *modules = run.stderr.splitlines()[-1].split()
    assert status == "0", run.stderr
    return set(modules) if whole else {name.partition(".")[0] for name in modules}


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


@pytest.mark.parametrize(
    "args",
    [
        ("queues", "list"),
        ("workers", "list"),
        ("cron", "list"),
        ("inspect",),
        ("top", "--once"),
        ("dead",),
        ("stats",),
        ("audit",),
        ("metrics",),
        ("replay", "--state", "dead", "--dry-run"),
        ("enqueue", "boom"),
    ],
    ids=" ".join,
)
def test_commands_of_a_moment_load_no_worker_and_no_console(
    project: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...]
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)

    loaded = loaded_by(*args, whole=True)

    assert loaded.isdisjoint({"saq", "rich", "textual", "pydantic", "uvloop", "starlette", "opentelemetry.sdk.metrics"})
