"""Dying with one's parent: a child must not go on when nobody waits for it any more."""

from __future__ import annotations

import os
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent(parent: int, signal: int) -> bool:
    """Ask the kernel to signal this process when its parent ends, however it ends, and whatever it is doing itself.

    Linux only; elsewhere the caller has to notice it by the end of a pipe or socket. The signal may come several
    times, once for each thread of the parent, and comes as soon as the thread ends that started this process.

    Args:
        parent: process id of the parent.
        signal: number of the signal to get.

    Returns:
        whether the kernel will do it.

    Raises:
        SystemExit: the parent has ended already.
    """
    if sys.platform != "linux":
        return False
    import ctypes

    is_set: bool = ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) == 0
    if os.getppid() != parent:  # it ended before the call, and nobody will tell us
        raise SystemExit(1)
    return is_set
