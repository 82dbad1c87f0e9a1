"""Templates: everything is escaped unless the code says that it is markup."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from jobctl_web import charts
from jobctl_web.roles import Role
from jobctl_web.text import FILTERS

FOLDER = Path(__file__).parent / "templates"
LIVE = "live_"
OUTCOMES = {
    "active": "Runs",
    "complete": "Complete",
    "retry": "Failed, to be retried",
    "dead": "Failed, dead",
    "cancelled": "Cancelled",
    "lost": "Its worker was lost",
    "interrupted": "Handed back by a shutdown",
}


class Templates:
    """The templates of all pages.

    Args:
        constants: what every template may use.
    """

    def __init__(self, constants: Mapping[str, Any]) -> None:
        self._env = Environment(
            loader=FileSystemLoader(FOLDER),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,  # they come with the package
        )
        self._env.filters |= FILTERS
        self._env.globals |= {"charts": charts, "Role": Role, "outcomes": OUTCOMES, **constants}
        self._env.globals["m"] = self._env.get_template("macros.html").module

    def page(self, name: str, values: Mapping[str, Any]) -> str:
        """Return a whole page."""
        return self._env.get_template(name).render(values)

    def parts(self, name: str, values: Mapping[str, Any]) -> dict[str, str]:
        """Return the live parts of a page, by name."""
        template = self._env.get_template(name)
        return {
            block: "".join(render(template.new_context(dict(values))))
            for block, render in template.blocks.items()
            if block.startswith(LIVE)
        }
