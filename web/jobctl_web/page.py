"""A page: where it lives, what it reads, what draws it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from starlette.datastructures import QueryParams

from jobctl_web.console import Console
from jobctl_web.roles import Role


@dataclass(frozen=True, slots=True)
class Ask:
    """What a page was asked for, by whom. Whoever asks the same sees the same.

    Attributes:
        path: the values in its address.
        query: what stands behind the question mark.
    """

    path: Mapping[str, Any]
    query: QueryParams
    role: Role


class Missing(Exception):
    """What a page is about does not exist. Its text says what."""


Load: TypeAlias = Callable[[Console, Ask], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page.

    Attributes:
        path: its address, as Starlette writes routes.
        template: in `templates/`; its blocks whose names begin with ``live_`` are sent again when they change.
        load: reads what the template shows.
        section: which entry of the menu it belongs to.
        role: who may see it.
        every_s: seconds between two looks of the live page; 0 = it is not live.
    """

    path: str
    template: str
    load: Load
    section: str
    role: Role = Role.VIEWER
    every_s: float = 1.0
