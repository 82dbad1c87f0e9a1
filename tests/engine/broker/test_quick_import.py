"""In processes of their own: what is loaded once stays."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("opentelemetry.sdk.metrics", reason="the OpenTelemetry SDK is not installed")


def after(*lines: str) -> str:
    code = "\n".join(("import sys", *lines, "print('opentelemetry.sdk.metrics' in sys.modules)"))
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_it_leaves_the_sdk_out_and_importable() -> None:
    quickly = "from jobctl.broker.quick_import import import_redis_quickly as quickly; quickly()"

    assert after(quickly, "import redis.asyncio") == "False"
    assert after(quickly, "import opentelemetry.sdk.metrics") == "True"
    assert after("import opentelemetry.sdk.metrics", quickly) == "True"


def test_the_library_alone_loads_it() -> None:
    assert after("import redis") == "True"  # else this module has had its day
