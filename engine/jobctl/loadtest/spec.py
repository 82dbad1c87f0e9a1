"""Where the spec of the shipped scenarios lies."""

from __future__ import annotations

from pathlib import Path
from typing import Final

NOOP: Final = str(Path(__file__).with_name("noop.yaml"))
