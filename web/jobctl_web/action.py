"""An action: where its form is sent, who may do it, what it does. The effect is the inspector's, which notes it too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from jobctl_web.login import local_path
from jobctl_web.roles import Identity, Role

if TYPE_CHECKING:
    from jobctl_web.access import Visit
    from jobctl_web.app import Web

Given: TypeAlias = Mapping[str, Sequence[str]]
"""A form as it was sent: field -> its values."""


@dataclass(frozen=True, slots=True)
class Order:
    """One form that was sent, by somebody who may send it."""

    web: Web
    request: Request
    identity: Identity
    given: Given

    def one(self, name: str) -> str:
        """Return the value of a field; "" where it was not sent."""
        values = self.given.get(name, ())
        return values[0].strip() if values else ""

    @property
    def is_confirmed(self) -> bool:
        """Whether it has been asked and answered that this is meant."""
        return self.one("confirm") == "yes"

    def done(self, text: str, *, onward: str | None = None) -> Response:
        """Tell what was done, and lead on."""
        visit: Visit = self.request.state.visit
        visit.session.tell(text)
        return self.go(onward)

    def refused(self, text: str, hint: str | None = None) -> Response:
        """Tell why nothing was done, and lead back."""
        visit: Visit = self.request.state.visit
        visit.session.tell(text, kind="refused", hint=hint)
        return self.go(None)

    def go(self, onward: str | None) -> Response:
        """Lead on, or back to where the form stood."""
        return RedirectResponse(onward or local_path(self.one("back")), 303)


@dataclass(frozen=True, slots=True)
class Action:
    """One action.

    Attributes:
        path: as Starlette writes routes; always POST.
        role: who may do it.
    """

    path: str
    role: Role
    act: Callable[[Order], Awaitable[Response]]
