from __future__ import annotations

import pytest

from examples.tenants.config import Config, EmailProvider, Service
from jobctl.errors import UsageError


def test_nothing_set_keeps_everything_on_this_machine():
    config = Config.from_env({})

    assert config.database_url == "sqlite:///.jobctl/tenants.db"
    assert config.email.provider is EmailProvider.CONSOLE
    assert config.services == ()
    assert config.alert_email is None


def test_reads_the_variables_of_the_document():
    config = Config.from_env(
        {
            "EMAIL_PROVIDER": "smtp",
            "EMAIL_FROM_ADDRESS": "Tenants <noreply@example.com>",
            "SMTP_HOST": "mail.example.com",
            "SMTP_PORT": "587",
            "SMTP_USER": "app",
            "SMTP_PASSWORD": "hush",
            "INVITATION_BASE_URL": "https://app.example.com/accept",
            "TENANT_INIT_SERVICES": "http://a:1/, billing=https://b.example.com/api",
            "ALERT_WEBHOOK_URL": "https://hooks.example.com/T1/secret",
            "ALERT_EMAIL": "ops@example.com",
        }
    )

    assert (config.email.host, config.email.port, config.email.user) == ("mail.example.com", 587, "app")
    assert config.services == (
        Service(name="a:1", url="http://a:1"),
        Service(name="billing", url="https://b.example.com/api"),
    )


def test_secrets_are_not_in_its_text():
    config = Config.from_env(
        {
            "DATABASE_URL": "postgres://u:hush@h/d",
            "SMTP_PASSWORD": "hush",
            "TENANT_INIT_SERVICES": "http://u:hush@service",
            "ALERT_WEBHOOK_URL": "https://hooks.example.com/hush",
        }
    )

    assert "hush" not in repr(config)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("EMAIL_PROVIDER", "pigeon"),
        ("EMAIL_FROM_ADDRESS", "nobody"),
        ("EMAIL_FROM_ADDRESS", "a@b.example\nBcc: c@d.example"),
        ("SMTP_PORT", "smtp"),
        ("SMTP_PORT", "70000"),
        ("INVITATION_BASE_URL", "app.example.com"),
        ("TENANT_INIT_SERVICES", "http://a,ftp://b"),
        ("TENANT_INIT_SERVICES", "x=http://a,x=http://b"),
        ("ALERT_WEBHOOK_URL", "hooks"),
        ("ALERT_EMAIL", "ops"),
    ],
)
def test_a_value_that_cannot_be_meant_is_named(variable: str, value: str):
    with pytest.raises(UsageError, match=variable) as caught:
        Config.from_env({variable: value})

    assert caught.value.hint
