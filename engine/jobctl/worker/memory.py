"""How much memory a process uses."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path


def rss_bytes(pid: int | None = None) -> int:
    """Return the resident memory of a process, by default this one, in bytes.

    Where there is no `/proc`, only this process can be asked, and the answer is the most it has ever used.

    Raises:
        ProcessLookupError: there is no such process, or it cannot be asked.
    """
    try:
        pages = int(Path(f"/proc/{pid or 'self'}/statm").read_text().split()[1])
    except FileNotFoundError:
        if pid is not None and pid != os.getpid():
            raise ProcessLookupError(f"no process {pid} to ask for its memory") from None
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")
