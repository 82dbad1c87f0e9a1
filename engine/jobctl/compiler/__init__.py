"""Specs to plans: what the worker, the client and the scheduler know of a spec.

    plan = load_plan("jobspecs/")       # frozen, typed, without functions or connections
    handlers = bind(plan)               # the functions behind it, by type
    PayloadSchema(job, fields)          # checks, converts and redacts what a job carries

The names are imported on first use: a client needs neither handlers nor signatures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobctl.compiler.build import compile_spec, load_plan
    from jobctl.compiler.findings import check
    from jobctl.compiler.handlers import Handler, bind, check_handlers, resolve
    from jobctl.compiler.linting import lint
    from jobctl.compiler.payload import PayloadSchema
    from jobctl.compiler.plan import Plan

_HOME = {
    "Handler": "jobctl.compiler.handlers",
    "PayloadSchema": "jobctl.compiler.payload",
    "Plan": "jobctl.compiler.plan",
    "bind": "jobctl.compiler.handlers",
    "check": "jobctl.compiler.findings",
    "check_handlers": "jobctl.compiler.handlers",
    "compile_spec": "jobctl.compiler.build",
    "lint": "jobctl.compiler.linting",
    "load_plan": "jobctl.compiler.build",
    "resolve": "jobctl.compiler.handlers",
}

__all__ = [
    "Handler",
    "PayloadSchema",
    "Plan",
    "bind",
    "check",
    "check_handlers",
    "compile_spec",
    "lint",
    "load_plan",
    "resolve",
]

if not TYPE_CHECKING:  # a type checker that saw it would take any name for one of ours

    def __getattr__(name: str) -> Any:
        home = _HOME.get(name)
        if home is None:
            raise AttributeError(f"module `jobctl.compiler` has no attribute `{name}`")
        from importlib import import_module

        return getattr(import_module(home), name)
