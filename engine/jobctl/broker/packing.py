"""Packing commands in C.

redis-py packs commands of its blocking client with hiredis, those of its asyncio client in Python: a third of a
worker's time, measured. This gives the asyncio connections the same packer.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import hiredis
from redis.exceptions import DataError


class _PacksInC:
    def pack_command(self, *args: Any) -> list[bytes]:
        """Pack a command into the Redis protocol."""
        name = args[0]
        if " " in name if isinstance(name, str) else b" " in name:
            # the client library writes some commands as one word, such as `SCRIPT LOAD`
            args = (*name.split(), *args[1:])
        try:
            return [hiredis.pack_command(args)]
        except TypeError as error:
            raise DataError(f"a command takes bytes, text and numbers only: {error}") from error


@cache
def packing_in_c(connection_class: type[Any]) -> type[Any]:
    """Return a subclass of an asyncio connection class that packs its commands in C."""
    return type(f"C{connection_class.__name__}", (_PacksInC, connection_class), {})
