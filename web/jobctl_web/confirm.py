"""Asking before something that cannot be undone: a page of its own, which works without scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from jobctl_web.action import Order
from jobctl_web.login import local_path
from jobctl_web.pages.jobs import JobLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked.

    Attributes:
        fields: of the form that is sent again with the answer.
        choices: boxes to tick: name, value, what stands beside it.
        sample: some of the jobs that are meant.
        more: how many others.
        typed: what has to be typed to go on; "" = nothing.
    """

    title: str
    text: str
    verb: str
    fields: Sequence[tuple[str, str]]
    choices: Sequence[tuple[str, str, str]] = ()
    sample: Sequence[JobLine] = ()
    more: str = ""
    typed: str = ""
    is_danger: bool = True


def ask(order: Order, question: Question) -> Response:
    """Return the page that asks."""
    values = {
        "title": question.title,
        "text": question.text,
        "verb": question.verb,
        "fields": question.fields,
        "choices": question.choices,
        "sample": question.sample,
        "more": question.more,
        "type_name": question.typed,
        "is_danger": question.is_danger,
        "action": order.request.url.path,
        "back": local_path(order.one("back")),
    }
    return order.web.draw(order.request, "confirm.html", values)
