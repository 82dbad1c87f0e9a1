"""`docs/python.md` is true: its code runs, and it has all public names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import redis

import jobctl
from jobctl.broker.keys import QueueKeys

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_every_public_name_is_explained() -> None:
    table = PAGE.partition("\n## All public names\n")[2]
    rows = re.findall(r"^\| (`.*?) \| .+ \|$", table, re.MULTILINE)

    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(jobctl.__all__)


def test_code_of_the_page_runs(server: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("REDIS_URL", redis_url)
    names: dict[str, Any] = {}

    for block in BLOCKS:
        exec(block, names)

    assert len(BLOCKS) >= 4
    assert server.llen(QueueKeys("critical").queued) == 1_000
