"""Spec files as text: found, read within bounds, and kept for the source lines of messages."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jobctl.errors import Location
from jobctl.names import did_you_mean
from jobctl.spec.diagnostics import Diagnostic, quote

MAX_FILE_BYTES = 1 << 20
MAX_ENTRIES = 10_000  # a spec folder holds dozens of files; more means that the path is a mistake, such as `/`
SUFFIXES = (".yaml", ".yml")
_LINE_ENDS = ("\r\n", "\r", "\x85", "\u2028", "\u2029")  # besides "\n": YAML's, so that the parser's lines fit


@dataclass(slots=True, eq=False)
class SourceFile:
    """A file's name as the user gave it, and its text."""

    name: str
    text: str
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = _split_lines(self.text)

    def line(self, number: int) -> str:
        """Return a line, from 1; "" behind the end."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


def read_sources(path: str | Path | Sequence[str | Path], problems: list[Diagnostic]) -> list[SourceFile]:
    """Read the files of a spec: the given ones, and all of the given folders, each once.

    Folders are walked with their sub-folders in the order of names; only ``*.yaml`` and ``*.yml`` count, and what is
    hidden does not. Problems are appended, and their files are left out.
    """
    paths = [path] if isinstance(path, str | Path) else list(path)
    sources: list[SourceFile] = []
    seen: set[tuple[int, int]] = set()
    for given in paths:
        for file in _files_at(Path(given), problems):
            source = _read(file, seen, problems)
            if source is not None:
                sources.append(source)
    return sources


def read_line(location: Location) -> str:
    """Return the source line at a place, "" if the file has gone."""
    try:
        with Path(location.file).open("rb") as file:
            text = file.read(MAX_FILE_BYTES).decode("utf-8-sig", errors="replace")
    except OSError:
        return ""
    return SourceFile(location.file, text).line(location.line)


def _files_at(path: Path, problems: list[Diagnostic]) -> list[Path]:
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError) as error:
        problems.append(_unreadable(path, error))
        return []
    if not is_folder:
        return [path]
    found_before = len(problems)
    files: list[Path] = []
    for entries, file in enumerate(_walk(path, (), problems), 1):
        if entries > MAX_ENTRIES:
            problems.append(
                Diagnostic(
                    code="spec.folder-too-large",
                    message=f"{quote(str(path))} holds more than {MAX_ENTRIES:,} files",
                    hint="give the folder that holds nothing but job specs",
                )
            )
            return []
        if file.name.endswith(SUFFIXES):
            files.append(file)
    if not files and len(problems) == found_before:
        problems.append(
            Diagnostic(
                code="spec.empty-folder",
                message=f"{quote(str(path))} holds no spec files",
                hint=f"specs are files named {' or '.join(f'`*{suffix}`' for suffix in SUFFIXES)}",
            )
        )
    return files


def _walk(folder: Path, above: tuple[str, ...], problems: list[Diagnostic]) -> Iterator[Path]:
    """Yield everything below a folder that is not hidden, in the order of names, following links but no loops."""
    real = os.path.realpath(folder)
    if real in above:
        problems.append(
            Diagnostic(
                code="spec.link-loop",
                message=f"{quote(str(folder))} is a link to a folder that it stands in",
                hint="remove the link",
            )
        )
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        problems.append(_unreadable(folder, error))
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if _is_folder(entry):
            yield from _walk(folder / entry.name, (*above, real), problems)
        else:
            yield folder / entry.name


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself; reading it as a file will say so
        return False


def _read(path: Path, seen: set[tuple[int, int]], problems: list[Diagnostic]) -> SourceFile | None:
    try:
        status = path.stat()
        if (status.st_dev, status.st_ino) in seen:
            return None
        seen.add((status.st_dev, status.st_ino))
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it is no regular file")
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        problems.append(_unreadable(path, error))
        return None
    if len(raw) > MAX_FILE_BYTES:
        problems.append(
            Diagnostic(
                code="spec.file-too-large",
                message=f"{quote(str(path))} is larger than 1 MiB",
                hint="split the spec into several files of one folder; they count as one",
            )
        )
        return None
    return _decode(str(path), raw, problems)


def _decode(name: str, raw: bytes, problems: list[Diagnostic]) -> SourceFile | None:
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()
        looks_utf16 = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
        source = SourceFile(name, "" if looks_utf16 else raw.decode(errors="replace"))
        problems.append(
            _at(
                source,
                len(before),
                code="spec.encoding",
                message=f"byte 0x{raw[error.start]:02x} is not UTF-8",
                hint="it looks like UTF-16; save the file as UTF-8" if looks_utf16 else "save the file as UTF-8",
            )
        )
        return None
    source = SourceFile(name, text)
    for number, line in enumerate(source.lines, 1):
        if line.isprintable():
            continue
        column = next((index for index, character in enumerate(line, 1) if _is_control(character)), None)
        if column is not None:
            problems.append(
                Diagnostic(
                    code="spec.control-character",
                    message=f"control character U+{ord(line[column - 1]):04X} is not allowed in YAML",
                    location=Location(name, number, column),
                    source=line,
                    hint="remove it, or write it as an escape in double quotes",
                )
            )
            return None
    return source


def _split_lines(text: str) -> list[str]:
    for line_end in _LINE_ENDS:
        text = text.replace(line_end, "\n")
    return text.split("\n")


def _is_control(character: str) -> bool:
    """Whether YAML forbids it: control characters but the tab, and what Unicode keeps free."""
    return (character < " " and character != "\t") or "\x7f" <= character < "\xa0" or character in "\ufffe\uffff"


def _at(source: SourceFile, offset: int, *, code: str, message: str, hint: str) -> Diagnostic:
    before = _split_lines(source.text[:offset])
    place = Location(source.name, len(before), len(before[-1]) + 1)
    return Diagnostic(code=code, message=message, location=place, hint=hint, source=source.line(place.line))


def _unreadable(path: Path, error: OSError | ValueError) -> Diagnostic:
    shown = quote(str(path))
    if isinstance(error, FileNotFoundError):
        return Diagnostic(code="spec.not-found", message=f"no file or folder {shown}", hint=_nearest_path(path))
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Diagnostic(code="spec.unreadable", message=f"{shown} cannot be read: {reason[:1].lower()}{reason[1:]}")


def _nearest_path(path: Path) -> str | None:
    try:
        siblings = [entry.name for entry in path.parent.iterdir() if not entry.name.startswith(".")]
    except OSError:
        return f"there is no folder {quote(str(path.parent))} either"
    return did_you_mean(path.name, siblings) or "give the file or folder of the job specs"
