"""The broker's clock: the server's own, or, under the test harness, one that stands still in the broker and is stepped.

Scripts take their time from the server (`TIME`), so that no worker's clock matters. A test cannot turn that clock. With
`VARIABLE` set, scripts are loaded with a clock of their own instead: the time stored under `keys.CLOCK`, which only the
harness moves; where none is stored, the server's. Nothing of it reaches a script otherwise (decision 0009).
"""

from __future__ import annotations

import os
import re
from functools import cache
from typing import Any

from jobctl.broker.keys import CLOCK

VARIABLE = "JOBCTL_TESTING"

_TIME = re.compile(r"\b(?:redis\.)?call\('TIME'\)")
_EXPIRES_AT = re.compile(r"'PXAT', ([^()\n]+)\)")
_EXPIRY_OF = re.compile(r"\b(?:redis\.)?call\('PEXPIRETIME', (\w+)\)")
_STEPPED = (
    f"(function() local at = redis.call('GET', '{CLOCK}'); if not at then return redis.call('TIME') end; "
    "return {math.floor(at / 1000000), at % 1000000} end)()"
)
# how far the server's clock, by which it forgets keys, is ahead of the stepped one, ms
_AHEAD = (
    f"(function() local at = redis.call('GET', '{CLOCK}'); if not at then return 0 end; "
    "local time = redis.call('TIME'); return time[1] * 1000 + math.floor(time[2] / 1000) - math.floor(at / 1000) end)()"
)
_ASK = f"local time = {_STEPPED}; return {{tonumber(time[1]), tonumber(time[2])}}"


def is_stepped() -> bool:
    """Whether this process runs under the test harness."""
    return bool(os.environ.get(VARIABLE))


@cache
def stepped(text: str) -> str:
    """Return a script that takes its time from the stepped clock, and says in the server's time when keys expire."""
    text = _TIME.sub(lambda _: _STEPPED, text)
    text = _EXPIRES_AT.sub(rf"'PXAT', string.format('%.0f', \1 + {_AHEAD}))", text)
    return _EXPIRY_OF.sub(
        rf"(function(at) if at < 0 then return at end; return at - {_AHEAD} end)(redis.call('PEXPIRETIME', \1))", text
    )


def ask_time(client: Any) -> Any:
    """Ask for the broker's time, as the client's own ``time`` does: ``(seconds, microseconds)``.

    Args:
        client: a Redis client of either kind (the answer of an asyncio one is to be awaited), or a pipeline.
    """
    return client.eval(_ASK, 0) if is_stepped() else client.time()
