from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl.broker.record import read_record
from jobctl.compiler.plan import Plan
from jobctl.errors import UsageError
from jobctl.inspector.filters import JobFilter, parse_filter, where
from jobctl.inspector.filters.matching import Facts, compile_test, wildcard
from jobctl.records import Attempt, JobRecord, JobState
from jobctl.spec.model import FieldType

NOW_MS = 1_700_000_000_000
PAYLOAD = {
    "id": 7,
    "to": "Ada@example.org",
    "on": True,
    "none": None,
    "roles": ["admin", "ops"],
    "deep": {"at": [1, {"x": "y"}]},
}


def record(**fields: Any) -> JobRecord:
    blank = read_record("saq:job:low:019a-key", b'{"function":"mail:send"}')
    return replace(blank, state=JobState.DEAD, payload=PAYLOAD, error="ValueError: it Timed Out", **fields)


def holds(text: str | JobFilter, job: JobRecord, plan: Plan | None = None) -> bool:
    chosen = parse_filter(text) if isinstance(text, str) else text
    test = compile_test(chosen.expression, Facts(NOW_MS, plan))
    return test is None or test(job)


@pytest.mark.parametrize(
    "text",
    [
        "", "state=dead", "state=active,dead", "state!=active", "not state=active", "queue=low", "queue=l*",
        "type=mail:*",
        "type~MAIL", "type!~sms", "key=019a*", 'error~"timed out"', "error!=''", "attempts=0", "attempts<1",
        "attempts!=3",
        "payload.id=7", "payload.id=6,7", "payload.id>6.5", "payload.id<=7", "payload.id=*",
        'payload.to="Ada@example.org"',
        "payload.to=ada@example.org or payload.to~ADA@", "payload.to>A", "payload.on=true",
        "payload.none=null", "payload.roles=ops",
        "payload.roles.0=admin", "payload.deep.at.1.x=y", "payload.deep~x", "payload.missing!=1",
        "not payload.missing=*",
        "state=dead and (queue=high or payload.id=7)", "tag=urgent", "replayed=false", "worker=''",
    ],
)  # fmt: skip
def test_what_matches(text: str) -> None:
    assert holds(text, record(tags=("urgent",)))


@pytest.mark.parametrize(
    "text",
    [
        "state=active", "state!=dead", "queue=lo", "type=*sms", "key=019b*", "error~refused", "attempts>0",
        'payload.id="7"',
        "payload.id=true", "payload.on=1", "payload.on=false", 'payload.none="null"', "payload.to='*'",
        "payload.missing=null",
        "payload.roles=dev", "payload.roles.2=ops", "payload.id.x=1", "payload.on>0", "payload.id>a", "tag=u",
        "replayed=true",
        "state=dead and queue=high", "payload.to=ada@example.org",
    ],
)  # fmt: skip
def test_what_does_not(text: str) -> None:
    assert not holds(text, record(tags=("urgent",)))


@pytest.mark.parametrize(
    ("bounds", "admitted"),
    [("", 1), ("age>=60s", 1), ("age>60s", 0), ("age<=60s", 1), ("age<60s", 0), ("age>3s age<2m", 1)],
)  # fmt: skip
def test_an_age_counts_from_the_end(bounds: str, admitted: int) -> None:
    assert holds(bounds, record(completed_ms=NOW_MS - 60_000)) == bool(admitted)


def test_a_job_of_unknown_age_matches_no_age() -> None:
    assert not holds("age>=0s or age<1000d or waited>0s or ran<1h", record())


def test_times_waited_and_run() -> None:
    job = record(enqueued_ms=1_000, started_ms=61_000, completed_ms=63_500)

    assert holds("waited>=1m waited<=1m ran>2s ran<3s", job)


def test_the_error_of_a_job_that_goes_on_is_that_of_its_latest_attempt() -> None:
    tried = Attempt(attempt=1, outcome="retry", at_ms=1, error="OSError: refused")
    job = replace(record(history=(tried,)), state=JobState.RETRYING, error=None)

    assert holds("error~refused", job)
    assert not holds("error~refused", replace(job, state=JobState.COMPLETE))


