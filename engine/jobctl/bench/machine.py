"""What a figure was measured on: without it, no figure means anything."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jobctl
from jobctl.broker.connect import connect_blocking, translate_errors

PACKAGES = ("saq", "redis", "hiredis", "uvloop", "msgspec")


def describe(url: str | None) -> dict[str, str]:
    """Return facts of machine and software, name -> text.

    Args:
        url: of the broker; None = each phase has a private one.
    """
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    facts = {
        "processor": _processor(),
        "cores": str(os.cpu_count() or 1),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load before": f"{load} (1, 5, 15 minutes)",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "jobctl": jobctl.__version__,
        **{name: found for name in PACKAGES if (found := package(name))},
    }
    if url is not None:
        with translate_errors(url), connect_blocking(url) as server:
            info = server.info("server")
        name = "Valkey" if "valkey_version" in info else "Redis"
        facts["broker"] = f"{name} {info.get('valkey_version') or info['redis_version']}, configured"
    return facts


def package(name: str) -> str:
    """Return the version of an installed package, or ""."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()
