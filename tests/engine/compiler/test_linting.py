"""Warnings: what each is given for, what it is not given for, and that it can be silenced."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl.compiler import check, lint
from jobctl.compiler.linting import total_backoff_s
from jobctl.spec import Diagnostic, Spec
from jobctl.spec.model import Backoff, Cron, JobSpec, LintCode

SpecOf = Callable[..., Spec]
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
BERLIN = "timezone: Europe/Berlin"


@pytest.fixture
def warnings_of(spec_of: SpecOf) -> Callable[..., list[Diagnostic]]:
    """Return the warnings about one job of a spec with two queues."""

    def find(keys: str, *, top: str = "", handlers: bool = True) -> list[Diagnostic]:
        text = f"version: 1\nqueues: {{critical: 6, default: 3}}\n{top}\njobs:\n  job:\n    handler: shop.mail:send\n"
        spec = spec_of(text + "".join(f"    {line}\n" for line in keys.splitlines()))
        return lint(spec, now=NOW, are_handlers_known=handlers)

    return find


@pytest.mark.parametrize(
    ("code", "keys"),
    [
        ("cron-dst", f'cron: "30 2 * * *"\n{BERLIN}'),
        ("cron-dst", f'cron: "15 30 2 * * *"\n{BERLIN}'),
        ("cron-dst", f'cron: "0 0,2 * * 0"\n{BERLIN}'),
        ("cron-dst", f'cron: "0 */2 * * *"\n{BERLIN}'),
        ("cron-dst", 'cron: "@daily"\ntimezone: America/Havana'),
        ("cron-overlap", 'cron: "* * * * *"'),
        ("cron-overlap", 'cron: "@every 1m"'),
        ("cron-overlap", 'cron: "@daily"\ntimeout: 2d'),
        ("cron-overlap", 'cron: "0,1 2 * * *"'),
        ("cron-overlap", 'cron: "*/30 * * * * *"\ntimeout: 1m'),
        ("cron-overlap", 'cron: "@yearly"\ntimeout: none'),
        ("backoff-exceeds-retention", "retries: 50\nbackoff: {delay: 1h, factor: 1, max: 1h}"),
        ("unique-without-for", "unique: {}"),
        ("unique-without-for", "unique: {by: [id]}\npayload: {id: int}"),
        ("no-alert", "queue: critical"),
        ("secret-field", "payload: {password: string}"),
        ("secret-field", "payload: {api_key: {type: string, required: false}}"),
        ("secret-field", "payload: {login: {type: object, fields: {token: string}}}"),
        ("secret-field", "payload: {logins: {type: list, items: {type: object, fields: {pwd: string}}}}"),
    ],
)
class TestRule:
    def test_warns_at_a_place_with_a_way_out(self, warnings_of: Callable[..., list[Diagnostic]], code, keys) -> None:
        (warning,) = warnings_of(keys)

        assert (warning.code, warning.severity) == (f"lint.{code}", "warning")
        assert warning.location is not None
        assert warning.source
        assert f"`lint: {{ignore: [{code}]}}` silences this" in (warning.hint or "")
        assert warning.render().startswith(f"warning[lint.{code}]: ")

    def test_is_silenced_by_its_job(self, warnings_of: Callable[..., list[Diagnostic]], code, keys) -> None:
        assert warnings_of(f"{keys}\nlint: {{ignore: [{code}]}}") == []

    def test_is_silenced_by_its_file(self, warnings_of: Callable[..., list[Diagnostic]], code, keys) -> None:
        assert warnings_of(keys, top=f"lint: {{ignore: {code}}}") == []


@pytest.mark.parametrize(
    "keys",
    [
        'cron: "30 2 * * *"',  # UTC has no summer time
        f'cron: "30 3 * * *"\n{BERLIN}',
        f'cron: "30 * * * *"\n{BERLIN}',  # wildcard hours go by elapsed time
        f'cron: "@every 1h"\n{BERLIN}',
        f'cron: "30 2 * 7 *"\n{BERLIN}',  # never on the day of the change
        'cron: "* * * * *"\ntimeout: 1m',
        'cron: {every: "* * * * *", overlap: skip}',
        'cron: "* * * * *"\nunique: {for: 1h}',
        "retries: 50\nbackoff: {delay: 1h, factor: 1, max: 1h}\nretention: forever",
        "retries: 50\nbackoff: {delay: 1h, factor: 1, max: 1h}\nretention: none",
        "queue: critical\nalert: dead",
        "payload: {password: {type: string, secret: true}}",
        "payload: {login: {type: object, secret: true, fields: {token: string}}}",
        'cron: "0 0 29 2 1"\ntimezone: Europe/Berlin',  # once in 28 years
        'cron: "0 0 L * *"\ntimezone: Europe/Berlin',
        'cron: "0 0 * * 5#5"\ntimezone: Europe/Berlin',
        "payload: {token_count: int, password_expired: bool, secretary: string, token: int}",
    ],
)
def test_what_is_meant_is_not_warned_of(warnings_of: Callable[..., list[Diagnostic]], keys: str) -> None:
    assert warnings_of(keys) == []


@given(
    fields=st.tuples(
        st.sampled_from(["*", "0", "*/7", "59", "1,30"]),
        st.sampled_from(["*", "2", "0-3", "*/5", "23"]),
        st.sampled_from(["*", "29", "31", "L", "1-7"]),
        st.sampled_from(["*", "2", "3,10", "jan"]),
        st.sampled_from(["*", "0", "7", "mon-fri", "5#5", "L1"]),
    ),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Havana", "Asia/Kolkata"]),
    now=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
)
def test_any_schedule_can_be_linted(fields: tuple[str, ...], zone: str, now: datetime) -> None:
    cron = Cron(id="job", expression=" ".join(fields), timezone=zone)
    job = JobSpec(name="job", type="job", handler="x:y", cron=(cron,))

    codes = {one.code for one in lint(Spec(queues=(), jobs=(job,)), now=now)}

    assert codes <= {"lint.cron-dst", "lint.cron-overlap"}


def test_gap_is_told_with_the_day_and_the_time_it_runs(warnings_of: Callable[..., list[Diagnostic]]) -> None:
    (warning,) = warnings_of(f'cron: "30 2 * * *"\n{BERLIN}')

    assert "02:30, which Europe/Berlin does not have on 2026-03-29" in warning.message
    assert "it runs at 03:00" in (warning.hint or "")


def test_equal_queues_are_none_of_them_critical(spec_of: SpecOf) -> None:
    spec = spec_of("version: 1\nqueues: {default: 3, other: 3}\njobs: {job: {handler: x:y}}")

    assert lint(spec, now=NOW) == []


def test_silencing_an_unknown_code_is_a_problem(tmp_path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("version: 1\nlint: {ignore: [no-alerts]}\njobs: {job: {handler: x:y}}\n")

    _, problems = check(file, handlers=False)

    assert [one.hint for one in problems] == ["did you mean `no-alert`?"]


def test_handler_is_looked_for_without_importing_it(
    warnings_of: Callable[..., list[Diagnostic]], application: Callable[..., None]
) -> None:
    (missing,) = warnings_of("summary: x", handlers=False)
    application(shop__mail="raise RuntimeError('imported')\n")

    assert missing.code == "lint.handler-not-importable"
    assert warnings_of("summary: x", handlers=False) == []


def test_handler_that_runs_elsewhere_is_no_problem_if_that_is_said(tmp_path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("version: 1\njobs: {job: {handler: 'nowhere:y', lint: {ignore: [handler-not-importable]}}}\n")

    assert check(file)[1] == ()


def test_every_code_has_a_rule_that_gives_it() -> None:
    given = {mark.args[1][n][0] for mark in TestRule.pytestmark for n in range(len(mark.args[1]))}

    assert given | {"handler-not-importable"} == set(LintCode)


def test_total_backoff() -> None:
    assert total_backoff_s(Backoff(delay_s=10, factor=2, max_s=60), 5) == 10 + 20 + 40 + 60 + 60
    assert total_backoff_s(Backoff(), 0) == 0