def test_a_type_is_known_by_its_jobs_name_as_well(plan: Plan) -> None:
    assert holds("type=mail-send", record(), plan)
    assert holds("type=mail-*", record(), plan)
    assert holds("type!=sync-briefly", record(), plan)
    assert not holds("type=mail-send", record())


def test_tags_are_the_specs_and_the_enqueues(plan: Plan) -> None:
    (mail, *others) = plan.registrations
    tagged = Plan(
        queues=plan.queues, scheduling=plan.scheduling, schedules=(),
        registrations=(replace(mail, tags=("billing", "night")), *others),
    )  # fmt: skip

    assert holds("tag=billing tag=urgent", record(tags=("urgent",)), tagged)
    assert not holds("tag=billing", record(tags=("urgent",)), plan)


def test_anything_is_not_nothing(plan: Plan) -> None:
    replay = record(origin="k1", schedule=None)

    assert holds("origin=* and schedule!=*", replay, plan)
    assert holds('schedule="" and not schedule=*', replay, plan)
    assert not holds("origin!=*", replay, plan)


def test_a_secret_is_not_found_by_its_value(plan: Plan) -> None:
    job = record()
    job = replace(job, payload={"to": "x", "password": "hunter2"}, error="login with hunter2 refused")

    assert not holds("payload.password=hunter2 or payload.password~hunt or error~hunter2", job, plan)
    assert holds("payload.to=x payload.password=* error~refused", job, plan)


def test_a_secret_deep_in_a_payload_is_not_found_either(plan: Plan) -> None:
    (mail, *others) = plan.registrations
    token = replace(mail.payload[1], name="token")
    account = replace(mail.payload[0], name="account", type=FieldType.OBJECT, fields=(token,))
    deep = Plan(
        queues=plan.queues, scheduling=plan.scheduling, schedules=(),
        registrations=(replace(mail, payload=(account,)), *others),
    )  # fmt: skip

    job = replace(record(), payload={"account": {"token": "hunter2"}})

    assert holds("payload.account.token~hunt", job)
    assert not holds("payload.account.token~hunt", job, deep)


@given(st.text("ab", max_size=12), st.text("ab*", max_size=8))
def test_a_wildcard_is_what_the_shell_means_by_it(text: str, pattern: str) -> None:
    import fnmatch

    assert wildcard(pattern)(text) is fnmatch.fnmatchcase(text, pattern)


def test_a_wildcard_full_of_stars_takes_no_time() -> None:
    began = time.monotonic()

    assert not wildcard("*a" * 200 + "*b")("a" * 100_000)

    assert time.monotonic() - began < 20  # tried one after another, the ways to match would take for ever


def test_values_need_no_quotes_when_given_from_python() -> None:
    nasty = "a and (b) or \"c\" 'd' \\ *"
    job = replace(record(), type=nasty, payload={"id": nasty})

    assert holds(where(type=nasty, payload={"id": nasty}), job)
    assert holds(str(where(type=nasty, payload={"id": nasty})), job)
    assert not holds(where(type="*"), job)
    assert holds(where(payload={"id": 7, "on": True, "none": None, "to": "Ada@example.org"}), record())


def test_filters_join() -> None:
    dead, low = where(state="dead"), where(queue="low")

    assert str(dead & low) == "state=dead and queue=low"
    assert str((dead | low) & where(type="x")) == "(state=dead or queue=low) and type=x"
    assert str(dead & JobFilter()) == "state=dead"
    assert (dead | JobFilter()) == JobFilter()


def test_what_no_filter_can_be_made_of_is_refused() -> None:
    with pytest.raises(UsageError, match="no field `stat`"):
        where(stat="dead")
    with pytest.raises(UsageError, match="matches no job"):
        where(state=[])
