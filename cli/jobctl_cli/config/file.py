"""Reading one config file: every key with the line it stands in, wrong ones told of with file and line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobctl.errors import Location, UsageError
from jobctl.names import did_you_mean
from jobctl.settings import Settings
from jobctl_cli.config.keys import CONTEXT, CONTEXTS, KEYS, OF_A_CONTEXT, OF_A_FILE, QUEUES, Key, queue_key
from jobctl_cli.text import listed

CODE = "config.invalid"
_HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(r"\s*([A-Za-z0-9_.\"' -]+?)\s*=")
_LINE = re.compile(r"\(at line (\d+), column (\d+)\)")
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of a config file.

    Attributes:
        name: as people write it, such as ``queues.critical``.
        key: what it stands for.
        text: as an environment variable would hold it; ``${NAME}`` in it not filled in yet.
        location: where it stands.
    """

    name: str
    key: Key
    text: str
    location: Location

    def filled_in(self, variables: Mapping[str, str]) -> str:
        """Return the text with ``${NAME}`` replaced from the environment, and paths made absolute.

        Raises:
            UsageError: a variable is not set, or the value cannot be what the key takes.
        """

        def value_of(reference: re.Match[str]) -> str:
            if reference[1] not in variables:
                raise self.error(f"`{self.name}` needs the variable `{reference[1]}`, which is not set")
            return variables[reference[1]]

        text = _REFERENCE.sub(value_of, self.text)
        if self.key.is_path and text:
            text = str(Path(self.location.file).parent / Path(text).expanduser())
        try:
            Settings.from_env({self.key.variable: text})
        except UsageError as error:
            message = error.message.replace(self.key.variable, f"`{self.name}`", 1)
            raise self.error(message, hint=error.hint) from None
        return text

    def error(self, message: str, hint: str | None = None) -> UsageError:
        """Return an error about this value."""
        return UsageError(message, code=CODE, hint=hint, location=self.location)


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What one file says.

    Attributes:
        path: of the file.
        context: the context to use where nothing else says so, or None; with its place.
        entries: for all contexts.
        contexts: name -> where it begins, and its own entries.
    """

    path: Path
    context: tuple[str, Location] | None
    entries: tuple[Entry, ...]
    contexts: Mapping[str, tuple[Location, tuple[Entry, ...]]]


def read_file(path: Path, table: Sequence[str] = ()) -> ConfigFile | None:
    """Read a config file.

    Args:
        path: of the file.
        table: where in it the configuration stands, such as ``("tool", "jobctl")``.

    Returns:
        what it says; None = it has no such table.

    Raises:
        UsageError: it cannot be read, or something in it is wrong; says where.
    """
    import tomllib

    try:
        text = path.read_text(encoding="utf-8")
        found: Any = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"`{path}` cannot be read: {error}", code=CODE) from None
    except tomllib.TOMLDecodeError as error:
        at = _LINE.search(str(error))
        location = Location(str(path), int(at[1]), int(at[2])) if at else None
        reason = _LINE.sub("", str(error)).strip()
        raise UsageError(f"not TOML: {reason[:1].lower()}{reason[1:]}", code=CODE, location=location) from None
    for name in table:
        found = found.get(name) if isinstance(found, dict) else None
    if found is None:
        return None
    return _Reading(path, text, tuple(table)).read(found)


class _Reading:
    """A file being read."""

    def __init__(self, path: Path, text: str, table: tuple[str, ...]) -> None:
        self._path = path
        self._table = table
        self._places = dict(reversed(list(_places(text))))  # the first place of a key counts

    def read(self, found: Any) -> ConfigFile:
        found = self._table_of(found, ())
        self._check_names(found, OF_A_FILE, ())
        context = found.get(CONTEXT)
        if context is not None and not isinstance(context, str):
            raise self._error("`context` must be the name of a context", (CONTEXT,))
        return ConfigFile(
            path=self._path,
            context=None if context is None else (context, self._location((CONTEXT,))),
            entries=tuple(self._entries(found, ())),
            contexts={
                name: self._context(name, body)
                for name, body in self._table_of(found.get(CONTEXTS, {}), (CONTEXTS,)).items()
            },
        )

    def _context(self, name: str, found: Any) -> tuple[Location, tuple[Entry, ...]]:
        at = (CONTEXTS, name)
        body = self._table_of(found, at)
        self._check_names(body, OF_A_CONTEXT, at)
        return self._location(at), tuple(self._entries(body, at))

    def _entries(self, body: Mapping[str, Any], at: tuple[str, ...]) -> Iterator[Entry]:
        for name, key in KEYS.items():
            if name in body:
                yield self._entry(name, key, body[name], (*at, name))
        for queue, weight in self._table_of(body.get(QUEUES, {}), (*at, QUEUES)).items():
            name, key = queue_key(queue)
            yield self._entry(name, key, weight, (*at, QUEUES, queue))

    def _entry(self, name: str, key: Key, value: Any, at: tuple[str, ...]) -> Entry:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise self._error(f"`{name}` must be a text or a whole number", at)
        return Entry(name, key, str(value), self._location(at))

    def _table_of(self, value: Any, at: tuple[str, ...]) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self._error(f"`{'.'.join(at) or '.'.join(self._table)}` must be a table", at)
        return value

    def _check_names(self, body: Mapping[str, Any], known: Sequence[str], at: tuple[str, ...]) -> None:
        for name in body:
            if name not in known:
                hint = did_you_mean(name, known) or f"known: {listed(known)}"
                raise self._error(f"there is no `{name}`" + (f" in `{'.'.join(at)}`" if at else ""), (*at, name), hint)

    def _location(self, at: tuple[str, ...]) -> Location:
        whole = (*self._table, *at)
        for length in range(len(whole), 0, -1):  # a value of an inline table stands where that does
            if whole[:length] in self._places:
                return Location(str(self._path), self._places[whole[:length]], 1)
        return Location(str(self._path), 1, 1)

    def _error(self, message: str, at: tuple[str, ...], hint: str | None = None) -> UsageError:
        return UsageError(message, code=CODE, hint=hint, location=self._location(at))


def _places(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield each key of a TOML text with its line, as far as keys stand at the beginning of lines."""
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _parts(header[1])
            yield table, number
        elif assignment := _ASSIGNMENT.match(line):
            yield (*table, *_parts(assignment[1])), number


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in name.split("."))
