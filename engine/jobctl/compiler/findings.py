"""Every problem of a spec at once: what the files say, and what the handlers make of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jobctl.compiler.handlers import check_handlers
from jobctl.spec import Diagnostic, Spec
from jobctl.spec.loader import examine, in_order


def check(path: str | Path | Sequence[str | Path], *, handlers: bool = True) -> tuple[Spec, tuple[Diagnostic, ...]]:
    """Read a spec and return what is good of it together with all its problems.

    Args:
        path: as for `jobctl.spec.load`.
        handlers: whether to import the handlers and hooks and compare their signatures with the payloads. A job that is
            at fault elsewhere is compared all the same, as far as that can be done.
    """
    examined = examine(path)
    if not handlers:
        return examined.spec, examined.diagnostics
    found = check_handlers(examined.spec, unsure=examined.unsure)
    return examined.spec, in_order([*examined.diagnostics, *found], examined.spec.files)
