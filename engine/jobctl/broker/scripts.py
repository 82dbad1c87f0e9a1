"""The Lua scripts, by name. State changes only in scripts: each checks state and token, then acts, in one step."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jobctl.broker.server_clock import is_stepped, stepped

if TYPE_CHECKING:
    from redis.asyncio import Redis


@cache
def _text(name: str) -> str:
    return files("jobctl.broker").joinpath("scripts", f"{name}.lua").read_text("utf-8")


@cache
def source(name: str) -> str:
    """Return the text of ``scripts/<name>.lua``; under the test harness, with the stepped clock."""
    return stepped(_text(name)) if is_stepped() else _text(name)


@cache
def digest(name: str) -> str:
    """Return Redis's name for a script: the SHA-1 of its text."""
    return hashlib.sha1(source(name).encode(), usedforsecurity=False).hexdigest()


def forget_sources() -> None:
    """Read scripts anew from now on: the test harness has come or gone."""
    source.cache_clear()
    digest.cache_clear()


class Script:
    """A script and the client that calls it, in one round trip from the first call on.

    The library's own sends the digest first, is told that the server does not know it, loads it and tries again: on a
    fresh server three round trips, in which others come between.
    """

    def __init__(self, client: Redis, name: str) -> None:
        self._client = client
        self._text = source(name)
        self._digest = digest(name)
        self._is_loaded = False

    async def __call__(self, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """Call it.

        Raises:
            redis.exceptions.RedisError: the broker did not take it.
        """
        from redis.exceptions import NoScriptError

        if self._is_loaded:
            try:
                return await self._client.evalsha(self._digest, len(keys), *keys, *args)  # type: ignore[misc]
            except NoScriptError:
                pass  # a restarted or failed-over server
        answer = await self._client.eval(self._text, len(keys), *keys, *args)  # type: ignore[misc]
        self._is_loaded = True
        return answer
