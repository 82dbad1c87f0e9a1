"""Handlers: the functions a spec names, imported, checked against their declarations, and bound to their types."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jobctl.compiler.imports import resolve
from jobctl.compiler.payload import PayloadSchema
from jobctl.compiler.plan import Plan, Registration
from jobctl.compiler.signatures import check_handler, check_hook, is_async
from jobctl.errors import HandlerError, Location
from jobctl.spec import Diagnostic, Spec
from jobctl.spec.model import LintCode
from jobctl.spec.source import read_line

_WORD = re.compile(r"[\w.:\"'-]*[\w\"']")  # a handler path, quoted or not, or the name of a field
HOOK_ARGUMENTS = {"startup": ("state",), "shutdown": ("state",), "error": ("ctx", "failure")}


@dataclass(frozen=True)
class Handler:
    """A handler ready to be called: ``function(ctx, **schema.convert(payload))``."""

    type: str
    function: Callable[..., Any]
    is_async: bool
    registration: Registration
    schema: PayloadSchema


def bind(plan: Plan) -> dict[str, Handler]:
    """Import all handlers of a plan and check their signatures.

    Returns:
        type -> handler.

    Raises:
        HandlerError: names every handler that cannot be used, and why.
    """
    handlers: dict[str, Handler] = {}
    errors: list[HandlerError] = []
    for registration in plan.registrations:
        try:
            function = resolve(registration.handler)
        except HandlerError as error:
            errors.append(_about(registration.name, error))
            continue
        errors += check_handler(function, registration.name, registration.handler, registration.payload)
        handlers[registration.type] = Handler(
            type=registration.type,
            function=function,
            is_async=is_async(function),
            registration=registration,
            schema=PayloadSchema(registration.name, registration.payload),
        )
    if len(errors) == 1:
        raise errors[0]
    if errors:
        text = "\n".join(f"- {error.message}{f' ({error.hint})' if error.hint else ''}" for error in errors)
        raise HandlerError(f"{len(errors)} handlers cannot be used:\n{text}", code=errors[0].code)
    return handlers


def check_handlers(spec: Spec, *, unsure: frozenset[str] = frozenset()) -> list[Diagnostic]:
    """Import all handlers and hooks of a spec, and return what is wrong with them, at the places that name them.

    A job that silences `handler-not-importable` may have one that is not here: it runs elsewhere.

    Args:
        unsure: names of jobs whose payload is not known, so that their handlers are imported and not compared.
    """
    diagnostics: list[Diagnostic] = []
    for job in spec.jobs:
        if not job.handler:  # of a spec with problems; it has been reported
            continue
        try:
            function = resolve(job.handler)
        except HandlerError as error:
            if LintCode.HANDLER_NOT_IMPORTABLE not in job.lint:
                diagnostics.append(_diagnose(_about(job.name, error), job.handler_location))
            continue
        if job.name in unsure:
            continue
        for problem in check_handler(function, job.name, job.handler, job.payload):
            diagnostics.append(_diagnose(problem, problem.location or job.handler_location))
    for name, arguments in HOOK_ARGUMENTS.items():
        path = getattr(spec.hooks, name)
        if path is None:
            continue
        try:
            found = check_hook(resolve(path), name, path, arguments)
        except HandlerError as error:
            found = error
        if found is not None:
            diagnostics.append(_diagnose(found, spec.hook_locations.get(name)))
    return sorted(diagnostics, key=lambda one: one.location or Location("", 0, 0))


def _about(job: str, error: HandlerError) -> HandlerError:
    return HandlerError(f"handler of job `{job}`: {error.message}", code=error.code, hint=error.hint)


def _diagnose(error: HandlerError, place: Location | None) -> Diagnostic:
    return Diagnostic(
        code=error.code,
        message=error.message,
        location=place,
        hint=error.hint,
        source=read_line(place) if place else "",
        width=word_at(place),
    )


def word_at(place: Location | None) -> int:
    """Return the length of the word that stands at a place, at least 1."""
    word = _WORD.match(read_line(place), place.column - 1) if place else None
    return len(word.group()) if word else 1


__all__ = ["Handler", "bind", "check_handlers", "resolve"]
