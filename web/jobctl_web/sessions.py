"""Sessions: who is behind a cookie. Kept in this process: a restart logs everybody out.

Everybody has one, also where nobody has to log in: the secret against forged requests hangs on it.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

from jobctl.clock import Clock, SystemClock
from jobctl_web.roles import Identity

IDLE_S = 12 * 3600.0  # a working day without a request ends a session
LONGEST_S = 7 * 86_400.0
MOST = 10_000  # sessions; whoever asks for more pages without a cookie pushes out the oldest
ID_BYTES = 32


@dataclass(slots=True)
class Notice:
    """What became of an action, told on the next page.

    Attributes:
        kind: ``done`` or ``refused``.
    """

    kind: str
    text: str
    hint: str = ""


@dataclass(slots=True)
class Session:
    """One browser.

    Attributes:
        csrf: what its forms have to bring; never sent but in pages.
        identity: who logged in; None = nobody yet.
        notices: to be shown once.
    """

    id: str
    csrf: str
    began_s: float
    seen_s: float
    identity: Identity | None = None
    notices: list[Notice] = field(default_factory=list)

    def tell(self, text: str, *, kind: str = "done", hint: str | None = None) -> None:
        """Show a notice on the next page."""
        self.notices.append(Notice(kind, text, hint or ""))

    def take_notices(self) -> list[Notice]:
        """Return the notices and forget them."""
        found, self.notices = self.notices, []
        return found


class Sessions:
    """All sessions of this process, the one used last at the end."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._by_id: OrderedDict[str, Session] = OrderedDict()

    def open(self, identity: Identity | None = None) -> Session:
        """Begin a session. Its id is new: nobody can have planted it before."""
        now = self._clock.time()
        session = Session(
            id=secrets.token_urlsafe(ID_BYTES),
            csrf=secrets.token_urlsafe(ID_BYTES),
            began_s=now,
            seen_s=now,
            identity=identity,
        )
        self._by_id[session.id] = session
        while len(self._by_id) > MOST:
            # Strangers' empty sessions go first: they must not log anybody out.
            oldest = next((one for one in self._by_id.values() if one.identity is None), None)
            del self._by_id[oldest.id if oldest else next(iter(self._by_id))]
        return session

    def find(self, session_id: str) -> Session | None:
        """Return a session that has not ended."""
        session = self._by_id.get(session_id)
        if session is None:
            return None
        if not self.is_open(session):
            self.close(session_id)
            return None
        session.seen_s = self._clock.time()
        self._by_id.move_to_end(session_id)
        return session

    def is_open(self, session: Session) -> bool:
        """Whether a session still stands. Asking does not keep it alive: a page that is left open may ask for ever."""
        now = self._clock.time()
        is_young = now - session.seen_s <= IDLE_S and now - session.began_s <= LONGEST_S
        return is_young and session.id in self._by_id

    def close(self, session_id: str) -> None:
        """End a session."""
        self._by_id.pop(session_id, None)

    def __len__(self) -> int:
        return len(self._by_id)
