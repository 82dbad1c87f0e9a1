"""What tests ask of processes."""

from __future__ import annotations

import psutil


def is_alive(pid: int) -> bool:
    """Whether there is such a process; a zombie, which its parent has not waited for yet, does nothing any more."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
