"""A job as it is in force: every value has its origin."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jobctl.compiler.effective import Origin, Override, Setting, effective
from jobctl.errors import UnknownJob
from jobctl.spec import Spec

SPEC = """\
version: 1
queues: {critical: 6, default: {weight: 3, reserved: 2}}
defaults:
  retries: 7
  backoff: {max: 2h}
jobs:
  send-mail:
    type: mail:send
    handler: shop.mail:send
    timeout: none
    backoff: {delay: 30s}
    retention: forever
    unique: {by: [id], for: 10m}
    alert: [dead, lost]
    payload:
      id: uuid
      token: {type: string, secret: true, default: hunter2}
      kind: {type: enum, choices: [a, b], default: a}
    cron:
      - {every: "0 2 * * *", id: night, payload: {id: 7c9e6679-7425-40de-944b-e07fc1f90ae7}}
  plain:
    handler: shop.mail:send
    queue: critical
"""


@pytest.fixture
def setting_of(spec_of: Callable[..., Spec]) -> Callable[..., Setting]:
    """Return one setting of a job of the spec above."""

    def find(key: str, job: str = "send-mail", **overrides: Override) -> Setting:
        return {one.key: one for one in effective(spec_of(SPEC), job, overrides)}[key]

    return find


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("type", "mail:send", 8),
        ("timeout", "none", 10),
        ("backoff.delay", "30s", 11),
        ("retention", "forever", 12),
        ("unique", "by [id], for 10m", 13),
        ("alert", "[dead, lost]", 14),
        ("payload.id", "uuid, required", 16),
        ("payload.token", "string, optional, default ***, secret", 17),
        ("payload.kind", 'enum, optional, default "a", one of a, b', 18),
        ("cron", "0 2 * * *, UTC, catch_up once, overlap allow", 20),
        ("queues.default.weight", "3", 2),
        ("queues.default.reserved", "2", 2),
    ],
)
def test_value_of_the_spec_names_its_line(setting_of: Callable[..., Setting], key: str, value: str, line: int) -> None:
    found = setting_of(key if key != "cron" else "cron")

    assert (found.value, found.origin.kind) == (value, "spec")
    assert found.origin.location is not None
    assert found.origin.location.line == line
    assert str(found.origin).endswith(f".yaml:{line}")


@pytest.mark.parametrize(("key", "value", "line"), [("retries", "7", 4), ("backoff.max", "2h", 5)])
def test_value_of_the_defaults_says_so(setting_of: Callable[..., Setting], key: str, value: str, line: int) -> None:
    found = setting_of(key)

    assert (found.value, found.origin.kind) == (value, "defaults")
    assert str(found.origin).endswith(f".yaml:{line} (defaults)")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("queue", "default"),
        ("heartbeat", "none"),
        ("backoff.factor", "2"),
        ("backoff.jitter", "0.5"),
        ("dead_retention", "90d"),
        ("queues.default.max_running", "none"),
    ],
)
def test_value_that_nobody_says_is_built_in(setting_of: Callable[..., Setting], key: str, value: str) -> None:
    found = setting_of(key)

    assert (found.value, found.origin) == (value, Origin("built-in"))


def test_weight_from_outside_wins(setting_of: Callable[..., Setting]) -> None:
    variable = Origin("environment", name="JOBCTL_QUEUE_CRITICAL")

    found = setting_of("queues.critical.weight", "plain", critical=Override(9, variable))

    assert (found.value, str(found.origin)) == ("9", "JOBCTL_QUEUE_CRITICAL")


def test_job_is_found_by_type(setting_of: Callable[..., Setting]) -> None:
    assert setting_of("retries", "mail:send").value == "7"


def test_unknown_job_is_told_with_the_nearest(spec_of: Callable[..., Spec]) -> None:
    with pytest.raises(UnknownJob) as raised:
        effective(spec_of(SPEC), "send-mial")

    assert raised.value.hint == "did you mean `send-mail`?"
