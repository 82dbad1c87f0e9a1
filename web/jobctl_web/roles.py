"""Who somebody is to the console, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """What somebody may do; each role may do what stands before it."""

    VIEWER = 1
    """Look: jobs, queues, workers, schedules, the audit log."""
    OPERATOR = 2
    """Do what can be done again or undone: enqueue, replay, cancel, pause, resume, run a schedule."""
    ADMIN = 3
    """Also what cannot: delete jobs, purge queues, stop workers."""

    @property
    def word(self) -> str:
        """Its name as people write it."""
        return self.name.lower()


def read_role(text: str) -> Role:
    """Read a role's name.

    Raises:
        ValueError: there is no such role.
    """
    for role in Role:
        if role.word == text.strip().lower():
            return role
    raise ValueError(f"`{text}` is no role; use `viewer`, `operator` or `admin`")


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who uses the console.

    Attributes:
        name: as the audit log calls them.
        role: what they may do.
        how: ``password``, ``token``, ``proxy``, or ``local`` where the console asks for no login.
    """

    name: str
    role: Role
    how: str

    def may(self, role: Role) -> bool:
        """Whether they may do what a role may."""
        return self.role >= role
