"""The settings of one run, each with where it came from: flags, environment, context, file, default."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jobctl.errors import UsageError
from jobctl.names import did_you_mean
from jobctl.settings import redact_url
from jobctl_cli.config.file import ConfigFile, Entry, read_file
from jobctl_cli.config.keys import KEYS, Key, queue_key

CONFIG_VARIABLE: Final = "JOBCTL_CONFIG"
CONTEXT_VARIABLE: Final = "JOBCTL_CONTEXT"
FILE: Final = "jobctl.toml"
PROJECT_FILE: Final = "pyproject.toml"
PROJECT_TABLE: Final = ("tool", "jobctl")
PROJECT_MARK: Final = b"[tool.jobctl"  # spares reading TOML where nothing of ours is in it


@dataclass(frozen=True, slots=True)
class Value:
    """One setting in force.

    Attributes:
        name: as a config file calls it.
        variable: the environment variable that says the same.
        text: as that variable would hold it; None = not set, the default holds.
        origin: ``file:line``, the variable's name, or ``default``.
    """

    name: str
    variable: str
    text: str | None
    origin: str
    default: str = ""

    @property
    def shown(self) -> str:
        """The value as it may be shown: without a password."""
        if not self.text:
            return self.default
        return redact_url(self.text) if self.name == "redis_url" else self.text


@dataclass(frozen=True, slots=True)
class Context:
    """A context of the file.

    Attributes:
        broker: its broker as it may be shown, or None where it names none.
        is_current: it is in force.
    """

    name: str
    broker: str | None
    is_current: bool
    location: str


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

    def values(self) -> Iterator[Value]:
        """Yield all settings: those of the table of keys, then the weights of queues that are set anywhere."""
        queues = [name for entry, _ in self._entries.values() if (name := entry.name).startswith("queues.")]
        named = [*KEYS.items(), *(queue_key(name.removeprefix("queues.")) for name in queues)]
        merged = self.variables
        for name, key in named:
            if (origin := self.origin_of(key.variable)) is not None:
                yield Value(name, key.variable, merged[key.variable], origin, key.default)
            elif variable := next((one for one in (key.variable, *key.aliases) if self._environment.get(one)), None):
                yield Value(name, key.variable, self._environment[variable], variable, key.default)
            else:
                yield Value(name, key.variable, None, "default", key.default)

    def contexts(self) -> list[Context]:
        """Return the contexts of the file, in its order."""
        found = []
        for name, (location, entries) in (self.file.contexts if self.file else {}).items():
            url = next((entry for entry in entries if entry.name == "redis_url"), None)
            found.append(
                Context(
                    name=name,
                    broker=None if url is None else redact_url(url.text),
                    is_current=name == self.context,
                    location=f"{location.file}:{location.line}",
                )
            )
        return found

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
        where = f"`{self.file.path}` has" if self.file else "without a config file there is"
        hint = did_you_mean(name, known) or (
            f"contexts: {', '.join(known)}" if known else f"`[contexts.{name}]` in `{FILE}` makes one"
        )
        location = named[1] if named and name == named[0] and origin not in ("--context", CONTEXT_VARIABLE) else None
        raise UsageError(f"{where} no context `{name}`", code="config.context", hint=hint, location=location)

    def _is_set(self, key: Key) -> bool:
        return any(self._environment.get(name) for name in (key.variable, *key.aliases))


def find_file(variables: Mapping[str, str], folder: Path) -> ConfigFile | None:
    """Return the config file: the one that `JOBCTL_CONFIG` names, or the nearest from a folder upwards.

    Raises:
        UsageError: it cannot be read, or is wrong.
    """
    if told := variables.get(CONFIG_VARIABLE):
        path = Path(told)
        table = PROJECT_TABLE if path.name == PROJECT_FILE else ()
        found = read_file(path, table)
        if found is None:
            raise UsageError(f"`{path}` has no `[tool.jobctl]`", code="config.invalid")
        return found
    for place in (folder.absolute(), *folder.absolute().parents):
        if (path := place / FILE).is_file():
            return read_file(_near(path))
        path = place / PROJECT_FILE
        has_table = path.is_file() and PROJECT_MARK in path.read_bytes()
        if has_table and (found := read_file(_near(path), PROJECT_TABLE)) is not None:
            return found
    return None


def _near(path: Path) -> Path:
    """Return the path as one would write it from here, if it is below."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
