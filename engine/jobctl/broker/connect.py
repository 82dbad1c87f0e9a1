"""Connections: how every client of ours is made, and how its errors are told.

SAQ's `Queue.from_url` makes a client without timeouts, keepalive or retry (hazard B1); ours are made here only.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jobctl.broker.embedded import embedded_broker
from jobctl.errors import BrokerError, BrokerUnreachable, UsageError
from jobctl.settings import Settings, redact_url

if TYPE_CHECKING:
    from redis import Redis
    from redis.asyncio import Redis as AsyncRedis

CONNECT_TIMEOUT_S = 3.0  # a host that does not answer in 3 s will not answer
ANSWER_TIMEOUT_S = 10.0  # a silent link shows itself in seconds, not when TCP gives up (hazard B5)
HEALTH_CHECK_S = 15
RETRIES = 3
POOL_TIMEOUT_S = 20.0  # a command waits this long for a connection of the pool
MAX_CONNECTIONS = 8  # a process stays under 16 in all: pool, claims, peeks, subscription, lease keeper


@contextmanager
def open_broker(settings: Settings | None = None) -> Iterator[str]:
    """Yield the broker's URL: the configured one, or that of the folder's embedded server, started if need be.

    Args:
        settings: where the broker is; by default what the environment says (``REDIS_URL`` and its like).

    Raises:
        NoEmbeddedBroker: none is configured and none can be started.
        UsageError: a variable of the environment holds something it cannot mean.
    """
    settings = settings or Settings.from_env()
    if settings.redis_url is not None:
        yield settings.redis_url
    else:
        with embedded_broker(settings.home) as url:
            yield url


def _options(url: str) -> dict[str, Any]:
    from redis.exceptions import ReadOnlyError

    options: dict[str, Any] = {
        "socket_timeout": ANSWER_TIMEOUT_S,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "health_check_interval": HEALTH_CHECK_S,
        # A demoted primary stays one: connect anew, its address may lead to the new primary by now (hazard B12).
        "retry_on_error": [ReadOnlyError],
    }
    if not url.startswith("unix"):
        options["socket_keepalive"] = True
        if hasattr(socket, "TCP_KEEPIDLE"):
            options["socket_keepalive_options"] = {
                socket.TCP_KEEPIDLE: 15,
                socket.TCP_KEEPINTVL: 5,
                socket.TCP_KEEPCNT: 3,
            }
    return options


def connect(url: str, **options: Any) -> AsyncRedis:
    """Return an asyncio client with timeouts, keepalive and a bounded pool. Answers are bytes.

    Its commands are retried on a broken connection: all of ours are idempotent or carry a nonce. A command that
    finds all connections in use waits for one (the library's plain pool would refuse it at once).
    """
    from redis.asyncio import BlockingConnectionPool, Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import ExponentialWithJitterBackoff

    from jobctl.broker.answering import watched
    from jobctl.broker.packing import packing_in_c
    from jobctl.broker.sending import cancellable

    retry = Retry(ExponentialWithJitterBackoff(base=0.05, cap=1.0), RETRIES)
    pool = BlockingConnectionPool.from_url(
        url,
        **{"retry": retry, "max_connections": MAX_CONNECTIONS, "timeout": POOL_TIMEOUT_S, **_options(url), **options},
    )
    kind: Any = pool.connection_class
    kind = packing_in_c(kind)
    kind = watched(kind)
    pool.connection_class = cancellable(kind)
    return Redis.from_pool(pool)


def connect_blocking(url: str, **options: Any) -> Redis:
    """Return a blocking client with timeouts, keepalive and retry. Answers are bytes."""
    from redis import Redis
    from redis.backoff import ExponentialWithJitterBackoff
    from redis.retry import Retry

    retry = Retry(ExponentialWithJitterBackoff(base=0.05, cap=1.0), RETRIES)
    return Redis.from_url(url, **{"retry": retry, **_options(url), **options})


def require_bytes(client: Redis | AsyncRedis) -> None:
    """Refuse a client, made by the caller, that turns answers into text: ours are read as bytes.

    Raises:
        UsageError: it has `decode_responses` set.
    """
    if client.get_encoder().decode_responses:
        raise UsageError(
            "this Redis client decodes its answers, and jobctl reads bytes",
            hint="make it without `decode_responses=True`, or give the URL instead",
        )


@contextmanager
def translate_errors(url: str | None = None) -> Iterator[None]:
    """Turn the client library's errors into ours, with the address and what to do.

    Raises:
        BrokerUnreachable: no connection, or it broke and did not come back.
        BrokerError: the broker answered with a refusal (password, memory full, read-only).
    """
    from redis import exceptions

    where = f" at {redact_url(url)}" if url else ""
    try:
        yield
    except (
        exceptions.AuthenticationError,
        exceptions.AuthorizationError,
        exceptions.NoPermissionError,
    ) as error:
        raise BrokerError(
            f"the broker{where} refused the login or the command: {error}",
            code="broker.auth",
            hint="check the password and the ACL of the user in REDIS_URL",
        ) from error
    except (exceptions.ConnectionError, exceptions.TimeoutError, OSError) as error:
        raise BrokerUnreachable(
            f"no broker answers{where}: {_first_line(error)}",
            hint="start it, or correct REDIS_URL; with none of REDIS_URL and REDIS_HOST set, jobctl runs its own",
        ) from error
    except exceptions.OutOfMemoryError as error:
        raise BrokerError(
            f"the broker{where} is full and took nothing: {error}",
            code="broker.full",
            hint="free memory or raise `maxmemory`; workers go on draining what is queued",
        ) from error
    except exceptions.ReadOnlyError as error:
        raise BrokerError(
            f"the broker{where} is a read-only replica",
            code="broker.read-only",
            hint="point REDIS_URL at the primary",
        ) from error
    except exceptions.ResponseError as error:
        raise BrokerError(f"the broker{where} refused: {_first_line(error)}", code="broker.refused") from error


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


TLS_OPTIONS = (
    *("ssl_keyfile", "ssl_certfile", "ssl_password", "ssl_cert_reqs", "ssl_ca_certs", "ssl_ca_path"),
    *("ssl_check_hostname", "ssl_ciphers"),
)


def url_of(client: AsyncRedis) -> str:
    """Return the URL a client connects to, with its credentials and what TLS needs."""
    from urllib.parse import quote, urlencode

    options = client.connection_pool.connection_kwargs
    user, password = options.get("username") or "", options.get("password") or ""
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if password else ""
    database = options.get("db") or 0
    if path := options.get("path"):
        return f"unix://{login}{path}?db={database}"
    address = f"{login}{options.get('host', 'localhost')}:{options.get('port', 6379)}/{database}"
    if "ssl" not in client.connection_pool.connection_class.__name__.lower():
        return f"redis://{address}"
    tls = {name: options[name] for name in TLS_OPTIONS if options.get(name) is not None}
    return f"rediss://{address}" + (f"?{urlencode(tls)}" if tls else "")
