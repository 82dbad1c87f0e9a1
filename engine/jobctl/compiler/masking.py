"""Hiding the secrets of a payload in what may quote it: errors, results, log lines. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, quote_plus

from jobctl.compiler.payload import PayloadSchema
from jobctl.compiler.plan import Registration
from jobctl.compiler.redact import HIDDEN
from jobctl.spec.model import PayloadField

SHORTEST_SECRET = 4  # characters; shorter values stand in every text by chance
SHORTEST_LINE = 12  # characters; of a secret of many lines each of these is one, for tracebacks and logs are cut
CUT_FROM = 300  # characters; shorter texts were kept as a whole


def has_secrets(registration: Registration) -> bool:
    """Whether anything in a job's payload is declared secret, however deep."""
    return _any_secret(registration.payload)


def secrets_of(registration: Registration, payload: Mapping[str, Any]) -> list[str]:
    """Return the texts that must not be shown of a job with this payload, in every form they may stand in.

    The longest of them come first: a secret that is part of another leaves nothing of it.
    """
    shown = PayloadSchema(registration.name, registration.payload).redact(payload)
    texts = {*_hidden(payload, shown), *_defaults(registration, payload)}
    forms = {form for text in texts if len(text) >= SHORTEST_SECRET for form in _forms(text)}
    return sorted(forms, key=len, reverse=True)


def mask(value: Any, registration: Registration, payload: Mapping[str, Any]) -> Any:
    """Return what may quote a payload (a text, or a mapping or list of texts) with the secrets of it hidden."""
    return without(secrets_of(registration, payload), value) if has_secrets(registration) else value


def without(secrets: Sequence[str], value: Any) -> Any:
    """Return a text, number, mapping or list with `***` in place of these texts (from `secrets_of`)."""
    if not secrets:
        return value
    if isinstance(value, str):
        return _text_without(secrets, value)
    if isinstance(value, Mapping):
        return {without(secrets, name): without(secrets, inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [without(secrets, inner) for inner in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return HIDDEN if str(value) in secrets else value
    return value


def _any_secret(fields: Iterable[PayloadField]) -> bool:
    return any(
        field.secret or _any_secret(field.fields) or (field.items is not None and _any_secret((field.items,)))
        for field in fields
    )


def _forms(text: str) -> Iterator[str]:
    """Yield a secret as it may stand in a text: as it is, as Python or JSON quotes it, in an address, line by line."""
    yield text
    if text.isalnum() and text.isascii():
        return
    yield repr(text)[1:-1]
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield quote(text, safe="", errors="replace")
    yield quote_plus(text, errors="replace")
    lines = text.splitlines()
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= SHORTEST_LINE)


def _hidden(value: Any, shown: Any) -> Iterator[str]:
    """Yield the texts that stand in a value and were hidden in what is shown of it."""
    if value == shown:
        return
    if isinstance(value, Mapping) and isinstance(shown, Mapping):
        for name, inner in value.items():
            yield from _hidden(inner, shown.get(name))
    elif isinstance(value, list) and isinstance(shown, list) and len(value) == len(shown):
        for inner, other in zip(value, shown, strict=True):
            yield from _hidden(inner, other)
    else:
        yield from _leaves(value)


def _defaults(registration: Registration, payload: Mapping[str, Any]) -> Iterator[str]:
    """Yield the secrets that a handler was given for fields that are left out."""
    for field in registration.payload:
        if field.secret and field.default is not None and field.name not in payload:
            yield from _leaves(field.default)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)


def _text_without(secrets: Sequence[str], text: str) -> str:
    may_be_cut = len(text) >= CUT_FROM
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    if may_be_cut:
        for secret in secrets:
            text = _without_stump(text, secret)
    return text


def _without_stump(text: str, secret: str) -> str:
    """Return a text without what is left of a secret at its ends, where it was cut."""
    first, last = text.startswith("…"), len(text) - text.endswith("…")
    for length in range(len(secret) - 1, SHORTEST_SECRET - 1, -1):
        if text.endswith(secret[:length], 0, last):
            text = text[: last - length] + HIDDEN + text[last:]
            break
    for length in range(len(secret) - 1, SHORTEST_SECRET - 1, -1):
        if text.startswith(secret[-length:], first):
            text = text[:first] + HIDDEN + text[first + length :]
            break
    return text
