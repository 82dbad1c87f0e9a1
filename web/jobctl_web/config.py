"""How the console is to be served, and to whom. Everything is checked before anything is bound.

Users and tokens come from a TOML file, and from ``JOBCTL_WEB_USERS`` and ``JOBCTL_WEB_TOKENS``. Without any of them,
and without a trusted proxy, the console binds loopback addresses only.
"""

from __future__ import annotations

import hashlib
import ipaddress
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobctl.errors import UsageError
from jobctl_web.passwords import read_hash
from jobctl_web.roles import Role, read_role

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8484
SHORTEST_TOKEN = 16  # characters; `openssl rand -hex 16` gives 32
_KNOWN = {"users", "tokens", "proxy", "hosts", "tls", "forwarders"}
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with a password, kept as its hash."""

    name: str
    role: Role
    password_hash: str


@dataclass(frozen=True, slots=True)
class Token:
    """A program with a token, of which only the SHA-256 is kept: it is long and random, so that no salt is needed."""

    name: str
    role: Role
    digest: bytes


@dataclass(frozen=True, slots=True)
class Proxy:
    """A reverse proxy that has asked who somebody is, and says so in a header.

    Attributes:
        header: its name, lower case, such as ``x-forwarded-user``.
        networks: the addresses it speaks from; from any other the header is not heeded.
        roles: user -> role.
        role: of users who are not named; None = they are let in nowhere.
    """

    header: str
    networks: tuple[Network, ...]
    roles: Mapping[str, Role] = field(default_factory=dict)
    role: Role | None = Role.VIEWER

    def trusts(self, address: str) -> bool:
        """Whether an address is the proxy's."""
        return is_within(address, self.networks)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig:
    """The whole of it.

    Attributes:
        hosts: names the console is reached by, beside its address, ``localhost`` and IP literals.
        is_read_only: whether nothing may be changed, whoever asks.
        is_secure: whether cookies are for TLS only; a request that came by TLS gets such ones anyway.
        forwarders: addresses of proxies that say for whom they speak, in ``X-Forwarded-For``. It is heeded where failed
            logins are counted, and nowhere else.
        certificate: files of the console's own certificate and its key; None = it speaks plain HTTP.
    """

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    users: Mapping[str, User] = field(default_factory=dict)
    tokens: tuple[Token, ...] = ()
    proxy: Proxy | None = None
    hosts: frozenset[str] = frozenset()
    is_read_only: bool = False
    is_secure: bool = False
    forwarders: tuple[Network, ...] = ()
    certificate: tuple[str, str] | None = None

    @property
    def has_credentials(self) -> bool:
        """Whether anybody has to say who they are."""
        return bool(self.users or self.tokens or self.proxy)

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the console."""
        return is_loopback(self.host)

    def check(self) -> None:
        """Refuse what would let strangers in.

        Raises:
            UsageError: another address than loopback, and nobody has to log in.
        """
        if not self.is_local and not self.has_credentials:
            raise UsageError(
                f"without users or tokens the console is not served on `{self.host}`, where others reach it",
                code="web.open",
                hint="set JOBCTL_WEB_USERS (`jobctl web hash-password`) or JOBCTL_WEB_TOKENS, "
                "or leave out `--host`: then only this machine sees it",
            )


def is_loopback(host: str) -> bool:
    """Whether a host to bind to is this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_within(address: str, networks: Iterable[Network]) -> bool:
    """Whether an address is of one of some networks.

    Example:
        >>> is_within("10.0.0.7", [ipaddress.ip_network("10.0.0.0/8")]), is_within("x", [])
        (True, False)
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    # on a socket for both kinds, IPv4 comes as ::ffff:10.0.0.7
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return any((mapped or parsed) in network for network in networks)


def token_digest(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def read_config(
    env: Mapping[str, str],
    *,
    path: str | None = None,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    hosts: tuple[str, ...] = (),
    is_read_only: bool = False,
    certificate: tuple[str | None, str | None] = (None, None),
) -> WebConfig:
    """Read the configuration of the console.

    Args:
        env: the environment: ``JOBCTL_WEB_CONFIG``, ``JOBCTL_WEB_USERS`` and ``JOBCTL_WEB_TOKENS``.
        path: a TOML file instead of the one that ``JOBCTL_WEB_CONFIG`` names.
        host, port, hosts, is_read_only: as in `WebConfig`.
        certificate: files of a certificate and its key; both or none.

    Raises:
        UsageError: something in it cannot be meant, or it would let strangers in.
    """
    path = path or env.get("JOBCTL_WEB_CONFIG")
    file = _file(path) if path else {}
    users = {user.name: user for user in _file_users(file, path)}
    users |= {user.name: user for user in _env_users(env.get("JOBCTL_WEB_USERS", ""))}
    config = WebConfig(
        host=host,
        port=port,
        users=users,
        tokens=(*_file_tokens(file, path), *_env_tokens(env.get("JOBCTL_WEB_TOKENS", ""))),
        proxy=_proxy(file["proxy"], path) if "proxy" in file else None,
        hosts=frozenset(name.lower() for name in (*hosts, *file.get("hosts", ()))),
        is_read_only=is_read_only,
        is_secure=file.get("tls") is True or certificate[0] is not None,
        forwarders=_forwarders(file.get("forwarders", []), path),
        certificate=_certificate(*certificate),
    )
    config.check()
    return config


def _file(path: str) -> dict[str, Any]:
    try:
        found = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"`{path}` cannot be read: {error.strerror}", code="web.config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"`{path}` is not TOML: {error}", code="web.config") from None
    if not isinstance(found.get("tls", False), bool):
        raise _wrong(path, "has a `tls` that is neither true nor false", "write `tls = true` behind a proxy with TLS")
    if unknown := sorted(set(found) - _KNOWN):
        raise _wrong(path, f"has `{unknown[0]}`, which means nothing here", "use " + ", ".join(sorted(_KNOWN)))
    return found


def _file_users(file: Mapping[str, Any], path: str | None) -> list[User]:
    return [_user(name, each.get("role", "viewer"), each.get("password", ""), f"`users.{name}` of `{path}`")
            for name, each in _tables(file, "users", path)]  # fmt: skip


def _file_tokens(file: Mapping[str, Any], path: str | None) -> list[Token]:
    return [_token(name, each.get("role", "viewer"), each.get("token", ""), f"`tokens.{name}` of `{path}`")
            for name, each in _tables(file, "tokens", path)]  # fmt: skip


def _tables(file: Mapping[str, Any], key: str, path: str | None) -> list[tuple[str, Mapping[str, Any]]]:
    found = file.get(key, {})
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        raise _wrong(path, f"has `{key}` that are no tables", f"write `[{key}.NAME]` with a `role`")
    return list(found.items())


def _env_users(text: str) -> list[User]:
    return [
        _user(*_three(each, "JOBCTL_WEB_USERS", "ada:admin:scrypt$..."), "JOBCTL_WEB_USERS") for each in text.split()
    ]


def _env_tokens(text: str) -> list[Token]:
    return [
        _token(*_three(each, "JOBCTL_WEB_TOKENS", "ci:viewer:3f1c..."), "JOBCTL_WEB_TOKENS") for each in text.split()
    ]


def _three(text: str, name: str, example: str) -> tuple[str, str, str]:
    first, _, rest = text.partition(":")
    second, _, third = rest.partition(":")
    if not (first and second and third):
        raise UsageError(f"{name} holds something that is not NAME:ROLE:SECRET", hint=f"write e.g. `{example}`")
    return first, second, third


def _user(name: str, role: str, password_hash: str, where: str) -> User:
    try:
        read_hash(password_hash)
        return User(name, read_role(role), password_hash)
    except ValueError as error:
        raise UsageError(f"{where}: user `{name}`: {error}", code="web.config") from None


def _token(name: str, role: str, token: str, where: str) -> Token:
    if len(token) < SHORTEST_TOKEN:
        raise UsageError(
            f"{where}: the token of `{name}` is shorter than {SHORTEST_TOKEN} characters",
            code="web.config",
            hint="`openssl rand -hex 16` makes a good one",
        )
    try:
        return Token(name, read_role(role), token_digest(token))
    except ValueError as error:
        raise UsageError(f"{where}: token `{name}`: {error}", code="web.config") from None


def _proxy(body: Any, path: str | None) -> Proxy:
    try:
        networks = tuple(ipaddress.ip_network(each) for each in body["from"])
        default = body.get("role", "viewer")
        return Proxy(
            header=body["header"].lower(),
            networks=networks,
            roles={user: read_role(role) for user, role in body.get("roles", {}).items()},
            role=None if default == "none" else read_role(default),
        )
    except KeyError as error:
        raise _wrong(path, f"has a `proxy` without {error}", 'e.g. `header = "X-Forwarded-User"`') from None
    except (ValueError, TypeError, AttributeError) as error:
        raise _wrong(path, f"has a `proxy` that cannot be meant: {error}", 'e.g. `from = ["10.0.0.0/8"]`') from None


def _forwarders(body: Any, path: str | None) -> tuple[Network, ...]:
    try:
        if not isinstance(body, list):
            raise TypeError("no list")
        return tuple(ipaddress.ip_network(each) for each in body)
    except (ValueError, TypeError) as error:
        raise _wrong(
            path, f"has `forwarders` that cannot be meant: {error}", 'e.g. `forwarders = ["127.0.0.1"]`'
        ) from None


def _certificate(cert: str | None, key: str | None) -> tuple[str, str] | None:
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        raise UsageError(
            f"`--tls-{'key' if cert is None else 'cert'}` needs `--tls-{'cert' if cert is None else 'key'}`",
            code="web.tls",
            hint="name both files: the certificate, and its key",
        )
    return cert, key


def _wrong(path: str | None, what: str, hint: str) -> UsageError:
    return UsageError(f"`{path}` {what}", code="web.config", hint=hint)
