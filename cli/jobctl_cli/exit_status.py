"""What the command exits with. The numbers are part of its interface: scripts test them."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """Exit codes, as `jobctl --help` documents them. Errors of the engine carry theirs in `exit_code`."""

    OK = 0
    FAILED = 1
    USAGE = 2
    SPEC_INVALID = 3
    BROKER_UNREACHABLE = 4
    NOT_FOUND = 5
    THRESHOLD_MISSED = 6
    CANCELLED = 7
    TIMED_OUT = 124  # as timeout(1) has it
    INTERRUPTED = 130  # 128 + SIGINT, as shells report it
    BROKEN_PIPE = 141  # 128 + SIGPIPE: the reader of our output has gone
