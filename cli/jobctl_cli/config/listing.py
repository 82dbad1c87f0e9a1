"""Settings and contexts as `jobctl config` lists them, without passwords."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jobctl.settings import redact_url
from jobctl_cli.config.configuration import Configuration
from jobctl_cli.config.keys import KEYS, QUEUES, queue_key


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


def values(config: Configuration) -> Iterator[Value]:
    """Yield all settings: those of the table of keys, then the weights of queues that are set anywhere."""
    queues = [name for entry in config.entries if (name := entry.name).startswith(f"{QUEUES}.")]
    named = [*KEYS.items(), *(queue_key(name.removeprefix(f"{QUEUES}.")) for name in queues)]
    merged = config.variables
    for name, key in named:
        if (origin := config.origin_of(key.variable)) is not None:
            yield Value(name, key.variable, merged[key.variable], origin, key.default)
        elif variable := config.told_by_environment(key):
            yield Value(name, key.variable, merged[variable], variable, key.default)
        else:
            yield Value(name, key.variable, None, "default", key.default)


def contexts(config: Configuration) -> list[Context]:
    """Return the contexts of the file, in its order."""
    found = []
    for name, (location, entries) in (config.file.contexts if config.file else {}).items():
        url = next((entry for entry in entries if entry.name == "redis_url"), None)
        found.append(
            Context(
                name=name,
                broker=None if url is None else redact_url(url.text),
                is_current=name == config.context,
                location=f"{location.file}:{location.line}",
            )
        )
    return found
