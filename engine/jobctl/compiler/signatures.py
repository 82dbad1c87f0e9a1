"""What a handler's or hook's signature takes, compared with what it will be called with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from jobctl.errors import HandlerError
from jobctl.names import did_you_mean
from jobctl.spec.model import NO_DEFAULT, PayloadField

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
MISMATCH = "spec.signature"


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - an object whose call is async is meant
    )


def check_handler(
    function: Callable[..., Any], job: str, path: str, fields: Sequence[PayloadField]
) -> list[HandlerError]:
    """Return every way in which ``function(ctx, **payload)`` would fail for a valid payload.

    Problems of a declared field carry its location.
    """
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        text = f"handler `{path}` of job `{job}` is a generator, which would never run"
        return [HandlerError(text, code=MISMATCH, hint="remove `yield`; return the result")]
    parameters = _parameters(function)
    if parameters is None:
        return []  # a builtin without signature: only the call can tell
    takes_all = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters)
    context, rest = _split_context(parameters)
    problems: list[HandlerError] = []
    if context is None:
        text = f"handler `{path}` of job `{job}` takes no context"
        problems.append(HandlerError(text, code=MISMATCH, hint=f"write `def {function_name(function)}(ctx, ...)`"))
    named = {one.name: one for one in rest if one.kind in _NAMED}
    declared = {field.name: field for field in fields}
    for field in fields:
        problem = _field_problem(field, job, path, named, context, takes_all=takes_all)
        if problem is not None:
            problems.append(problem)
    for one in rest:
        if one.default is not inspect.Parameter.empty or one.kind not in (*_POSITIONAL, *_NAMED):
            continue
        if one.kind is inspect.Parameter.POSITIONAL_ONLY:
            text = f"handler `{path}` of job `{job}` takes `{one.name}` by position, but fields are given by name"
            problems.append(HandlerError(text, code=MISMATCH, hint="move the `/` behind the context"))
        elif one.name not in declared:
            text = f"handler `{path}` of job `{job}` needs `{one.name}`, which its payload does not declare"
            hint = did_you_mean(one.name, declared) or f"declare `{one.name}` under `payload`, or give it a default"
            problems.append(HandlerError(text, code=MISMATCH, hint=hint))
        elif not declared[one.name].required and declared[one.name].default is NO_DEFAULT:
            text = f"handler `{path}` of job `{job}` needs `{one.name}`, which a payload may leave out"
            hint = f"give the parameter a default, or the field: `{one.name}: {{default: ...}}`"
            problems.append(HandlerError(text, code=MISMATCH, hint=hint, location=declared[one.name].location))
    return problems


def check_hook(function: Callable[..., Any], hook: str, path: str, arguments: Sequence[str]) -> HandlerError | None:
    """Return why a hook cannot be called with its arguments, or None."""
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        wanted = f"{function_name(function)}({', '.join(arguments)})"
        return HandlerError(f"hook `{hook}`: `{path}` cannot be called as `{wanted}`", code=MISMATCH)
    except ValueError:
        return None
    return None


def function_name(function: Callable[..., Any]) -> str:
    """Return the function's own name, for messages."""
    return str(getattr(function, "__name__", type(function).__name__))


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter] | None:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None


def _split_context(
    parameters: list[inspect.Parameter],
) -> tuple[inspect.Parameter | None, list[inspect.Parameter]]:
    """Return the parameter that takes the context, and those behind it."""
    if parameters and parameters[0].kind in _POSITIONAL:
        return parameters[0], parameters[1:]
    star = next((one for one in parameters if one.kind is inspect.Parameter.VAR_POSITIONAL), None)
    return star, parameters


def _field_problem(
    field: PayloadField,
    job: str,
    path: str,
    named: dict[str, inspect.Parameter],
    context: inspect.Parameter | None,
    *,
    takes_all: bool,
) -> HandlerError | None:
    if context is not None and context.name == field.name and context.kind in _NAMED:
        return HandlerError(
            f"field `{field.name}` of job `{job}` has the name of the context in handler `{path}`",
            code=MISMATCH,
            hint="rename one of them",
            location=field.location,
        )
    if takes_all or field.name in named:
        return None
    return HandlerError(
        f"job `{job}` declares the field `{field.name}`, which handler `{path}` does not take",
        code=MISMATCH,
        hint=did_you_mean(field.name, named) or f"add the parameter `{field.name}`, or `**payload`",
        location=field.location,
    )
