"""`jobctl web`: refuses to let strangers in, and makes the hashes its configuration wants."""

from __future__ import annotations

import socket

import pytest
from tests.cli.conftest import Program

from jobctl_web.config import read_config
from jobctl_web.passwords import check_password


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7"])
def test_other_addresses_need_credentials(offline: Program, host: str) -> None:
    out = offline("web", "--host", host)

    assert out.exit_code == 2
    assert out.stderr.startswith("error[web.open]: without users or tokens")
    assert "hint: " in out.stderr


def test_broker_that_does_not_answer_is_told_of(jobctl: Program) -> None:
    out = jobctl("web", "--port", "0", REDIS_URL="redis://localhost:1")

    assert out.exit_code == 4


def test_address_in_use_is_told_of(jobctl: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        out = jobctl("web", "--port", str(taken.getsockname()[1]))

    assert out.exit_code == 2
    assert "error[web.bind]" in out.stderr


def test_configuration_that_cannot_be_meant_is_refused(offline: Program) -> None:
    out = offline("web", JOBCTL_WEB_USERS="ada")

    assert out.exit_code == 2
    assert "NAME:ROLE:SECRET" in out.stderr


def test_hash_of_a_piped_password_opens_the_console(offline: Program) -> None:
    out = offline("web", "hash-password", "--user", "ada", "--role", "admin", stdin="correct horse\n")

    user = read_config({"JOBCTL_WEB_USERS": out.stdout}).users["ada"]
    assert check_password("correct horse", user.password_hash)
    assert "correct horse" not in out.stdout + out.stderr


def test_short_password_and_unknown_role_are_refused(offline: Program) -> None:
    short = offline("web", "hash-password", stdin="short\n")
    role = offline("web", "hash-password", "--user", "ada", "--role", "boss", stdin="correct horse\n")

    assert (short.exit_code, role.exit_code) == (2, 2)
    assert "8 characters" in short.stderr
    assert "viewer" in role.stderr
