from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from examples.tenants.demo.loopback import LoopbackService, Mailbox
from examples.tenants.hooks import on_error
from examples.tenants.resources import Resources
from jobctl import Context, Dead, Failure


# Nothing here depends on the kind of database.
@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/tenants.db"


MakeContext = Callable[..., Context]


def failure(*, alert: bool) -> Failure:
    return Failure(
        error=Dead("there is no tenant 7"),
        text="there is no tenant 7",
        outcome="dead",
        attempt=2,
        max_attempts=6,
        retry_in_s=None,
        alert=alert,
    )


def test_a_failure_is_logged_with_type_error_attempt_and_limit(
    context: MakeContext, caplog: pytest.LogCaptureFixture, mailbox: Mailbox
):
    on_error(context("tenant-init", attempt=2), failure(alert=False))

    [record] = caplog.records
    facts = vars(record)
    assert record.levelno == logging.ERROR
    assert facts["type"] == "tenant:initialize"
    assert facts["error"] == "Dead: there is no tenant 7"
    assert (facts["attempt"], facts["max_attempts"]) == (2, 6)
    assert mailbox.letters == []


def test_an_alert_goes_to_the_webhook_and_by_mail(
    context: MakeContext, resources: Resources, mailbox: Mailbox, billing: LoopbackService
):
    config = replace(resources.config, alert_webhook_url=f"{billing.url}/hook", alert_email="ops@example.com")

    on_error(context("tenant-init", config=config, attempt=2), failure(alert=True))

    [call] = billing.calls
    assert call.path == "/hook"
    assert call.body["text"] == "Job tenant-init is dead (attempt 2 of 6): there is no tenant 7"
    assert call.body["type"] == "tenant:initialize"
    [letter] = mailbox.to("ops@example.com")
    assert letter["Subject"] == "Job tenant-init is dead (attempt 2 of 6)"
    assert "jobctl replay k1" in letter.get_content()


def test_an_alert_that_fails_is_logged_without_its_secret_address(
    context: MakeContext, resources: Resources, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
):
    mailbox.rcpt_answer = "550 no"
    config = replace(resources.config, alert_webhook_url="http://127.0.0.1:1/hush", alert_email="ops@example.com")

    on_error(context("tenant-init", config=config), failure(alert=True))

    assert [record.message for record in caplog.records if record.name == "jobctl.handler"] == [
        "task failed",
        "alert could not be posted",
        "alert could not be mailed",
    ]
    assert "hush" not in str([vars(record) for record in caplog.records])


def test_an_alert_that_nobody_hears_says_so(context: MakeContext, caplog: pytest.LogCaptureFixture):
    on_error(context("tenant-init"), failure(alert=True))

    assert "alert has nobody to go to" in caplog.text
