"""The settings of one run: what file, context and environment say together. Small, for every command begins with it."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jobctl.errors import UsageError

if TYPE_CHECKING:
    from jobctl_cli.config.file import ConfigFile, Entry
    from jobctl_cli.config.keys import Key

CONFIG_VARIABLE: Final = "JOBCTL_CONFIG"
CONTEXT_VARIABLE: Final = "JOBCTL_CONTEXT"
FILE: Final = "jobctl.toml"
PROJECT_FILE: Final = "pyproject.toml"
PROJECT_TABLE: Final = ("tool", "jobctl")
PROJECT_MARK: Final = b"[tool.jobctl"  # spares reading TOML where nothing of ours is in it


class Configuration:
    """What file, context and environment say together.

    Args:
        variables: environment variables.
        asked: the context that `--context` names. What it says goes before the environment: it was named by hand.
        folder: where the search for a file begins.

    Raises:
        UsageError: the file is wrong, or there is no such context.
    """

    def __init__(self, variables: Mapping[str, str], asked: str | None = None, folder: Path | None = None) -> None:
        self._environment = variables
        self.file = find_file(variables, folder or Path())
        self.context, self._context_origin = self._choose(asked)
        base = self.file.entries if self.file else ()
        own = self.file.contexts[self.context][1] if self.file and self.context else ()
        self._entries: dict[str, tuple[Entry, bool]] = {}
        for entry, is_first in [*((one, False) for one in base), *((one, asked is not None) for one in own)]:
            self._entries[entry.key.variable] = (entry, is_first)

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment, with what the file says where the environment does not.

        Raises:
            UsageError: a value of the file is wrong; says where.
        """
        below: dict[str, str] = {}
        above: dict[str, str] = {}
        for variable, (entry, is_first) in self._entries.items():
            if is_first:
                above |= {variable: entry.filled_in(self._environment), **dict.fromkeys(entry.key.aliases, "")}
            elif not self._is_set(entry.key):
                below[variable] = entry.filled_in(self._environment)
        return ChainMap(above, dict(self._environment), below) if above or below else self._environment

    def origin_of(self, variable: str) -> str | None:
        """Return ``file:line`` where a value of the file is in force for a variable, or None."""
        found = self._entries.get(variable)
        if found is None or not (found[1] or not self._is_set(found[0].key)):
            return None
        return f"{found[0].location.file}:{found[0].location.line}"

    @property
    def entries(self) -> list[Entry]:
        """What the file says for the context in force; what the environment says instead is not looked at."""
        return [entry for entry, _ in self._entries.values()]

    @property
    def context_origin(self) -> str:
        """Where the name of the context came from; "" = there is none."""
        return self._context_origin

    def _choose(self, asked: str | None) -> tuple[str | None, str]:
        """Return the context and where its name came from."""
        known = self.file.contexts if self.file else {}
        told = self._environment.get(CONTEXT_VARIABLE)
        named = self.file.context if self.file else None
        name, origin = (
            (asked, "--context")
            if asked is not None
            else (told, CONTEXT_VARIABLE)
            if told
            else (named[0], f"{named[1].file}:{named[1].line}")
            if named
            else (None, "")
        )
        if name is None or name in known:
            return name, origin
        from jobctl.names import did_you_mean

        where = f"`{self.file.path}` has" if self.file else "without a config file there is"
        hint = did_you_mean(name, known) or (
            f"contexts: {', '.join(known)}" if known else f"`[contexts.{name}]` in `{FILE}` makes one"
        )
        location = named[1] if named and name == named[0] and origin not in ("--context", CONTEXT_VARIABLE) else None
        raise UsageError(f"{where} no context `{name}`", code="config.context", hint=hint, location=location)

    def told_by_environment(self, key: Key) -> str | None:
        """Return the variable of the environment that says what a key does, or None."""
        return next((name for name in (key.variable, *key.aliases) if self._environment.get(name)), None)

    def _is_set(self, key: Key) -> bool:
        return self.told_by_environment(key) is not None


def find_file(variables: Mapping[str, str], folder: Path) -> ConfigFile | None:
    """Return the config file: the one that `JOBCTL_CONFIG` names, or the nearest from a folder upwards.

    Raises:
        UsageError: it cannot be read, or is wrong.
    """
    if told := variables.get(CONFIG_VARIABLE):
        path = Path(told)
        table = PROJECT_TABLE if path.name == PROJECT_FILE else ()
        found = _read(path, table)
        if found is None:
            raise UsageError(f"`{path}` has no `[tool.jobctl]`", code="config.invalid")
        return found
    for place in (folder.absolute(), *folder.absolute().parents):
        if (path := place / FILE).is_file():
            return _read(_near(path))
        path = place / PROJECT_FILE
        has_table = path.is_file() and PROJECT_MARK in path.read_bytes()
        if has_table and (found := _read(_near(path), PROJECT_TABLE)) is not None:
            return found
    return None


def _read(path: Path, table: tuple[str, ...] = ()) -> ConfigFile | None:
    from jobctl_cli.config.file import read_file  # most folders have no config file, and need none of this

    return read_file(path, table)


def _near(path: Path) -> Path:
    """Return the path as one would write it from here, if it is below."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
