"""YAML text to nodes, from parser events: nothing is constructed, and nothing a file says can make it large or deep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from jobctl.spec.diagnostics import quote
from jobctl.spec.nodes import Mapping, Node, Problems, Scalar, Sequence, Value
from jobctl.spec.source import SourceFile

MAX_DEPTH = 40  # a spec needs about ten levels; every reader of nodes may recurse this deep
MAX_EXPANDED = 50_000  # nodes that aliases and merges may add to what is written out
MERGE = "<<"
# libyaml is eight times as fast and reads the same; a Python without it still works
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_tree(source: SourceFile, problems: Problems, *, loader: Any = None) -> Value | None:
    """Read one YAML document.

    Returns:
        its root, or None if there is none to be had; then a problem has been reported.
    """
    try:
        return _Builder(source, problems).build(yaml.parse(source.text, Loader=loader or _LOADER))
    except yaml.MarkedYAMLError as error:
        from jobctl.spec.syntax import explain

        fault = explain(source, error)
        place = Node(source, fault.line, fault.column, fault.width)
        problems.report(fault.code, fault.message, place, hint=fault.hint, label=fault.label)
    except yaml.YAMLError as error:  # an error of the byte reader, which knows no place
        problems.report("yaml", f"the file is not YAML: {str(error).splitlines()[0]}", Node(source, 1, 1))
    except _Refused:
        pass
    return None


class _Refused(Exception):
    """The file is refused as a whole; its problem has been reported."""


@dataclass(slots=True)
class _Open:
    """A collection that is being read: for a mapping also the key that waits for its value, and what it merges."""

    node: Mapping | Sequence
    anchor: str | None
    key: Value | None = None
    merged: list[tuple[Node, Value]] = field(default_factory=list)


class _Builder:
    """Turns events into nodes with a stack of its own, so that depth costs no recursion."""

    def __init__(self, source: SourceFile, problems: Problems) -> None:
        self.source = source
        self.problems = problems
        self.stack: list[_Open] = []
        self.anchors: dict[str, Value] = {}
        self.expanded = 0
        self.documents = 0
        self.root: Value | None = None

    def build(self, events: Iterator[Any]) -> Value:
        """Read all events of one document."""
        for event in events:
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self._scalar(event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self._start(event, Mapping if kind is yaml.MappingStartEvent else Sequence)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._end()
            elif kind is yaml.AliasEvent:
                self._attach(self._alias(event))
            elif kind is yaml.DocumentStartEvent:
                self._document(event)
        if self.root is None or (isinstance(self.root, Scalar) and self.root.is_null):
            place = Node(self.source, 1, 1)
            self._refuse("empty-file", "the file is empty", place, hint="a spec starts with `version: 1`")
        return self.root

    def _document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            hint = "put it in a file of its own; all files of a folder form one spec"
            self._refuse("several-documents", "a second YAML document starts here", self._place(event), hint=hint)

    def _scalar(self, event: Any) -> None:
        node = Scalar(*self._extent(event), text=event.value, is_plain=not event.style)
        self._refuse_tag(event, node)
        if event.anchor:
            self.anchors[event.anchor] = node
        self._attach(node)

    def _start(self, event: Any, collection: type[Mapping] | type[Sequence]) -> None:
        node = collection(*self._extent(event))
        self._refuse_tag(event, node)
        if len(self.stack) >= MAX_DEPTH:
            self._refuse("too-deep", f"nested deeper than {MAX_DEPTH} levels", node)
        if event.anchor:
            self.anchors.pop(event.anchor, None)
        self.stack.append(_Open(node, event.anchor))

    def _end(self) -> None:
        opened = self.stack.pop()
        if isinstance(opened.node, Mapping):
            for key, value in opened.merged:
                self._merge(opened.node, key, value)
        if opened.anchor:
            self.anchors[opened.anchor] = opened.node
        self._attach(opened.node)

    def _attach(self, node: Value) -> None:
        """Put a finished node where it belongs: the root, a list's item, a mapping's key or value."""
        if not self.stack:
            self.root = node
            return
        parent = self.stack[-1]
        parent.node.size += node.size
        if isinstance(parent.node, Sequence):
            parent.node.items.append(node)
        elif parent.key is None:
            parent.key = node
        else:
            key, parent.key = parent.key, None
            self._pair(parent, parent.node, key, node)

    def _pair(self, parent: _Open, mapping: Mapping, key: Value, value: Value) -> None:
        if not isinstance(key, Scalar):
            self.problems.report("bad-key", "a key must be a text, not a list or a mapping", key)
        elif key.text == MERGE and key.is_plain:
            parent.merged += [(key, one) for one in (value.items if isinstance(value, Sequence) else [value])]
        elif key.text in mapping.pairs:
            self.problems.report(
                "duplicate-key",
                f"key {quote(key.text)} stands here twice",
                key,
                hint="keep one; YAML would silently take the last",
                label="again",
                related=[(mapping.pairs[key.text][0], "first here")],
            )
        else:
            mapping.pairs[key.text] = (key, value)

    def _merge(self, mapping: Mapping, key: Node, merged: Value) -> None:
        """Apply ``<<``: what the mapping itself says wins, then what was merged first."""
        if not isinstance(merged, Mapping):
            self.problems.report("bad-merge", "`<<` merges mappings only", key, hint="name the anchor of a mapping")
            return
        self._count(len(merged.pairs), key)
        for name, pair in merged.pairs.items():
            if name not in mapping.pairs:
                mapping.pairs[name] = pair
                mapping.size += pair[0].size + pair[1].size

    def _alias(self, event: Any) -> Value:
        place = self._place(event)
        name = event.anchor
        node = self.anchors.get(name)
        if node is None:
            self._refuse_alias(name, place)
        self._count(node.size, place)
        return node

    def _refuse_alias(self, name: str, place: Node) -> NoReturn:
        if any(opened.anchor == name for opened in self.stack):
            self._refuse("endless-alias", f"`*{name}` stands inside `&{name}` and would never end", place)
        hint = self.problems.suggest(name, self.anchors, "quote a text that begins with `*`")
        self._refuse("unknown-alias", f"`*{name}` is used, but no `&{name}` stands above it", place, hint=hint)

    def _count(self, nodes: int, place: Node) -> None:
        self.expanded += nodes
        if self.expanded > MAX_EXPANDED:
            message = f"the aliases up to here expand to more than {MAX_EXPANDED:,} values"
            self._refuse("alias-bomb", message, place, hint="write out what is meant, or use `defaults`")

    def _refuse_tag(self, event: Any, node: Node) -> None:
        if event.tag is not None and event.tag != "!":
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            hint = "remove it; each field knows the type of its value"
            self.problems.report("tag", f"tag {quote(tag)} is not allowed", node, hint=hint)

    def _refuse(self, code: str, message: str, place: Node, *, hint: str | None = None) -> NoReturn:
        self.problems.report(code, message, place, hint=hint)
        raise _Refused

    def _place(self, event: Any) -> Node:
        return Node(*self._extent(event))

    def _extent(self, event: Any) -> tuple[SourceFile, int, int, int]:
        start, end = event.start_mark, event.end_mark
        if start.line == end.line:
            width = end.column - start.column
        else:
            width = len(self.source.line(start.line + 1).rstrip()) - start.column
        return self.source, start.line + 1, start.column + 1, max(width, 1)
