"""The Lua scripts, by name. State changes only in scripts: each checks state and token, then acts, in one step."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def source(name: str) -> str:
    """Return the text of ``scripts/<name>.lua``."""
    return files("jobctl.broker").joinpath("scripts", f"{name}.lua").read_text("utf-8")
