"""Configuration by environment. Flags override the environment, the environment overrides the spec."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload
from urllib.parse import quote, urlsplit

from jobctl.errors import UsageError

# The document we model names its variables ASYNQ_*; they work as well, ours first.
PREFIXES = ("JOBCTL_", "ASYNQ_")
DEFAULT_CONCURRENCY = 10
DEFAULT_GRACE_S = 25.0  # under Kubernetes' 30 s, so that the hand-back happens before SIGKILL
MIN_LEASE_S = 0.5  # renewed every third of it by a thread that also has a network to cross
DEFAULT_SPEC = "jobspecs"
DEFAULT_HOME = ".jobctl"
URL_SCHEMES = ("redis", "rediss", "unix")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says. ``redis_url`` None means: no broker configured, use the embedded one.

    Attributes:
        redis_url: from ``REDIS_URL``, or put together from ``REDIS_HOST/PORT/PASSWORD/DB``.
        concurrency: jobs one worker runs at once, from ``JOBCTL_CONCURRENCY``; None = not set.
        processes: worker processes under a supervisor, from ``JOBCTL_PROCESSES``; None = one, without a supervisor.
        weights: queue name -> weight from ``JOBCTL_QUEUE_<NAME>``.
        grace_s: seconds a stopping worker waits for its jobs, from ``JOBCTL_GRACE``.
        home: folder of the embedded broker, from ``JOBCTL_HOME``.
        spec: default path of the specs, from ``JOBCTL_SPEC``.
        log_format: ``auto``, ``human`` or ``json``, from ``JOBCTL_LOG_FORMAT``.
        lease_s: seconds after a worker's death until its jobs run again, from ``JOBCTL_LEASE``; None = not set.
        patience_s: seconds without the broker after which a worker ends, from ``JOBCTL_PATIENCE``; None = not set.
    """

    redis_url: str | None = None
    concurrency: int | None = None
    processes: int | None = None
    weights: Mapping[str, int] = field(default_factory=dict)
    grace_s: float = DEFAULT_GRACE_S
    home: Path = Path(DEFAULT_HOME)
    spec: str = DEFAULT_SPEC
    log_format: str = "auto"
    lease_s: float | None = None
    patience_s: float | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the settings.

        Raises:
            UsageError: a variable holds something it cannot mean; the message names the variable.
        """
        env = os.environ if env is None else env
        log_format = env.get("JOBCTL_LOG_FORMAT", "auto")
        if log_format not in ("auto", "human", "json"):
            raise UsageError(
                f"JOBCTL_LOG_FORMAT is `{log_format}`",
                hint="use `human`, `json` or `auto`",
                code="env.invalid",
            )
        return cls(
            redis_url=_redis_url(env),
            concurrency=_concurrency(env),
            processes=_whole_number("JOBCTL_PROCESSES", text, 1) if (text := env.get("JOBCTL_PROCESSES")) else None,
            weights=_weights(env),
            grace_s=_duration(env, "JOBCTL_GRACE", DEFAULT_GRACE_S),
            home=Path(env.get("JOBCTL_HOME", DEFAULT_HOME)),
            spec=env.get("JOBCTL_SPEC", DEFAULT_SPEC),
            log_format=log_format,
            lease_s=_duration(env, "JOBCTL_LEASE", None, least_s=MIN_LEASE_S),
            patience_s=_duration(env, "JOBCTL_PATIENCE", None),
        )


def _whole_number(name: str, text: str, low: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = low - 1
    if number < low:
        raise UsageError(f"{name} is `{text}`", hint=f"set a whole number of {low} or more", code="env.invalid")
    return number


def _concurrency(env: Mapping[str, str]) -> int | None:
    for prefix in PREFIXES:
        if text := env.get(f"{prefix}CONCURRENCY"):
            return _whole_number(f"{prefix}CONCURRENCY", text, 1)
    return None


def _weights(env: Mapping[str, str]) -> dict[str, int]:
    weights: dict[str, int] = {}
    for prefix in reversed(PREFIXES):
        start = f"{prefix}QUEUE_"
        for name, text in env.items():
            if name.startswith(start) and len(name) > len(start) and text:
                weights[name[len(start) :].lower()] = _whole_number(name, text, 1)
    return weights


@overload
def _duration(env: Mapping[str, str], name: str, default: float) -> float: ...
@overload
def _duration(env: Mapping[str, str], name: str, default: None, *, least_s: float = 0.0) -> float | None: ...
def _duration(env: Mapping[str, str], name: str, default: float | None, *, least_s: float = 0.0) -> float | None:
    from jobctl.durations import format_duration, parse_duration

    text = env.get(name)
    if not text:
        return default
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{name}: {error}", code="env.invalid") from None
    if seconds < least_s:
        raise UsageError(f"{name} is `{text}`", hint=f"set {format_duration(least_s)} or more", code="env.invalid")
    return seconds


def _redis_url(env: Mapping[str, str]) -> str | None:
    if url := env.get("REDIS_URL"):
        check_url(url, "REDIS_URL")
        return url
    host = env.get("REDIS_HOST")
    if not host:
        return None
    port = _whole_number("REDIS_PORT", env.get("REDIS_PORT") or "6379", 1)
    database = _whole_number("REDIS_DB", env.get("REDIS_DB") or "0", 0)
    password = env.get("REDIS_PASSWORD") or ""
    login = f":{quote(password, safe='')}@" if password else ""
    return f"redis://{login}{host}:{port}/{database}"


def check_url(url: str, source: str) -> None:
    """Refuse a broker URL that no client could use.

    Raises:
        UsageError: wrong scheme or port; the password is never part of the message.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise UsageError(
            f"{source} is not a URL", hint="write e.g. `redis://localhost:6379/0`", code="env.invalid"
        ) from None
    if parts.scheme not in URL_SCHEMES:
        raise UsageError(
            f"{source} has the scheme `{parts.scheme}`",
            hint="use `redis://`, `rediss://` (TLS) or `unix://`",
            code="env.invalid",
        )


def redact_url(url: str) -> str:
    """Return the URL without its password, fit to be shown."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return url.replace(f":{parts.password}@", ":***@", 1)
