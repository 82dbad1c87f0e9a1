"""Which files are read, within which bounds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jobctl.errors import Location
from jobctl.spec import Diagnostic, SpecErrors, load
from jobctl.spec import source as source_module
from jobctl.spec.source import MAX_FILE_BYTES, SourceFile, read_line, read_sources

JOB = "version: 1\njobs:\n  {0}: {{handler: shop.mail:{0}}}\n"


def names(path: Path) -> list[str]:
    problems: list[Diagnostic] = []
    sources = read_sources(path, problems)
    assert problems == []
    return [str(Path(source.name).relative_to(path)) for source in sources]


def problem_of(path: Path | str) -> Diagnostic:
    with pytest.raises(SpecErrors) as raised:
        load(path)
    (problem,) = raised.value.diagnostics
    return problem


def test_folders_are_walked_in_the_order_of_names_without_what_is_hidden(tmp_path: Path) -> None:
    for name in ("b.yaml", "a/z.yml", "a/a.yaml", "c.yml", ".git/x.yaml", ".hidden.yaml", "notes.txt", "d.yaml.bak"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("version: 1")

    assert names(tmp_path) == ["a/a.yaml", "a/z.yml", "b.yaml", "c.yml"]


def test_links_are_followed_as_mounted_config_maps_need(tmp_path: Path) -> None:
    data = tmp_path / "..2026"
    data.mkdir()
    (data / "jobs.yaml").write_text(JOB.format("a"))
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "jobs.yaml").symlink_to("..data/jobs.yaml")

    assert names(tmp_path) == ["jobs.yaml"]


def test_link_to_a_folder_above_is_reported_and_ends(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(JOB.format("a"))
    (tmp_path / "loop").symlink_to(tmp_path)

    assert problem_of(tmp_path).code == "spec.link-loop"


def test_link_to_itself_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to("a.yaml")

    assert problem_of(tmp_path).code == "spec.unreadable"


def test_missing_path_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "jobspecs").mkdir()

    problem = problem_of(tmp_path / "jobspec")

    assert (problem.code, problem.hint) == ("spec.not-found", "did you mean `jobspecs`?")
    assert problem.location is None


@pytest.mark.parametrize("path", ["no/such/folder/jobs.yaml", "nul\0byte", "x" * 5000])
def test_impossible_path_is_one_problem(path: str) -> None:
    assert problem_of(path).code in ("spec.not-found", "spec.unreadable")


def test_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")

    problem = problem_of(tmp_path)

    assert (problem.code, "regular file" in problem.message) == ("spec.unreadable", True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1")
    (tmp_path / "a.yaml").chmod(0)

    assert problem_of(tmp_path).code == "spec.unreadable"


def test_file_of_one_mebibyte_is_read_and_one_byte_more_is_not(tmp_path: Path) -> None:
    text = JOB.format("a")
    (tmp_path / "a.yaml").write_text(text + "#" * (MAX_FILE_BYTES - len(text)))
    assert load(tmp_path).jobs[0].name == "a"

    (tmp_path / "a.yaml").write_text(text + "#" * (MAX_FILE_BYTES - len(text) + 1))
    assert problem_of(tmp_path).code == "spec.file-too-large"


def test_folder_with_too_many_files_is_no_spec_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "MAX_ENTRIES", 3)
    for index in range(4):
        (tmp_path / f"{index}.txt").touch()

    assert problem_of(tmp_path).code == "spec.folder-too-large"


def test_empty_folder_is_reported(tmp_path: Path) -> None:
    assert problem_of(tmp_path).code == "spec.empty-folder"


def test_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbf" + JOB.format("a").encode())

    assert load(tmp_path).jobs[0].location == Location(str(tmp_path / "a.yaml"), 3, 3)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_with_every_line_end(tmp_path: Path, end: str) -> None:
    (tmp_path / "a.yaml").write_bytes(JOB.format("a").replace("\n", end).encode())

    location = load(tmp_path).jobs[0].location

    assert location is not None
    assert (location.line, location.column) == (3, 3)
    assert read_line(location).strip() == "a: {handler: shop.mail:a}"


def test_line_of_a_file_that_has_gone_is_empty() -> None:
    assert read_line(Location("no-such-file.yaml", 1, 1)) == ""


def test_lines_outside_of_a_file_are_empty() -> None:
    source = SourceFile("a.yaml", "one\ntwo")

    assert [source.line(number) for number in (0, 1, 2, 3)] == ["", "one", "two", ""]
