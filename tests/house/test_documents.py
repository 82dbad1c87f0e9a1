"""The documents stay true: what they name exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md"]
PAGES += [
    page.relative_to(ROOT).as_posix()
    for folder in ("docs", "examples", "deploy")
    for page in (ROOT / folder).rglob("*.md")
]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def declared_dependencies() -> set[str]:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    return {re.match(r"[A-Za-z0-9._-]+", requirement)[0] for group in groups for requirement in group}


def explained_dependencies() -> set[str]:
    section = read("ARCHITECTURE.md").partition("\n## Dependencies\n")[2]
    rows = re.findall(r"^\|(?: \w+ \|)? ([A-Za-z0-9._-]+) \| ([^|]{10,}) \|$", section, re.MULTILINE)
    return {name for name, _ in rows} - {"package"}


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):(?!=)", read("Makefile"), re.MULTILINE))


def test_every_dependency_has_its_reason() -> None:
    assert explained_dependencies() == declared_dependencies()


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md"])
def test_make_commands_that_a_document_names_exist(document: str) -> None:
    named = set(re.findall(r"(?:^ *\$? ?|`)make ([a-z][a-z-]*)\b", read(document), re.MULTILINE))

    assert named <= make_targets()


def test_readme_names_the_two_commands() -> None:
    named = re.findall(r"^ *\$? ?make ([a-z]+)\b", read("README.md"), re.MULTILINE)

    assert {"demo", "test"} <= set(named)


def anchors(page: str) -> set[str]:
    """The names of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", PAGES)
def test_relative_links_lead_somewhere(document: str) -> None:
    text = re.sub(r"^```.*?^```", "", read(document), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\((?!https?:)([^)\s]+)", text) + re.findall(r'(?:src|srcset)="(?!https?:)([^"]+)"', text)

    missing = []
    for target in targets:
        path, _, anchor = target.partition("#")
        page = (ROOT / document).parent / path if path else ROOT / document
        if not page.exists() or (anchor and anchor not in anchors(page.read_text(encoding="utf-8"))):
            missing.append(target)

    assert missing == []


def test_pages_are_all_listed() -> None:
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}

    assert pages <= set(re.findall(r"\]\(([a-z-]+\.md)\)", read("docs/README.md")))


def test_decisions_are_all_listed() -> None:
    records = {path.name for path in (ROOT / "docs/decisions").glob("[0-9]*.md")}

    listed = set(re.findall(r"\]\((\d{4}-[a-z-]+\.md)\)", read("docs/decisions/README.md")))

    assert listed == records


def test_folders_of_the_architecture_exist() -> None:
    folders = re.findall(r"^\| `([a-z_/]+/)`", read("ARCHITECTURE.md"), re.MULTILINE)

    missing = [folder for folder in folders if not (ROOT / folder).is_dir()]

    assert folders
    assert missing == []


def test_folders_of_the_engine_are_all_in_the_architecture() -> None:
    explained = set(re.findall(r"`(engine/jobctl/[a-z_/]*)`", read("ARCHITECTURE.md")))

    packages = {path.parent.name for path in (ROOT / "engine/jobctl").glob("*/__init__.py")}

    assert {f"engine/jobctl/{name}/" for name in packages} <= explained


def test_files_of_the_architecture_exist() -> None:
    files = re.findall(r"`([a-z_/]+\.(?:py|lua))`", read("ARCHITECTURE.md").partition("Where to begin reading")[2])

    missing = [file for file in files if not (ROOT / "engine/jobctl" / file).exists() and not (ROOT / file).exists()]

    assert len(files) >= 40
    assert missing == []


def test_lock_file_names_no_package_host() -> None:
    lock = read("requirements.lock")

    assert "://" not in lock
    assert "--index-url" not in lock


def test_lock_file_pins_every_dependency() -> None:
    pinned = set(re.findall(r"^([a-z0-9._-]+)==", read("requirements.lock"), re.MULTILINE))

    assert {name.lower() for name in declared_dependencies()} <= pinned


def test_readme_explains_every_variable_of_the_environment() -> None:
    sources = [path for root in ("engine", "cli", "web") for path in (ROOT / root).rglob("*.py")]
    read_by_code = {name for path in sources for name in re.findall(r"JOBCTL_[A-Z]+", path.read_text(encoding="utf-8"))}

    explained = re.findall(r"^\| `(JOBCTL_[A-Z]+)", read("README.md"), re.MULTILINE)

    assert sorted(explained) == sorted(read_by_code)
