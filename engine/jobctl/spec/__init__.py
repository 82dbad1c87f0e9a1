"""Job specs: YAML files to a typed, located model, with every problem found at once.

    >>> from jobctl.spec import SpecErrors, load
    >>> try:
    ...     load("no-such-folder")
    ... except SpecErrors as error:
    ...     print(error.diagnostics[0].code)
    spec.not-found

Pure: no broker is asked and no handler is imported. `model` is the result, `fields` the one description of
every key a spec may hold, `diagnostics` what is said about a broken one.
"""

from __future__ import annotations

from jobctl.spec.diagnostics import Diagnostic, SpecErrors
from jobctl.spec.loader import load
from jobctl.spec.model import Spec

__all__ = ["Diagnostic", "Spec", "SpecErrors", "load"]
