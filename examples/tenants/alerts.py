"""Alerts: an operator hears of a failure by webhook, e-mail, or both; with neither configured, the log says so."""

from __future__ import annotations

import smtplib

import httpx

from examples.tenants.letters import alert_letter
from examples.tenants.mailer import MailRefused
from examples.tenants.resources import Resources
from jobctl import Context, Failure

WEBHOOK_TIMEOUT_S = 10.0


def send_alert(resources: Resources, ctx: Context, failure: Failure) -> None:
    """Tell whoever is configured to hear it. Never raises: a failing alert must not hide the failure it is about."""
    config = resources.config
    if not (config.alert_webhook_url or config.alert_email):
        ctx.log.error("alert has nobody to go to", extra={"set": "ALERT_WEBHOOK_URL or ALERT_EMAIL"})
    if config.alert_webhook_url:
        try:
            _post(config.alert_webhook_url, ctx, failure)
        except httpx.HTTPError as error:
            # without the address, which is a secret, and which some of these messages carry
            ctx.log.error("alert could not be posted", extra={"error": type(error).__name__})
    if config.alert_email:
        letter = alert_letter(
            sender=config.email.sender,
            to=config.alert_email,
            subject=_headline(ctx, failure),
            body=_body(ctx, failure),
            now=resources.now(),
        )
        try:
            resources.mailer.send(letter)
        except (MailRefused, OSError, smtplib.SMTPException) as error:
            ctx.log.error("alert could not be mailed", extra={"error": str(error)})


def _post(url: str, ctx: Context, failure: Failure) -> None:
    facts = {
        "text": f"{_headline(ctx, failure)}: {failure.error}",  # what chat systems show
        "job": ctx.name,
        "type": ctx.type,
        "key": ctx.key,
        "queue": ctx.queue,
        "outcome": failure.outcome,
        "attempt": failure.attempt,
        "max_attempts": failure.max_attempts,
        "error": f"{type(failure.error).__name__}: {failure.error}",
    }
    httpx.post(url, json=facts, timeout=WEBHOOK_TIMEOUT_S).raise_for_status()


def _headline(ctx: Context, failure: Failure) -> str:
    what = "is dead" if failure.outcome == "dead" else "failed and will be retried"
    return f"Job {ctx.name} {what} (attempt {failure.attempt} of {failure.max_attempts})"


def _body(ctx: Context, failure: Failure) -> str:
    return f"""{_headline(ctx, failure)}.

    {type(failure.error).__name__}: {failure.error}

Look at it:      jobctl inspect {ctx.key}
Run it again:    jobctl replay {ctx.key}
"""
