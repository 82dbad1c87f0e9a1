from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import quote, urlencode

import pytest

from jobctl.broker.record import read_record
from jobctl.compiler.plan import Plan
from jobctl.inspector import redact
from jobctl.inspector.redaction import redact_failure
from jobctl.inspector.status import FailureLine
from jobctl.records import Attempt, JobRecord

PASSWORD = "hunter2-and-more"


def record(**fields: object) -> JobRecord:
    blank = read_record("saq:job:default:k", b'{"function":"mail:send"}')
    return replace(blank, payload={"to": "a@example.org", "password": PASSWORD}, **fields)


def test_secret_fields_are_hidden_and_the_others_shown(plan: Plan) -> None:
    assert redact(record(), plan).payload == {"to": "a@example.org", "password": "***"}


def test_a_secret_is_hidden_wherever_a_handler_quotes_it(plan: Plan) -> None:
    attempt = Attempt(attempt=1, outcome="retry", at_ms=1, error=f"login with {PASSWORD} failed")

    shown = redact(
        record(
            error=f"no: {PASSWORD}",
            result={"sent": [f"with {PASSWORD}", 5]},
            history=(attempt,),
            meta={"note": {"text": PASSWORD}},
        ),
        plan,
    )

    assert PASSWORD not in repr(shown)
    assert shown.error == "no: ***"
    assert shown.result == {"sent": ["with ***", 5]}
    assert shown.history[0].error == "login with *** failed"


def test_short_secrets_do_not_blank_every_text(plan: Plan) -> None:
    shown = redact(replace(record(error="a cat sat"), payload={"password": "a"}), plan)

    assert shown.payload == {"password": "***"}
    assert shown.error == "a cat sat"


def test_a_type_the_plan_does_not_know_is_shown_as_it_is(plan: Plan) -> None:
    unknown = replace(record(), type="legacy")

    assert redact(unknown, plan) is unknown


def test_the_record_itself_is_left_alone(plan: Plan) -> None:
    original = record(error=PASSWORD)

    redact(original, plan)

    assert original.payload["password"] == original.error == PASSWORD


def test_a_failure_in_the_list_is_told_without_secrets(plan: Plan) -> None:
    line = FailureLine(key="k", queue="default", type="mail:send", error=f"login with {PASSWORD} failed")
    other = FailureLine(key="k", queue="default", type="sync:briefly", error="no")

    assert redact_failure(line, record().payload, plan).error == "login with *** failed"
    assert redact_failure(line, None, plan).error == "***"  # nobody knows any more what was secret
    assert redact_failure(other, None, plan) == other


@pytest.mark.parametrize(
    "quoted",
    [
        "{}",
        "{!r}",
        "https://ada:{}@example.org",
    ],
)
@pytest.mark.parametrize(
    "secret", ['it\'s "so"', "back\\slash", "two words", "lines\nof it all", "ünïcode", "a/b?c=d&e"]
)
def test_a_secret_is_hidden_however_it_is_quoted(plan: Plan, quoted: str, secret: str) -> None:
    for text in (quoted.format(secret), json.dumps({"was": secret}), quote(secret, safe=""), urlencode({"p": secret})):
        shown = redact(replace(record(error=text), payload={"password": secret}), plan)

        assert "***" in (shown.error or "")
        assert secret not in (shown.error or "")


def test_no_piece_of_a_secret_is_left_where_a_text_was_cut(plan: Plan) -> None:
    filling = "x" * 290

    for error, shown in (
        (f"{filling} with {PASSWORD[:9]}", f"{filling} with ***"),
        (f"{filling} with {PASSWORD[:9]}…", f"{filling} with ***…"),
        (f"…{PASSWORD[3:]} {filling}", f"…*** {filling}"),
    ):
        assert redact(record(error=error), plan).error == shown


def test_numbers_and_names_are_hidden_too(plan: Plan) -> None:
    shown = redact(
        replace(record(result={PASSWORD: 1, "pin": 123_456, "n": 7}), payload={"password": [PASSWORD, 123_456]}), plan
    )

    assert shown.result == {"***": 1, "pin": "***", "n": 7}


def test_each_line_of_a_long_secret_is_hidden(plan: Plan) -> None:
    key = "-----BEGIN-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END-----"

    shown = redact(replace(record(error="parsing kqhkiG9w0BAQEF failed"), payload={"password": key}), plan)

    assert shown.error == "parsing *** failed"


def test_a_default_that_a_handler_was_given_is_hidden_too(plan: Plan) -> None:
    (mail, *others) = plan.registrations
    to, password = mail.payload
    declared = replace(mail, payload=(to, replace(password, default=PASSWORD)))

    shown = redact(
        replace(record(error=f"no: {PASSWORD}"), payload={"to": "x"}),
        replace(plan, registrations=(declared, *others)),
    )

    assert shown.error == "no: ***"
