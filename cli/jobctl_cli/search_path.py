"""Where handlers are imported from."""

from __future__ import annotations

import sys
from pathlib import Path


def with_current_folder() -> None:
    """Put the current folder in front of the search path, so that the application in it can be imported.

    `python -m` does so, an installed command does not. Only the commands that import handlers call this: with it,
    a file named like a library in the current folder is imported instead of that library.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
