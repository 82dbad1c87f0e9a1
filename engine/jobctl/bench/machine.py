"""What a figure was measured on: without it, no figure means anything."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jobctl
from jobctl.broker.connect import connect_blocking, translate_errors
from jobctl.broker.embedded import find_server

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
        facts["server"] = f"{name} {info.get('valkey_version') or info['redis_version']}"
    elif found := _own_server():
        facts["server"] = found
    return facts


def _own_server() -> str:
    """Return name and version of the server that private ones are made of, or ""."""
    binary = find_server()
    if binary is None:
        return ""
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - our own
    version = re.search(r"(\w+) server v=([\d.]+)", said.stdout)
    return f"{version[1]} {version[2]}" if version else ""


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
