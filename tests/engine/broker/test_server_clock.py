from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest
import redis

from jobctl.broker.keys import CLOCK
from jobctl.broker.scripts import source
from jobctl.broker.server_clock import ask_time, stepped
from jobctl.testing.clock import stepped_scripts

SCRIPTS = sorted(Path(str(files("jobctl.broker"))).joinpath("scripts").glob("*.lua"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_no_script_knows_the_time_in_a_way_that_cannot_be_stepped(script: Path) -> None:
    left = re.sub(
        r"redis\.call\('TIME'\)|redis\.call\('PEXPIRETIME', \w+\)|'PXAT', string", "", stepped(script.read_text())
    )

    assert not re.search(r"'(TIME|EXPIRETIME|PEXPIRETIME|EXPIREAT|PEXPIREAT|EXAT|PXAT)'", left)


def test_scripts_are_the_files_own_text_unless_the_harness_is_there() -> None:
    text = SCRIPTS[0].read_text()

    assert source(SCRIPTS[0].stem) == text
    with stepped_scripts():
        assert source(SCRIPTS[0].stem) != text
    assert source(SCRIPTS[0].stem) == text


def test_the_time_is_the_servers_until_a_clock_is_set(server: redis.Redis) -> None:
    with stepped_scripts():
        before = server.time()
        assert tuple(ask_time(server)) >= before

        server.set(CLOCK, 1_772_366_400_000_123)
        assert list(ask_time(server)) == [1_772_366_400, 123]
    assert tuple(ask_time(server)) >= before


def test_expiry_is_said_in_the_servers_time(server: redis.Redis) -> None:
    script = stepped("redis.call('SET', KEYS[1], 1, 'PXAT', ARGV[1]); return redis.call('PEXPIRETIME', KEYS[1])")
    script = script.replace("return (function", "local KEY = KEYS[1]; return (function")
    server.set(CLOCK, 1_000_000_000_000_000)

    server.eval(script, 1, "key", 1_000_000_060_000)

    assert 50_000 < server.pttl("key") <= 60_000
