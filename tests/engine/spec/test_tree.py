"""YAML to nodes: what is refused, and that both parsers of PyYAML lead to the same tree."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobctl.spec.nodes import Mapping, Problems, Scalar, Sequence, Value
from jobctl.spec.source import SourceFile
from jobctl.spec.tree import MAX_EXPANDED, parse_tree

PARSERS = [pytest.param(yaml.SafeLoader, id="python")]
if hasattr(yaml, "CSafeLoader"):
    PARSERS.append(pytest.param(yaml.CSafeLoader, id="libyaml"))
ROOT = Path(__file__).parents[3]
BROKEN = sorted((Path(__file__).parent / "broken").glob("*.yaml"))
# libyaml alone refuses `{queue:}`, in which YAML 1.2 sees a key without a value
SPECS = [*sorted((ROOT / "jobspecs").glob("*.yaml")), *(path for path in BROKEN if path.stem != "colon-in-braces")]


def parse(text: str, loader: Any = None) -> tuple[Value | None, Problems]:
    problems = Problems()
    return parse_tree(SourceFile("a.yaml", text), problems, loader=loader), problems


def codes(text: str, loader: Any = None) -> list[str]:
    return [problem.code for problem in parse(text, loader)[1].found]


def plain(node: Value | None) -> Any:
    """Return a tree as plain data with places."""
    if isinstance(node, Mapping):
        return {key: (pair[0].line, pair[0].column, plain(pair[1])) for key, pair in node.pairs.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    assert isinstance(node, Scalar)
    return (node.text, node.is_plain, node.line, node.column)


@pytest.mark.parametrize("loader", PARSERS)
def test_scalars_stay_text_with_their_place(loader: Any) -> None:
    root, _ = parse("a: no\n'b': \"1:30\"\nc:\n- 012\n", loader)

    assert plain(root) == {
        "a": (1, 1, ("no", True, 1, 4)),
        "b": (2, 1, ("1:30", False, 2, 6)),
        "c": (3, 1, [("012", True, 4, 3)]),
    }


@pytest.mark.skipif(len(PARSERS) < 2, reason="PyYAML has no libyaml here")
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_both_parsers_agree(path: Path) -> None:
    text = path.read_bytes().decode("utf-8", errors="ignore").replace("\0", "").replace("\a", "")

    (tree, problems), (tree_c, problems_c) = (parse(text, loader) for loader in (yaml.SafeLoader, yaml.CSafeLoader))

    assert [(one.code, one.location, one.message) for one in problems.found] == [
        (one.code, one.location, one.message) for one in problems_c.found
    ]
    assert tree is tree_c is None or plain(tree) == plain(tree_c)


@pytest.mark.parametrize("loader", PARSERS)
def test_merged_keys_give_way_to_own_ones_and_earlier_merges(loader: Any) -> None:
    root, problems = parse("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 3}\n", loader)

    assert problems.found == []
    assert isinstance(root, Mapping)
    merged = root.pairs["c"][1]
    assert isinstance(merged, Mapping)
    assert {key: pair[1].text for key, pair in merged.pairs.items()} == {"x": "3", "y": "1", "z": "2"}  # type: ignore[union-attr]


def test_quoted_merge_key_is_a_key() -> None:
    root, problems = parse("a: &a {x: 1}\nb: {'<<': *a}\n")

    assert problems.found == []
    assert isinstance(root, Mapping)
    assert list(root.pairs["b"][1].pairs) == ["<<"]  # type: ignore[union-attr]


def test_anchor_may_be_used_again() -> None:
    root, problems = parse("a: &x 1\nb: *x\nc: &x 2\nd: *x\n")

    assert problems.found == []
    assert isinstance(root, Mapping)
    assert [pair[1].text for pair in root.pairs.values()] == ["1", "1", "2", "2"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: &a [*a]", "spec.endless-alias"),
        ("a: &a {b: {c: *a}}", "spec.endless-alias"),
        ("a: &a {<<: *a}", "spec.endless-alias"),
        ("a: *b", "spec.unknown-alias"),
        ("a: {<<: 5}", "spec.bad-merge"),
        ("a: {<<: [{b: 1}, 5]}", "spec.bad-merge"),
        ("a: !!python/name:os.system x", "spec.tag"),
        ("a: !!str x", "spec.tag"),
        ("{a: 1}: b", "spec.bad-key"),
        ("a: 1\na: 2", "spec.duplicate-key"),
        ("a: 1\n'a': 2", "spec.duplicate-key"),
        ("a: 1\n---\nb: 1", "spec.several-documents"),
        ("a: 1\n---\n", "spec.several-documents"),
        ("", "spec.empty-file"),
        ("---\n...\n", "spec.empty-file"),
        ("~", "spec.empty-file"),
        ("# nothing", "spec.empty-file"),
        ("[" * 41 + "]" * 41, "spec.too-deep"),
        ("- " * 41 + "a", "spec.too-deep"),
        ("a: \x00", "spec.yaml"),
    ],
)
@pytest.mark.parametrize("loader", PARSERS)
def test_what_is_refused(text: str, code: str, loader: Any) -> None:
    assert codes(text, loader) == [code]


def test_document_start_and_directive_are_fine() -> None:
    root, problems = parse("%YAML 1.1\n---\na: 1\n...\n")

    assert problems.found == []
    assert isinstance(root, Mapping)


def bombs() -> list[Any]:
    lists = ["x0: &x0 [1,1,1,1,1,1,1,1,1,1]"]
    maps = ["x0: &x0 {a0: 1, b0: 1}"]
    for level in range(1, 12):
        refs = ",".join([f"*x{level - 1}"] * 10)
        lists.append(f"x{level}: &x{level} [{refs}]")
        maps.append(f"x{level}: &x{level} {{<<: [{refs}], a{level}: *x{level - 1}, b{level}: *x{level - 1}}}")
    many = "a: &a {" + ", ".join(f"k{i}: 1" for i in range(2000)) + "}\n"
    return [
        pytest.param("\n".join(lists), id="lists"),
        pytest.param("\n".join(maps), id="merges"),
        pytest.param(many + "b: {<<: [" + ", ".join(["*a"] * 2000) + "]}\n", id="wide-merge"),
        pytest.param(many + "b: [" + ", ".join(["*a"] * 2000) + "]\n", id="wide-list"),
    ]


@pytest.mark.parametrize("text", bombs())
def test_alias_bomb_is_refused_at_once(text: str) -> None:
    started = time.process_time()

    assert codes(text) == ["spec.alias-bomb"]

    assert time.process_time() - started < 5


def test_aliases_below_the_bound_are_fine() -> None:
    text = "a: &a [1, 2, 3]\nb: [" + ", ".join(["*a"] * (MAX_EXPANDED // 4)) + "]\n"

    assert codes(text) == []


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "[{"])
def test_a_mebibyte_of_nesting_ends_at_once(opening: str) -> None:
    text = opening * (2**20 // len(opening))
    started = time.process_time()

    assert codes(text)

    assert time.process_time() - started < 5
