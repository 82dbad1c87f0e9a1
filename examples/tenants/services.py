"""The services that are told of every new tenant, over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from examples.tenants.config import Service

INITIALIZE_PATH = "/api/v1/tenants/initialize"
HEALTH_PATH = "/health"
CALL_TIMEOUT_S = 30.0  # for a whole call: httpx's own timeout starts anew with every byte
CHECK_TIMEOUT_S = 5.0
# Answers in the 4xx range that time may mend: request timeout, too early, too many requests.
TRANSIENT_4XX = (408, 425, 429)


class ServiceFailed(Exception):
    """A call did not succeed, but may later.

    Attributes:
        retry_after_s: how long the service asked to be left alone, seconds; None = it did not say.
    """

    def __init__(self, service: Service, what: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(f"{service.name}: {what}")
        self.retry_after_s = retry_after_s


class ServiceRefused(Exception):
    """A service answered that it will not do this, however often it is asked."""

    def __init__(self, service: Service, what: str) -> None:
        super().__init__(f"{service.name}: {what}")


class ServicesClient:
    """Calls the services. Bound to the event loop it is first used in."""

    def __init__(self, *, call_timeout_s: float = CALL_TIMEOUT_S) -> None:
        self._call_timeout_s = call_timeout_s
        # Without its own timeouts: `asyncio.timeout` bounds each call as a whole.
        self._http = httpx.AsyncClient(timeout=None, headers={"User-Agent": "jobctl-tenants"})

    async def initialize(self, service: Service, tenant: dict[str, Any]) -> int:
        """Tell a service of a new tenant.

        It may be told more than once (its answer may get lost): the header ``Idempotency-Key`` is the same each time.

        Returns:
            the status code of its answer, 200 to 299.

        Raises:
            ServiceRefused: a redirection, or a 4xx that will not get better.
            ServiceFailed: anything else: no answer in time, 5xx, 408, 425, 429.
        """
        headers = {"Idempotency-Key": f"tenant-init/{tenant['tenant_id']}"}
        try:
            async with asyncio.timeout(self._call_timeout_s):
                answer = await self._http.post(service.url + INITIALIZE_PATH, json=tenant, headers=headers)
        except TimeoutError:
            raise ServiceFailed(service, f"no answer within {self._call_timeout_s:g} s") from None
        except httpx.HTTPError as error:
            raise ServiceFailed(service, f"{type(error).__name__}: {error}") from error
        if answer.is_success:
            return answer.status_code
        what = f"answered {answer.status_code} {answer.reason_phrase}".rstrip()
        if answer.is_server_error or answer.status_code in TRANSIENT_4XX:
            raise ServiceFailed(service, what, retry_after_s=_retry_after_s(answer))
        raise ServiceRefused(service, f"{what}: {_excerpt(answer)}" if answer.content else what)

    async def check(self, service: Service) -> None:
        """Ask a service whether it is up: any answer below 500 to ``GET /health`` says so.

        Raises:
            ServiceFailed: it is not.
        """
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                answer = await self._http.get(service.url + HEALTH_PATH)
        except TimeoutError:
            raise ServiceFailed(service, f"no answer within {CHECK_TIMEOUT_S:g} s") from None
        except httpx.HTTPError as error:
            raise ServiceFailed(service, f"{type(error).__name__}: {error}") from error
        if answer.is_server_error:
            raise ServiceFailed(service, f"answered {answer.status_code}")

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()


def _retry_after_s(answer: httpx.Response) -> float | None:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else None  # the other form, a date, is rare and left alone


def _excerpt(answer: httpx.Response) -> str:
    text = " ".join(answer.text.split())
    return text if len(text) <= 200 else f"{text[:199]}…"
