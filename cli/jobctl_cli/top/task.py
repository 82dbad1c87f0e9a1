"""What an operator asked for, to be confirmed and then done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobctl.inspector import Inspector


@dataclass(frozen=True, slots=True)
class Task:
    """Something to do at the broker.

    Attributes:
        question: what is asked before.
        do: does it and returns what to say afterwards.
    """

    question: str
    do: Callable[[Inspector], Awaitable[str]]
