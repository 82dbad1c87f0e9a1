"""Guessing passwords made slow: failed logins are counted by address and by name."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict, deque

from jobctl.clock import Clock, SystemClock

WINDOW_S = 300.0
BY_ADDRESS = 20  # failures in five minutes; an office may share one address
BY_NAME = 5
MOST = 10_000  # addresses and names remembered
ONE_V6 = 64  # bits of an IPv6 address that are its owner's: the rest he chooses as he likes


class Throttle:
    """Counts the failures of the last five minutes: of an address, and of a name tried from there.

    A name alone is not counted: anybody could lock out its owner.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._failures: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def wait_s(self, address: str, name: str) -> float:
        """Return how long the next try has to wait, seconds; 0 = it need not."""
        owner = owner_of(address)
        return max(self._wait_s(("address", owner), BY_ADDRESS), self._wait_s((owner, name), BY_NAME))

    def failed(self, address: str, name: str) -> None:
        """Count a failure."""
        now = self._clock.time()
        owner = owner_of(address)
        for place in (("address", owner), (owner, name)):
            self._failures.setdefault(place, deque(maxlen=BY_ADDRESS)).append(now)
            self._failures.move_to_end(place)
        while len(self._failures) > MOST:
            self._failures.popitem(last=False)

    def succeeded(self, address: str, name: str) -> None:
        """Forget the failures of a name from an address."""
        self._failures.pop((owner_of(address), name), None)

    def _wait_s(self, place: tuple[str, str], limit: int) -> float:
        times = self._failures.get(place)
        if times is None:
            return 0.0
        now = self._clock.time()
        while times and now - times[0] > WINDOW_S:
            times.popleft()
        return times[-limit] + WINDOW_S - now if len(times) >= limit else 0.0


def owner_of(address: str) -> str:
    """Return what all addresses of one owner have in common: of IPv6 the network, of IPv4 the whole.

    Example:
        >>> owner_of("2001:db8::1:7"), owner_of("192.0.2.7"), owner_of("::ffff:192.0.2.7")
        ('2001:db8::/64', '192.0.2.7', '192.0.2.7')
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed.packed, ONE_V6), strict=False))
