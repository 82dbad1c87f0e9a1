"""Mappings with known keys: one table of fields reads, checks and documents each of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jobctl.spec.diagnostics import listed, quote
from jobctl.spec.kinds import INVALID, Kind, reject_null, reject_shape, subject
from jobctl.spec.nodes import Mapping, Node, Problems, Scalar, Value

EXTENSION = "x-"  # top-level keys with this prefix hold anchors and notes, and are not read


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One key of a section: how it is read, and all that is said about it anywhere.

    Attributes:
        name: the key in YAML.
        kind: what its value may be.
        description: what it means, one or two sentences.
        example: a value as YAML.
        default: what holds when it is left out, as YAML; "" = nothing.
        required: whether it must be there.
        attribute: its name in the model, if another.
        aliases: other names that mean the same.
        misnomers: names that other tools use for it, for "did you mean".
    """

    name: str
    kind: Kind
    description: str
    example: str
    default: str = ""
    required: bool = False
    attribute: str = ""
    aliases: tuple[str, ...] = ()
    misnomers: tuple[str, ...] = ()


@dataclass(slots=True)
class Reading:
    """What a section said: good values by model attribute, and the nodes of all known keys by name."""

    node: Node
    values: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, Scalar] = field(default_factory=dict)
    nodes: dict[str, Value] = field(default_factory=dict)

    def node_of(self, name: str) -> Node:
        """Return the node of a key's value, or of the section when the key is not there."""
        return self.nodes.get(name, self.node)


@dataclass(eq=False, repr=False)
class Section:
    """A mapping whose keys are known.

    Attributes:
        label: what it is, for documents and messages.
        shorthand: key that a plain value was probably meant for, as in ``backoff: 30s``.
        elsewhere: keys that belong somewhere else -> a hint that says where.
    """

    label: str
    fields: tuple[Field, ...]
    shorthand: str = ""
    has_extensions: bool = False
    elsewhere: tuple[tuple[str, str], ...] = ()

    @property
    def expected(self) -> str:
        """What a message says it must be."""
        return f"a mapping with keys such as {listed([one.name for one in self.fields[:3]])}"

    def read(
        self,
        node: Value,
        path: str,
        problems: Problems,
        *,
        owner: Node | None = None,
        examples: dict[str, str] | None = None,
    ) -> Reading | Any:
        """Return the Reading, or INVALID if the node is no mapping.

        Args:
            owner: the node at which missing keys are reported, usually the key that the mapping stands under.
            examples: better examples than the fields' own for a missing key, by name.
        """
        if isinstance(node, Scalar) and node.is_null:
            needed = next(
                (f"it needs at least `{one.name}: {one.example}`" for one in self.fields if one.required), None
            )
            reject_null(node, path, self.expected, problems, hint=needed)
            return INVALID
        if not isinstance(node, Mapping):
            hint = None
            if self.shorthand and isinstance(node, Scalar):
                hint = f"write `{path.rpartition('.')[2]}: {{{self.shorthand}: {node.text[:40]}}}`"
            reject_shape(node, path, self.expected, problems, hint=hint)
            return INVALID
        reading = Reading(owner or node)
        meant: set[str | None] = set()  # keys that stand there under a wrong name are not missing as well
        known = {name: one for one in self.fields for name in (one.name, *one.aliases)}
        for name, (key, value) in node.pairs.items():
            one = known.get(name)
            if one is None:
                if not (self.has_extensions and name.startswith(EXTENSION)):
                    meant.add(self._report_unknown(key, path, problems))
                continue
            if one.name in reading.keys:
                self._report_twice(one, key, reading.keys[one.name], problems)
                continue
            reading.keys[one.name], reading.nodes[one.name] = key, value
            result = one.kind.read(value, f"{path}.{name}" if path else name, problems)
            if result is not INVALID:
                reading.values[one.attribute or one.name] = result
        for one in self.fields:
            if one.required and one.name not in reading.keys and one.name not in meant:
                example = (examples or {}).get(one.name, one.example)
                problems.report(
                    "missing-key",
                    f"{subject(path)} has no `{one.name}`",
                    reading.node,
                    hint=f"add e.g. `{one.name}: {example}`",
                )
        return reading

    def _report_twice(self, one: Field, key: Scalar, first: Scalar, problems: Problems) -> None:
        text = f"{quote(key.text)} and {quote(first.text)} mean the same"
        problems.report("duplicate-key", text, key, hint=f"keep `{one.name}`", related=[(first, "first here")])

    def _report_unknown(self, key: Scalar, path: str, problems: Problems) -> str | None:
        """Report a key; return the name of the field that was most likely meant."""
        name = key.text
        meant = None
        hint = dict(self.elsewhere).get(name)
        if hint is None:
            meant = next((one.name for one in self.fields if name.lower().replace("-", "_") in one.misnomers), None)
            known = [one.name for one in self.fields]
            everything = f"known keys are {', '.join(f'`{one}`' for one in known)}"
            hint = f"did you mean `{meant}`?" if meant else problems.suggest(name, known, everything)
        where = f"in `{path}`" if path else "at the top level of a spec"
        problems.report("unknown-key", f"unknown key {quote(name)} {where}", key, hint=hint, label="not known here")
        return meant
