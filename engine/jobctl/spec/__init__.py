"""Job specs: YAML files to a typed, located model, with every problem found at once.

    >>> from jobctl.spec import SpecErrors, load
    >>> try:
    ...     load("no-such-folder")
    ... except SpecErrors as error:
    ...     print(error.diagnostics[0].code)
    spec.not-found

Pure: no broker is asked and no handler is imported. `model` is the result, `fields` the one description of
every key a spec may hold, `diagnostics` what is said about a broken one.

The names are imported on first use: most of jobctl needs the model, and only one command in two reads YAML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobctl.spec.diagnostics import Diagnostic, SpecErrors
    from jobctl.spec.loader import load
    from jobctl.spec.model import Spec

_HOME = {
    "Diagnostic": "jobctl.spec.diagnostics",
    "Spec": "jobctl.spec.model",
    "SpecErrors": "jobctl.spec.diagnostics",
    "load": "jobctl.spec.loader",
}

__all__ = ["Diagnostic", "Spec", "SpecErrors", "load"]

if not TYPE_CHECKING:  # a type checker that saw it would take any name for one of ours

    def __getattr__(name: str) -> Any:
        home = _HOME.get(name)
        if home is None:
            raise AttributeError(f"module `jobctl.spec` has no attribute `{name}`")
        from importlib import import_module

        return getattr(import_module(home), name)
