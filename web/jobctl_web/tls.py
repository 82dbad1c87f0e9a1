"""The console's own certificate, for those who put no proxy before it."""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path

from jobctl.errors import UsageError

log = logging.getLogger(__name__)

LOOK_S = 60.0  # between two looks whether the certificate was renewed


class Certificate:
    """A certificate and its key, which may be renewed while the console runs.

    Args:
        cert: a PEM file: the certificate, and those between it and its authority.
        key: a PEM file without a passphrase.

    Raises:
        UsageError: they cannot be read, are none, or do not belong together.
    """

    def __init__(self, cert: str, key: str) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._cert, self._key = cert, key
        self._seen = self._changed_at()
        self._load()

    async def watch(self) -> None:
        """Load it again whenever its files have changed, until cancelled; new connections then get the new one."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()

    def look(self) -> bool:
        """Load it again if its files have changed; return whether that was done. The old one stays if it fails."""
        try:
            found = self._changed_at()
            if found == self._seen:
                return False
            self._load()
        except UsageError as error:
            log.warning("the renewed certificate cannot be used", extra={"error": error.message})
            return False
        self._seen = found
        log.info("certificate loaded anew", extra={"file": self._cert})
        return True

    def _changed_at(self) -> tuple[int, ...]:
        times = []
        for path in (self._cert, self._key):
            try:
                times.append(Path(path).stat().st_mtime_ns)
            except OSError as error:
                raise UsageError(f"`{path}` cannot be read: {error.strerror}", code="web.tls") from None
        return tuple(times)

    def _load(self) -> None:
        try:
            self.context.load_cert_chain(self._cert, self._key, password=lambda: b"")  # nobody is there to be asked
        except ssl.SSLError as error:
            why = error.reason.lower().replace("_", " ") if error.reason else "one is no PEM, or is locked"
            raise UsageError(
                f"`{self._cert}` and `{self._key}` are no certificate and its key: {why}",
                code="web.tls",
                hint="both are PEM files, the key without a passphrase",
            ) from None
        except OSError as error:
            raise UsageError(
                f"`{self._cert}` or `{self._key}` cannot be read: {error.strerror}", code="web.tls"
            ) from None
