"""Passwords as they are kept: salted and hashed with scrypt, never as they were typed. Pure.

A hash reads ``scrypt$16384$8$1$<salt>$<digest>``: its cost stands in it, so that the cost may grow later. Salt and
digest are base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from functools import cache

# OWASP's password storage cheat sheet: N = 2^14, r = 8, p = 5 where a login may not take much memory (16 MiB).
COST_N, COST_R, COST_P = 2**14, 8, 5
LARGEST_MEMORY = 64 * 2**20  # bytes; a hash that asks for more was not made by us
SALT_BYTES = 16
DIGEST_BYTES = 32
SHORTEST = 8  # characters, NIST SP 800-63B


def hash_password(password: str) -> str:
    """Return the hash to put into the configuration. Takes about a tenth of a second, on purpose.

    Raises:
        ValueError: the password is shorter than 8 characters.
    """
    if len(password) < SHORTEST:
        raise ValueError(f"a password needs {SHORTEST} characters or more")
    salt = secrets.token_bytes(SALT_BYTES)
    digest = _scrypt(password, salt, COST_N, COST_R, COST_P)
    return "$".join(["scrypt", str(COST_N), str(COST_R), str(COST_P), _text(salt), _text(digest)])


def check_password(password: str, stored: str | None) -> bool:
    """Whether a password is the one that was hashed. Takes as long for a user who does not exist (`None`)."""
    try:
        n, r, p, salt, digest = read_hash(stored or nobody())
        found = _scrypt(password, salt, n, r, p)
    except ValueError:
        return False
    return hmac.compare_digest(found, digest) and stored is not None


def read_hash(stored: str) -> tuple[int, int, int, bytes, bytes]:
    """Return ``(N, r, p, salt, digest)`` of a hash.

    Raises:
        ValueError: it is none of ours.
    """
    try:
        name, n, r, p, salt, digest = stored.split("$")
        parts = int(n), int(r), int(p), base64.b64decode(salt, validate=True), base64.b64decode(digest, validate=True)
    except (ValueError, binascii.Error):
        raise ValueError("not a password hash; `jobctl web hash-password` makes one") from None
    if name != "scrypt" or not all(parts) or parts[0] * parts[1] * 128 > LARGEST_MEMORY:
        raise ValueError("not a password hash; `jobctl web hash-password` makes one")
    return parts


@cache
def nobody() -> str:
    """Return a hash that no password has, to be compared with where there is no user."""
    return hash_password(secrets.token_urlsafe(SALT_BYTES))


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=LARGEST_MEMORY * 2, dklen=DIGEST_BYTES)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
