"""What surrounds one run of the program. Tests make their own and run the whole program in-process."""

from __future__ import annotations

import io
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from jobctl.clock import Clock, SystemClock
from jobctl.errors import JobctlError
from jobctl_cli.palette import Palette

if TYPE_CHECKING:
    from jobctl.settings import Settings
    from jobctl_cli.config.configuration import Configuration
    from jobctl_cli.progress import Progress

PIPE_COLUMNS = 80
PIPE_LINES = 24
ERROR = re.compile(r"(?:\x1b\[[\d;]*m)*error\[")
"""How every error of ours begins, with colours or without."""


class ReaderGone(Exception):
    """Who read our output has gone. An OSError, as Python has it, would be taken for one of the broker's connection."""


class OutputFailed(JobctlError):
    """What is to be written to stdout cannot be: a full disk, most likely. Not the broker's fault either."""

    code = "output.failed"


@dataclass(kw_only=True)
class Environment:
    """Streams, variables and clock of one run.

    Attributes:
        variables: environment variables.
        arguments: the arguments of the program, for starting it again.
        is_debug: show tracebacks.
        is_quiet: of what is not data, show errors only.
        began_at: when it began, by the monotonic clock.
        progress: the work under way, for who interrupts it.
        context: the context of the config file that `--context` names, or None.
    """

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    variables: Mapping[str, str]
    arguments: tuple[str, ...] = ()
    clock: Clock = field(default_factory=SystemClock)
    is_debug: bool = False
    is_quiet: bool = False
    context: str | None = None
    began_at: float = field(default_factory=time.monotonic)
    progress: Progress | None = None

    @classmethod
    def of_process(cls) -> Environment:
        """Return the environment of this process."""
        return cls(
            stdin=_stream(sys.stdin, "r"),
            stdout=_stream(sys.stdout, "w"),
            stderr=_stream(sys.stderr, "w"),
            variables=os.environ,
        )

    @cached_property
    def config(self) -> Configuration:
        """What config file, context and variables say.

        Raises:
            UsageError: the file is wrong, or there is no such context.
        """
        from jobctl_cli.config.configuration import Configuration

        return Configuration(self.variables, self.context)

    @cached_property
    def settings(self) -> Settings:
        """What they configure.

        Raises:
            UsageError: one of them holds something it cannot mean.
        """
        from jobctl.settings import Settings

        return Settings.from_env(self.config.variables)

    @cached_property
    def out(self) -> Palette:
        """The colours of stdout."""
        return Palette(self._has_colours(self.stdout))

    @cached_property
    def err(self) -> Palette:
        """The colours of stderr."""
        return Palette(self._has_colours(self.stderr))

    @property
    def is_screen(self) -> bool:
        """Whether a person looks at stdout."""
        return self.stdout.isatty()

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines of the terminal, or of an imagined one where there is none."""
        columns, lines = self._told("COLUMNS"), self._told("LINES")
        if columns and lines:
            return columns, lines
        for stream in (self.stdout, self.stderr):
            if stream.isatty():
                try:
                    found = os.get_terminal_size(stream.fileno())
                except (OSError, ValueError):
                    continue
                return columns or found.columns or PIPE_COLUMNS, lines or found.lines or PIPE_LINES
        return columns or PIPE_COLUMNS, lines or PIPE_LINES

    def print(self, text: str = "") -> None:
        """Write a line of data to stdout.

        Raises:
            ReaderGone: nobody reads it any more.
            OutputFailed: it cannot be written.
        """
        with _reader_missed():
            self.stdout.write(text + "\n")

    def flush(self) -> None:
        """Hand over what has been written.

        Raises:
            ReaderGone: nobody reads it any more.
            OutputFailed: it cannot be written.
        """
        with _reader_missed():
            self.stdout.flush()

    def note(self, text: str) -> None:
        """Write a line to stderr: everything that is not data. With `--quiet` errors only."""
        if self.is_quiet and not ERROR.match(text):
            return
        with suppress(ReaderGone, OutputFailed):
            self.flush()  # keeps the order where both are one terminal
        self.stderr.write(text + "\n")
        self.stderr.flush()

    def _told(self, name: str) -> int:
        text = self.variables.get(name, "")
        return int(text) if text.isascii() and text.isdigit() else 0

    def _has_colours(self, stream: TextIO) -> bool:
        # https://no-color.org and https://force-color.org: set and not empty
        if self.variables.get("NO_COLOR"):
            return False
        if self.variables.get("FORCE_COLOR"):
            return True
        return stream.isatty() and self.variables.get("TERM") != "dumb"


@contextmanager
def _reader_missed() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderGone from error
    except OSError as error:
        raise OutputFailed(f"the output cannot be written: {error.strerror or error}") from error


def _stream(stream: TextIO | None, mode: str) -> TextIO:
    """Return a stream of the process that can be used, whatever the shell made of it."""
    if stream is None:  # closed by `>&-`
        return Path(os.devnull).open(mode, encoding="utf-8")  # type: ignore[return-value]
    if mode == "w" and isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # a terminal that knows no `…` is no reason to fail
    return stream
