"""Import what a spec names as ``package.module:function``, and say plainly why that fails."""

from __future__ import annotations

import importlib
import pkgutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from jobctl.errors import HandlerError
from jobctl.names import did_you_mean


def resolve(path: str) -> Callable[..., Any]:
    """Return the function that a path names.

    Where modules are looked for is the caller's to say (``sys.path``); the command line adds the current folder.

    Args:
        path: ``package.module:function``; the function may be an attribute of a class or object.

    Raises:
        HandlerError: there is no such module or function, importing it fails, or it is no function.
    """
    module_name, _, names = path.partition(":")
    if not names:
        raise HandlerError(f"`{path}` is no `package.module:function`", code="spec.bad-handler")
    module = _import(module_name, path)
    found: Any = module
    for name in names.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise HandlerError(
                f"`{path}`: module `{module_name}` has no `{name}`",
                code="spec.handler-not-found",
                hint=did_you_mean(name, _functions(found)) or _defined_in(module),
            ) from None
    if isinstance(found, type) or not callable(found):
        what = "a class" if isinstance(found, type) else f"a value of type `{type(found).__name__}`"
        raise HandlerError(
            f"`{path}` is {what}, not a function", code="spec.handler-not-callable", hint="name a `def` or `async def`"
        )
    function: Callable[..., Any] = found
    return function


def _import(module_name: str, path: str) -> ModuleType:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if module_name == missing or module_name.startswith(f"{missing}."):
            raise _no_module(module_name, missing, path) from error
        raise HandlerError(
            f"`{path}`: importing `{module_name}` fails: no module named `{missing}`{_origin(error)}",
            code="spec.handler-import",
            hint=f"install what provides `{missing}` into {sys.prefix}, or run jobctl from the right environment",
        ) from error
    except SyntaxError as error:
        place = f" ({error.filename}:{error.lineno})" if error.filename else ""
        raise HandlerError(
            f"`{path}`: importing `{module_name}` fails: {error.msg}{place}", code="spec.handler-import"
        ) from error
    except (Exception, SystemExit) as error:
        reason = traceback.format_exception_only(error)[-1].strip()
        raise HandlerError(
            f"`{path}`: importing `{module_name}` fails: {reason}{_origin(error)}", code="spec.handler-import"
        ) from error


def _no_module(module_name: str, missing: str, path: str) -> HandlerError:
    parent, _, name = missing.rpartition(".")
    hint = did_you_mean(name, _modules_beside(parent))
    if hint is None:
        hint = f"run jobctl from the folder that holds `{module_name.partition('.')[0]}/`, or set PYTHONPATH"
    where = f" in `{parent}`" if parent else ""
    return HandlerError(f"`{path}`: there is no module `{name}`{where}", code="spec.handler-not-found", hint=hint)


def _modules_beside(parent: str) -> list[str]:
    """Return the names of the modules of a package, or of the current folder."""
    if not parent:
        return [entry.name for entry in pkgutil.iter_modules([str(Path.cwd())])]
    package = sys.modules.get(parent)
    return [entry.name for entry in pkgutil.iter_modules(getattr(package, "__path__", []))]


def _functions(owner: Any) -> list[str]:
    return [name for name, value in vars(owner).items() if callable(value)] if hasattr(owner, "__dict__") else []


def _defined_in(module: ModuleType) -> str | None:
    own = [
        name
        for name, value in vars(module).items()
        if callable(value) and not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
    ]
    return f"it defines {', '.join(f'`{name}`' for name in own[:10])}" if own else "it defines no functions"


def _origin(error: BaseException) -> str:
    """Return `` (file:line)`` of the innermost frame that is not the import machinery's."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and frame.filename != __file__
    ]
    return f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
