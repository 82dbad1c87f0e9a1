"""Payload schemas: the declared fields of a job, compiled to the functions that check, convert and redact payloads."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from jobctl.compiler.convert import PYTHON_MAKERS
from jobctl.compiler.flags import read_flag
from jobctl.compiler.redact import compile_redact
from jobctl.errors import PayloadError
from jobctl.spec.badvalue import BadValue
from jobctl.spec.model import PayloadField
from jobctl.spec.values import compile_fields


class PayloadSchema:
    """What payloads of one job may hold.

    Each direction is compiled when it is first used: a client never converts, a worker rarely normalises.

    Args:
        job: name of the job, for messages.
        fields: its declared payload fields.
    """

    def __init__(self, job: str, fields: tuple[PayloadField, ...]) -> None:
        self.job = job
        self.fields = fields

    def normalise(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Check a payload that is to be enqueued, and return it as JSON holds it.

        Defaults are filled in; UUIDs, datetimes and timedeltas become text. The result passes `convert`.

        Raises:
            PayloadError: with every problem.
        """
        try:
            result: dict[str, Any] = self._normalise(payload)
        except BadValue as error:
            raise self._error(error) from None
        return result

    def convert(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Check a payload from the broker, and return the values a handler gets, defaults filled in.

        Raises:
            PayloadError: with every problem; other producers write to the same queues.
        """
        try:
            result: dict[str, Any] = self._convert(payload)
        except BadValue as error:
            raise self._error(error) from None
        return result

    def redact(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Return the payload with every secret replaced by ``***``; it need not be valid."""
        if self._redact is None:
            return dict(payload)
        result: dict[str, Any] = self._redact(payload)
        return result

    def read_flag(self, field: PayloadField, text: str) -> Any:
        """Return the JSON value of a field from its text on the command line.

        Raises:
            ValueError: says what the text must be; never quotes a secret.
        """
        return read_flag(field, text)

    @cached_property
    def _normalise(self) -> Any:
        return compile_fields(self.fields)

    @cached_property
    def _convert(self) -> Any:
        return compile_fields(self.fields, PYTHON_MAKERS)

    @cached_property
    def _redact(self) -> Any:
        return compile_redact(self.fields)

    def _error(self, error: BadValue) -> PayloadError:
        known = ", ".join(f"`{field.name}`" for field in self.fields) or "none"
        has_unknown = any(text.startswith("is not declared") for _, text, _ in error.problems)
        return PayloadError(self.job, error.texts(), hint=f"declared fields: {known}" if has_unknown else None)
