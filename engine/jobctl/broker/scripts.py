"""The Lua scripts, by name. State changes only in scripts: each checks state and token, then acts, in one step."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis.asyncio import Redis


@cache
def source(name: str) -> str:
    """Return the text of ``scripts/<name>.lua``."""
    return files("jobctl.broker").joinpath("scripts", f"{name}.lua").read_text("utf-8")


class Script:
    """A script and the client that calls it, in one round trip from the first call on.

    The library's own sends the digest first, is told that the server does not know it, loads it and tries again: on a
    fresh server three round trips, in which others come between.
    """

    def __init__(self, client: Redis, name: str) -> None:
        self._client = client
        self._text = source(name)
        self._digest = hashlib.sha1(self._text.encode()).hexdigest()  # noqa: S324 - Redis's name for it
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
