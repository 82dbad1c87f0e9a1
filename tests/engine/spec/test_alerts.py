"""Alerts in a spec: what they become, and what a plan has of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobctl.compiler import compile_spec
from jobctl.compiler.facts import facts
from jobctl.compiler.linting import lint
from jobctl.spec import Spec, load
from jobctl.spec.model import Alert, AlertCondition, LintCode

JOBS = """\
version: 1
queues: {critical: 6, default: 3}
jobs:
  mail: {handler: "shop:mail", queue: critical, retries: 0}
"""


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Spec]:
    def load_text(more: str) -> Spec:
        (tmp_path / "spec.yaml").write_text(JOBS + more)
        return load(tmp_path / "spec.yaml")

    return load_text


def test_alert_with_its_defaults(read) -> None:
    (alert,) = read("alerts: {deaths: {when: dead, to: $OPS}}\n").alerts

    assert alert == Alert(name="deaths", when=AlertCondition.DEAD, to=("$OPS",), location=alert.location)
    assert (alert.location.line, alert.location.column) == (5, 10)


def test_alert_with_everything(read) -> None:
    (alert,) = read(
        "alerts:\n  failing:\n    when: failures\n    to: [https://example.org/x, mailto:a@b, 'exec:page --now']\n"
        "    jobs: mail\n    queues: [critical]\n    ratio: 0.1\n    least: 50\n    window: 5m\n    every: 1h\n"
    ).alerts

    assert alert.to == ("https://example.org/x", "mailto:a@b", "exec:page --now")
    assert (alert.jobs, alert.queues) == (("mail",), ("critical",))
    assert (alert.ratio, alert.least, alert.window_s, alert.every_s) == (0.1, 50, 300.0, 3600.0)


def test_alerts_bring_the_job_that_delivers_them_and_its_queue(read) -> None:
    plan = compile_spec(read("alerts: {deaths: {when: dead, to: $OPS}}\n"))

    assert plan.queue_names == ("critical", "default", "alerts")
    assert plan.by_name["jobctl-alert"].queue == "alerts"
    assert [alert.name for alert in plan.alerts] == ["deaths"]


def test_a_queue_of_that_name_is_the_spec_s_own(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        "version: 1\nqueues: {default: 1, alerts: 5}\njobs: {mail: {handler: 'shop:mail'}}\n"
        "alerts: {late: {when: age, queues: [alerts], to: $OPS}}\n"
    )

    plan = compile_spec(load(tmp_path / "spec.yaml"))

    assert [(queue.name, queue.weight) for queue in plan.queues] == [("default", 1), ("alerts", 5)]


def test_a_plan_without_alerts_is_the_plan_it_was(read) -> None:
    plan = compile_spec(read(""))

    assert plan.queue_names == ("critical", "default")
    assert plan.alerts == ()
    assert plan.fingerprint == "6ba9a76487487606"


def test_a_changed_alert_is_another_plan_and_its_addresses_stay_out_of_the_facts(read) -> None:
    before = compile_spec(read("alerts: {deaths: {when: dead, to: https://example.org/SECRET}}\n"))
    after = compile_spec(read("alerts: {deaths: {when: dead, to: https://example.org/SECRET, every: 1h}}\n"))

    assert before.fingerprint != after.fingerprint
    assert "SECRET" not in str(facts(before))


@pytest.mark.parametrize(
    ("alerts", "is_warned"),
    [
        ("", True),
        ("alerts: {a: {when: dead, to: $OPS}}\n", False),
        ("alerts: {a: {when: dead, to: $OPS, queues: [default]}}\n", True),
        ("alerts: {a: {when: dead, to: $OPS, jobs: [mail]}}\n", False),
        ("alerts: {a: {when: age, to: $OPS}}\n", True),
    ],
)
def test_heaviest_queue_without_an_alert_of_deaths_is_warned_of(read, alerts: str, is_warned: bool) -> None:
    found = lint(read(alerts), now=datetime(2026, 1, 1, tzinfo=UTC))

    assert any(one.code == f"lint.{LintCode.NO_ALERT}" for one in found) is is_warned
