"""Payloads made up from declarations pass the checks of those declarations."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobctl import load_plan
from jobctl.compiler.payload import PayloadSchema
from jobctl.errors import UsageError
from jobctl.loadtest.payloads import made_up

SPEC = """
version: 1
jobs:
  every-type:
    handler: shop.jobs:every
    payload:
      text: {type: string, min: 3, max: 9}
      count: {type: int, min: 5, max: 7}
      ratio: {type: float, min: 0.5, max: 2}
      flag: bool
      id: uuid
      mail: email
      link: url
      at: datetime
      pause: {type: duration, min: 2s}
      plan: {type: enum, choices: [basic, pro]}
      tags: {type: list, items: string, min: 2}
      address: {type: object, fields: {street: string, zip: {type: string, required: false}}}
      more: {type: string, required: false}
      size: {type: int, default: 4}
  patterned:
    handler: shop.jobs:patterned
    payload: {code: {type: string, pattern: '[A-Z]{3}'}}
"""


def test_a_payload_of_every_type_is_valid_and_differs_from_job_to_job(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    registration = load_plan(tmp_path / "spec.yaml").registration("every-type")
    schema = PayloadSchema(registration.name, registration.payload)

    payloads = [made_up(registration, number) for number in (0, 1, 2**40)]

    for payload in payloads:
        schema.normalise(payload)
        assert "more" not in payload
        assert "size" not in payload
    assert len({payload["id"] for payload in payloads}) == 3


def test_what_cannot_be_made_up_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)

    with pytest.raises(UsageError, match="`code` of job `patterned`") as caught:
        made_up(load_plan(tmp_path / "spec.yaml").registration("patterned"), 1)

    assert "next_job" in str(caught.value.hint)
