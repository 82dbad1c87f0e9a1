"""The services of the compose file that are ours, as processes: they start with their environment, say that they are
healthy to their own health check, write nothing beside them, and stop in time."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobctl.durations import parse_duration

pytest.importorskip("jobctl_web.server", reason="the extra `web` is not installed")
pytest.importorskip("sqlalchemy", reason="the extra `examples` is not installed")

from jobctl_web.passwords import hash_password

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yml").read_text())["services"]
JOBCTL = Path(sys.executable).with_name("jobctl")
PORT = re.compile(r"\b(?:8484|9484|9485)\b")
STARTS_S = 60.0  # on a machine that is busy with other tests


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def environment(service: dict[str, Any], redis_url: str, database: Path) -> dict[str, str]:
    """Return what compose would set, its secrets filled in, with our broker and a database that is a file."""
    secrets = {"JOBCTL_WEB_USERS": f"ada:admin:{hash_password('correct horse battery')}"}
    declared = {
        name: re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: secrets.get(found[1], "secret"), str(value))
        for name, value in service["environment"].items()
    }
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
    image = {"PYTHONUNBUFFERED": "1", "JOBCTL_LOG_FORMAT": "json"}  # as the Dockerfile has it
    return {**kept, **image, **declared, "REDIS_URL": redis_url, "DATABASE_URL": f"sqlite:///{database}"}


@pytest.mark.parametrize("name", ["worker", "web", "exporter"])
def test_service_starts_is_healthy_and_stops(name: str, redis_url: str, tmp_path: Path) -> None:
    service, port = SERVICES[name], str(free_port())
    for folder in ("jobspecs", "examples"):  # what the image has in its working directory
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    before = {path for path in tmp_path.rglob("*") if "__pycache__" not in path.parts}
    command = [str(JOBCTL), *(PORT.sub(port, word) for word in service["command"])]
    env = environment(service, redis_url, tmp_path.with_suffix(".db"))
    how, program, *check = (PORT.sub(port, word) for word in service["healthcheck"]["test"])
    assert (how, program) == ("CMD", "python")

    log = tmp_path.with_suffix(".log")
    with log.open("w") as stream:
        process = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=stream, stderr=stream)
        try:
            until = time.monotonic() + STARTS_S
            while subprocess.run([sys.executable, *check], capture_output=True, timeout=30, check=False).returncode:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            status = process.wait(parse_duration(SERVICES["worker"]["stop_grace_period"]))
        finally:
            process.kill()
            process.wait()

    assert status == 0, log.read_text()
    assert "Traceback" not in log.read_text()
    assert {path for path in tmp_path.rglob("*") if "__pycache__" not in path.parts} == before  # `read_only: true`
