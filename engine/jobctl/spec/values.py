"""Payload values: what a field accepts, compiled once per field into a plain function.

Such a function (a *check*) takes a value, returns it as JSON holds it, and raises BadValue with every problem in
it. Defaults in a spec, payloads of schedules and payloads of callers all go through the same checks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jobctl.names import did_you_mean
from jobctl.spec.badvalue import BadValue
from jobctl.spec.checks import JSON_MAKERS, Check, Makers, is_bounded, within
from jobctl.spec.forms import json_value
from jobctl.spec.model import NO_DEFAULT, FieldType, PayloadField

MAX_PROBLEMS = 20  # of one list or object: the text goes into records and logs


def compile_check(field: PayloadField, makers: Makers | None = None) -> Check:
    """Return the check of one field. A secret one never quotes its value.

    Args:
        makers: how a check of each type is made; the JSON checks of this module by default.
    """
    makers = JSON_MAKERS if makers is None else makers
    if field.type is FieldType.LIST:
        check = _list_check(field, makers)
    elif field.type is FieldType.OBJECT and field.fields:
        check = compile_fields(field.fields, makers)
    else:
        check = makers[field.type](field)
    return _silent(check) if field.secret else check


def compile_fields(fields: tuple[PayloadField, ...], makers: Makers | None = None) -> Check:
    """Return the check of an object with declared fields; a payload is one.

    Fields left out get their default; null stands for "left out" where a field is optional. What is not declared
    is a problem.
    """
    makers = JSON_MAKERS if makers is None else makers
    rows = []
    for field in fields:
        check = compile_check(field, makers)
        rows.append((field.name, check, _default_maker(field, check), field.required))
    plan = tuple(rows)
    names = frozenset(name for name, *_ in plan)

    def check_fields(value: Any) -> dict[str, Any]:
        if type(value) is not dict and not isinstance(value, Mapping):
            raise BadValue.of("must be an object", value)
        result: dict[str, Any] = {}
        problems: list[tuple[str, str, str]] = []
        known = 0
        for name, check, make_default, required in plan:
            if name in value:
                known += 1
                item = value[name]
                if item is not None:
                    try:
                        result[name] = check(item)
                    except BadValue as error:
                        problems += error.under(name)
                    continue
                if required:
                    problems.append((name, "is required", "null"))
                    continue
                if make_default is not None and make_default() is not None:
                    problems.append((name, "must not be null", ""))
                    continue
            elif required:
                problems.append((name, "is required", ""))
                continue
            if make_default is not None:
                result[name] = make_default()
        if known != len(value):
            unknown = [str(key) for key in value if key not in names][:MAX_PROBLEMS]
            problems += [(name, _undeclared(name, names), "") for name in unknown]
        if problems:
            raise BadValue(problems)
        return result

    return check_fields


def _default_maker(field: PayloadField, check: Check) -> Callable[[], Any] | None:
    if field.default is NO_DEFAULT:
        return None
    default = field.default
    if default is None:
        return lambda: None
    if field.type in (FieldType.LIST, FieldType.OBJECT):
        return lambda: check(default)  # a new one each time: handlers may change what they get
    constant = check(default)
    return lambda: constant


def _undeclared(name: str, names: frozenset[str]) -> str:
    hint = did_you_mean(name, names) if len(name) < 100 else None
    return f"is not declared{f' ({hint})' if hint else ''}"


def _silent(check: Check) -> Check:
    def check_secret(value: Any) -> Any:
        try:
            return check(value)
        except BadValue as error:
            raise error.without_values() from None

    return check_secret


def _list_check(field: PayloadField, makers: Makers) -> Check:
    check_item = json_value if field.items is None else compile_check(field.items, makers)
    check_length = within(field, "have a length of") if is_bounded(field) else None

    def check_list(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise BadValue.of("must be a list", value)
        if check_length is not None:
            check_length(len(value), value)
        result: list[Any] = []
        problems: list[tuple[str, str, str]] = []
        for index, item in enumerate(value):
            try:
                result.append(check_item(item))
            except BadValue as error:
                problems += error.under(f"[{index}]")
                if len(problems) >= MAX_PROBLEMS:
                    break
        if problems:
            raise BadValue(problems)
        return result

    return check_list
