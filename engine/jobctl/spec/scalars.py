"""The texts of YAML scalars as values of a wanted type. Narrower than YAML: what could be misread is refused."""

from __future__ import annotations

import re

from jobctl.durations import parse_duration

_INT = re.compile(r"[-+]?(?:0|[1-9]\d{0,18})", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:0|[1-9]\d{0,30})(?:\.\d{1,30})?(?:[eE][-+]?\d{1,3})?", re.ASCII)
_YAML11_TRUE = frozenset({"y", "yes", "on"})
_YAML11_FALSE = frozenset({"n", "no", "off"})
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9]*)?")
_OCTAL = re.compile(r"0[0-7_]+")
_WORDS_FOR_UNITS = (
    (re.compile(r"(?:milliseconds?|millis?|msecs?)\b"), "ms"),
    (re.compile(r"(?:seconds?|secs?)\b"), "s"),
    (re.compile(r"(?:minutes?|mins?)\b"), "m"),
    (re.compile(r"(?:hours?|hrs?)\b"), "h"),
    (re.compile(r"days?\b"), "d"),
    (re.compile(r"(?:weeks?|wks?)\b"), "w"),
)


def read_int(text: str) -> int | None:
    """Return a decimal whole number, or None: no leading zeros, underscores, hexadecimals."""
    return int(text) if _INT.fullmatch(text) else None


def read_float(text: str) -> float | None:
    """Return a finite decimal number, or None."""
    if not _FLOAT.fullmatch(text):
        return None
    number = float(text)
    return number if abs(number) != float("inf") else None


def read_bool(text: str) -> bool | None:
    """Return a truth value for ``true`` and ``false``, else None."""
    return {"true": True, "false": False}.get(text)


def yaml11(text: str) -> str | None:
    """Say how YAML 1.1 would read a text that a reader may take for something else, or None.

    Example:
        >>> yaml11("1:30"), yaml11("no"), yaml11("012")[:31], yaml11("mail")
        ('YAML 1.1 would read `1:30` as 90', 'write `false`; only YAML 1.1 reads `no` so', ..., None)
    """
    lower = text.lower()
    if lower in ("true", "false"):
        return f"write `{lower}` in small letters" if text != lower else None
    if lower in _YAML11_TRUE | _YAML11_FALSE:
        return f"write `{'true' if lower in _YAML11_TRUE else 'false'}`; only YAML 1.1 reads `{text}` so"
    if len(text) > 30:
        return None
    if _SEXAGESIMAL.fullmatch(text):
        total = 0.0
        for part in text.lstrip("+-").replace("_", "").split(":"):
            total = total * 60 + float(part)
        return f"YAML 1.1 would read `{text}` as {'-' * text.startswith('-')}{total:g}"
    if _OCTAL.fullmatch(text):
        digits = text.replace("_", "")
        return f"write `{digits.lstrip('0') or '0'}`; YAML 1.1 would read `{text}` as octal {int(digits, 8)}"
    if text[:2].lower() == "0x" and text[2:].isalnum():
        return "write it as a decimal number"
    if "_" in text and read_float(text.replace("_", "")) is not None:
        return f"write `{text.replace('_', '')}`; only YAML 1.1 reads underscores in numbers"
    return None


def suggest_duration(text: str) -> str | None:
    """Return the duration a text most likely means, or None.

    Example:
        >>> suggest_duration("5 minutes"), suggest_duration("1H 30M"), suggest_duration("1:30")
        ('5m', '1h30m', '1m30s')
    """
    if len(text) > 60:
        return None
    if clock := re.fullmatch(r"(\d{1,2}):([0-5]\d)(?::([0-5]\d))?", text):
        parts = [int(part) for part in clock.groups() if part is not None]
        units = "hms" if len(parts) == 3 else "ms"
        return "".join(f"{part}{unit}" for part, unit in zip(parts, units, strict=True) if part) or None
    guess = text.strip().lower().replace("and", " ").replace(",", " ")
    for words, unit in _WORDS_FOR_UNITS:
        guess = words.sub(unit, guess)
    guess = re.sub(r"\s+", "", guess)
    try:
        parse_duration(guess)
    except ValueError:
        return None
    return guess
