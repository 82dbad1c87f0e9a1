"""How long a failed job waits before its next attempt. Pure."""

from __future__ import annotations

from jobctl.spec.model import Backoff

MAX_DELAY_S = 7 * 86_400.0  # whatever a spec or a foreign record says, a retry comes within a week (SAQ hazard C14)


def retry_delay_s(backoff: Backoff, retry: int, chance: float) -> float:
    """Return the delay before a retry, seconds.

    Args:
        backoff: the declared policy.
        retry: number of the retry, from 1.
        chance: uniform random number, 0 <= chance < 1.

    Example:
        >>> retry_delay_s(Backoff(delay_s=10, factor=2, max_s=60, jitter=0.5), retry=3, chance=0.0)
        20.0
    """
    ceiling = min(backoff.max_s, MAX_DELAY_S)
    # Beyond this many doublings the bound holds anyway, and the power would overflow.
    power = min(retry - 1, 64)
    full_s = min(backoff.delay_s * backoff.factor**power, ceiling)
    return full_s * (1 - backoff.jitter) + full_s * backoff.jitter * chance
