"""Specs to plans: what the worker, the client and the scheduler know of a spec.

plan = load_plan("jobspecs/")           # frozen, typed, without functions or connections
handlers = bind(plan)                   # compiler.handlers: the functions behind it
PayloadSchema(job, registration.payload) # compiler.payload: checks of what a job carries
"""

from __future__ import annotations

from jobctl.compiler.build import compile_spec, load_plan
from jobctl.compiler.handlers import Handler, bind, check_handlers, resolve
from jobctl.compiler.payload import PayloadSchema
from jobctl.compiler.plan import Plan

__all__ = ["Handler", "PayloadSchema", "Plan", "bind", "check_handlers", "compile_spec", "load_plan", "resolve"]
