"""Configuration of the tenants system, from the environment. With nothing set it runs on this machine alone."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from enum import StrEnum
from urllib.parse import urlsplit

from jobctl.errors import UsageError
from jobctl.settings import DEFAULT_HOME

DEFAULT_FROM = "noreply@example.com"
DEFAULT_INVITATION_URL = "http://localhost:3000/accept-invitation"
DEFAULT_SMTP_PORT = 1025  # what the usual development mail catchers listen on
_NAMED_SERVICE = re.compile(r"([a-z0-9][a-z0-9_-]*)=(.+)")


class EmailProvider(StrEnum):
    """Where letters go."""

    SMTP = "smtp"
    CONSOLE = "console"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailConfig:
    """How letters leave.

    Attributes:
        provider: ``EMAIL_PROVIDER``; unset means the console: no letter leaves a machine nobody has configured.
        sender: ``EMAIL_FROM_ADDRESS``.
        host, port, user, password: ``SMTP_HOST``, ``SMTP_PORT``, ``SMTP_USER``, ``SMTP_PASSWORD``.
    """

    provider: EmailProvider = EmailProvider.CONSOLE
    sender: str = DEFAULT_FROM
    host: str = "localhost"
    port: int = DEFAULT_SMTP_PORT
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that wants to hear of new tenants.

    Attributes:
        name: what progress is kept under, so that a service may move to another address.
        url: base address, without a slash at the end.
    """

    name: str
    url: str = field(repr=False)  # may hold a password


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything the environment says.

    Attributes:
        database_url: ``DATABASE_URL``; unset means a SQLite file in the folder of the embedded broker.
        services: ``TENANT_INIT_SERVICES``: base URLs separated by commas, each optionally as ``name=url``.
        invitation_base_url: ``INVITATION_BASE_URL``; the token is added to its query.
        alert_webhook_url: ``ALERT_WEBHOOK_URL``: alerts are posted there as JSON.
        alert_email: ``ALERT_EMAIL``: alerts are mailed there.
    """

    database_url: str = field(repr=False)
    email: EmailConfig = field(default_factory=EmailConfig)
    services: tuple[Service, ...] = ()
    invitation_base_url: str = DEFAULT_INVITATION_URL
    alert_webhook_url: str | None = field(default=None, repr=False)  # such addresses are secrets
    alert_email: str | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Config:
        """Read the configuration. Empty variables count as unset.

        Raises:
            UsageError: a variable holds something it cannot mean; the message names it.
        """
        env = os.environ if env is None else env
        return cls(
            database_url=env.get("DATABASE_URL") or f"sqlite:///{env.get('JOBCTL_HOME') or DEFAULT_HOME}/tenants.db",
            email=_email(env),
            services=_services(env.get("TENANT_INIT_SERVICES") or ""),
            invitation_base_url=_url("INVITATION_BASE_URL", env.get("INVITATION_BASE_URL") or DEFAULT_INVITATION_URL),
            alert_webhook_url=_url("ALERT_WEBHOOK_URL", text) if (text := env.get("ALERT_WEBHOOK_URL")) else None,
            alert_email=_address("ALERT_EMAIL", text) if (text := env.get("ALERT_EMAIL")) else None,
        )


def _email(env: Mapping[str, str]) -> EmailConfig:
    provider = env.get("EMAIL_PROVIDER") or EmailProvider.CONSOLE
    if provider not in list(EmailProvider):
        raise UsageError(f"EMAIL_PROVIDER is `{provider}`", hint="use `smtp` or `console`", code="env.invalid")
    port = env.get("SMTP_PORT") or str(DEFAULT_SMTP_PORT)
    if not port.isdecimal() or not 0 < int(port) < 65_536:
        raise UsageError(f"SMTP_PORT is `{port}`", hint="set a port from 1 to 65535", code="env.invalid")
    return EmailConfig(
        provider=EmailProvider(provider),
        sender=_address("EMAIL_FROM_ADDRESS", env.get("EMAIL_FROM_ADDRESS") or DEFAULT_FROM),
        host=env.get("SMTP_HOST") or "localhost",
        port=int(port),
        user=env.get("SMTP_USER") or "",
        password=env.get("SMTP_PASSWORD") or "",
    )


def _services(text: str) -> tuple[Service, ...]:
    services: dict[str, Service] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        named = _NAMED_SERVICE.fullmatch(entry)
        url = _url("TENANT_INIT_SERVICES", named[2] if named else entry).rstrip("/")
        name = named[1] if named else urlsplit(url).netloc.rpartition("@")[2] + urlsplit(url).path
        if name in services:
            raise UsageError(
                f"TENANT_INIT_SERVICES names `{name}` twice", hint="remove one of them", code="env.invalid"
            )
        services[name] = Service(name=name, url=url)
    return tuple(services.values())


def _address(variable: str, text: str) -> str:
    _, address = parseaddr(text)
    local, at, domain = address.rpartition("@")
    if not (local and at and domain and text.isascii() and text.isprintable()):
        raise UsageError(f"{variable} is `{text}`", hint="write e.g. `noreply@example.com`", code="env.invalid")
    return text


def _url(variable: str, text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"{variable} holds something that is no http address",
            hint="write e.g. `http://localhost:8001`",
            code="env.invalid",
        )
    return text
