"""What the API's clients send, checked: every problem of a body at once. Pure."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

NAME_LIMIT = 200  # characters, as the column
METADATA_LIMIT = 50  # entries
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_EMAIL = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")


class Invalid(Exception):
    """A body does not say what is needed. ``problems``: field -> what is wrong with it."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field} {problem}" for field, problem in problems.items()))
        self.problems = dict(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTenant:
    """The body of `POST /tenants`. The slug is made from the name unless given."""

    name: str
    slug: str
    metadata: Mapping[str, Any]

    @classmethod
    def read(cls, body: Any) -> Self:
        """Check a decoded body.

        Raises:
            Invalid: it is no such body.
        """
        fields = _Fields(body, known=("name", "slug", "metadata"))
        name = " ".join(str(fields.take("name", _is_name, f"must be a text of 1 to {NAME_LIMIT} characters")).split())
        slug = fields.take("slug", _is_slug, "must be 1 to 63 of a-z, 0-9 and -", default=_slug(name))
        metadata = fields.take(
            "metadata", _is_metadata, f"must be an object of at most {METADATA_LIMIT} entries", default={}
        )
        fields.check()
        return cls(name=name, slug=slug, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInvitation:
    """The body of `POST /invitations`."""

    tenant_id: uuid.UUID
    role: str
    email: str

    @classmethod
    def read(cls, body: Any) -> Self:
        """Check a decoded body.

        Raises:
            Invalid: it is no such body.
        """
        fields = _Fields(body, known=("tenant_id", "role", "email"))
        tenant_id = fields.take("tenant_id", _is_uuid, "must be a UUID")
        role = fields.take("role", _is_name, "must be the name of a role", default="member")
        email = fields.take("email", _is_email, "must be an e-mail address")
        fields.check()
        return cls(tenant_id=uuid.UUID(tenant_id), role=role, email=email)


class _Fields:
    """The fields of one body, and the problems found with them."""

    def __init__(self, body: Any, *, known: tuple[str, ...]) -> None:
        self._body = body if isinstance(body, dict) else {}
        self._problems = {} if isinstance(body, dict) else {"body": "must be an object"}
        self._problems |= {str(name): "is not known" for name in self._body if name not in known}

    def take(self, name: str, is_right: Callable[[Any], bool], problem: str, *, default: Any = None) -> Any:
        value = self._body.get(name, default)
        if value is None:
            self._problems[name] = "is required"
        elif not is_right(value):
            self._problems[name] = problem
        return value

    def check(self) -> None:
        if self._problems:
            raise Invalid(self._problems)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:63].strip("-")


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= NAME_LIMIT and value.isprintable()


def _is_slug(value: Any) -> bool:
    return isinstance(value, str) and _SLUG.fullmatch(value) is not None


def _is_metadata(value: Any) -> bool:
    return isinstance(value, dict) and len(value) <= METADATA_LIMIT


def _is_email(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 320 and _EMAIL.fullmatch(value) is not None


def _is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(uuid.UUID(value))
    except ValueError:
        return False
