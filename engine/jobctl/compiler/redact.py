"""Payloads fit to be shown: secret values replaced, however deep they stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from jobctl.spec.model import PayloadField

HIDDEN: Final = "***"
Redact: TypeAlias = Callable[[Any], Any]


def compile_redact(fields: tuple[PayloadField, ...]) -> Redact | None:
    """Return a function that hides the secrets of an object with these fields, or None if it has none.

    A value of another shape than declared is hidden whole where the declared one has secrets: it may be one.
    """
    hide = {field.name: redact for field in fields if (redact := _of_field(field)) is not None}
    if not hide:
        return None

    def redact_object(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return HIDDEN
        return {name: hide[name](item) if name in hide else item for name, item in value.items()}

    return redact_object


def _of_field(field: PayloadField) -> Redact | None:
    if field.secret:
        return _hide
    if field.fields:
        return compile_redact(field.fields)
    redact_item = _of_field(field.items) if field.items is not None else None
    if redact_item is None:
        return None

    def redact_list(value: Any) -> Any:
        return [redact_item(item) for item in value] if isinstance(value, list | tuple) else HIDDEN

    return redact_list


def _hide(_: Any) -> str:
    return HIDDEN
