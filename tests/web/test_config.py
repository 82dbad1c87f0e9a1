"""The configuration is checked before anything is served."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.web.browser import TOKEN

from jobctl.errors import UsageError
from jobctl_web.config import read_config
from jobctl_web.passwords import check_password, hash_password, read_hash
from jobctl_web.roles import Role


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9"])
def test_loopback_needs_no_credentials(host: str) -> None:
    assert read_config({}, host=host).is_local


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "jobs.example.com", ""])
def test_other_addresses_are_refused_without_credentials(host: str) -> None:
    with pytest.raises(UsageError, match="not served"):
        read_config({}, host=host)


def test_other_addresses_are_served_to_those_who_log_in() -> None:
    assert read_config({"JOBCTL_WEB_TOKENS": f"ci:viewer:{TOKEN}"}, host="0.0.0.0").has_credentials


def test_file_and_environment_are_read_together(tmp_path: Path, password_hash: str) -> None:
    path = tmp_path / "web.toml"
    path.write_text(f"""
hosts = ["Jobs.example.com"]
tls = true
[users.ada]
role = "admin"
password = "{password_hash}"
[tokens.grafana]
token = "{TOKEN}"
[proxy]
header = "X-Forwarded-User"
from = ["10.0.0.0/8", "::1/128"]
role = "none"
[proxy.roles]
otto = "operator"
""")

    config = read_config({"JOBCTL_WEB_CONFIG": str(path), "JOBCTL_WEB_USERS": f"vera:viewer:{password_hash}"})

    assert {user.name: user.role for user in config.users.values()} == {"ada": Role.ADMIN, "vera": Role.VIEWER}
    assert [(token.name, token.role) for token in config.tokens] == [("grafana", Role.VIEWER)]
    assert config.hosts == {"jobs.example.com"}
    assert config.is_secure
    assert config.proxy is not None
    assert config.proxy.roles == {"otto": Role.OPERATOR}
    assert config.proxy.role is None
    assert config.proxy.trusts("10.1.2.3")
    assert not config.proxy.trusts("11.1.2.3")


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"JOBCTL_WEB_USERS": "ada"}, "NAME:ROLE:SECRET"),
        ({"JOBCTL_WEB_USERS": "ada:admin:plain"}, "not a password hash"),
        ({"JOBCTL_WEB_TOKENS": "ci:boss:0123456789abcdef"}, "is no role"),
        ({"JOBCTL_WEB_TOKENS": "ci:viewer:short"}, "shorter than 16"),
        ({"JOBCTL_WEB_CONFIG": "/nowhere.toml"}, "cannot be read"),
    ],
)
def test_what_cannot_be_meant_is_refused(variables: dict[str, str], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        read_config(variables)


@pytest.mark.parametrize(
    "body", ["user = 1", "x = ", "[proxy]", "users = [1]", "tls = 1", '[proxy]\nheader="x"\nfrom=["a"]']
)
def test_files_that_cannot_be_meant_are_refused(tmp_path: Path, body: str) -> None:
    path = tmp_path / "web.toml"
    path.write_text(body)

    with pytest.raises(UsageError):
        read_config({}, path=str(path))


def test_refused_secret_is_not_quoted() -> None:
    with pytest.raises(UsageError) as caught:
        read_config({"JOBCTL_WEB_USERS": "ada:admin:my-plain-password"})

    assert "my-plain-password" not in str(caught.value)


def test_password_is_checked_against_its_hash() -> None:
    stored = hash_password("correct horse")

    assert stored != hash_password("correct horse")
    assert check_password("correct horse", stored)
    assert not check_password("wrong horse", stored)
    assert not check_password("correct horse", None)


@pytest.mark.parametrize("stored", ["", "x", "scrypt$1", "md5$1$1$1$YQ==$YQ==", "scrypt$1073741824$8$1$YQ==$YQ=="])
def test_foreign_hashes_are_refused(stored: str) -> None:
    with pytest.raises(ValueError, match="not a password hash"):
        read_hash(stored)


def test_short_passwords_are_refused() -> None:
    with pytest.raises(ValueError, match="8 characters"):
        hash_password("short")
