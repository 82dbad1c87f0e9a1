"""Specs compiled to plans."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl.compiler import Plan, compile_spec, load_plan
from jobctl.errors import UnknownJob, UsageError
from jobctl.spec import Spec, SpecErrors
from jobctl.spec.model import NO_DEFAULT, JobSpec, QueueSpec

SpecOf = Callable[..., Spec]
TEXT = """
    version: 1
    queues: {critical: 6, default: 3, low-prio: 1}
    hooks: {error: shop.alerts:on_error}
    jobs:
      tenant-init:
        type: tenant:initialize
        handler: shop.tenants:init
        summary: Prepare a tenant
        queue: critical
        retries: 5
        payload: {id: uuid}
        tags: [tenants]
      nightly:
        handler: shop.tenants:night
        cron: "0 2 * * *"
"""


def spec_with(weights: dict[str, int]) -> Spec:
    return Spec(
        queues=tuple(QueueSpec(name=name, weight=weight) for name, weight in weights.items()),
        jobs=(JobSpec(name="a", type="a", handler="x:y", queue=next(iter(weights))),),
    )


def test_retries_become_attempts(spec_of: SpecOf) -> None:
    plan = compile_spec(spec_of(TEXT))

    assert [(one.name, one.attempts, one.retries) for one in plan.registrations] == [
        ("tenant-init", 6, 5),
        ("nightly", 4, 3),
    ]


def test_everything_of_a_job_is_in_its_registration(spec_of: SpecOf) -> None:
    spec = spec_of(TEXT)

    registration = compile_spec(spec).registration("tenant-init")

    job = spec.jobs[0]
    for name in registration.__slots__:
        if name != "attempts":
            assert getattr(registration, name) == getattr(job, name)


def test_jobs_are_found_by_name_and_by_type(spec_of: SpecOf) -> None:
    plan = compile_spec(spec_of(TEXT))

    assert plan.registration("tenant:initialize") is plan.registration("tenant-init")
    with pytest.raises(UnknownJob) as raised:
        plan.registration("tenant-int")
    assert raised.value.hint == "did you mean `tenant-init`?"


def test_schedules_know_their_job(spec_of: SpecOf) -> None:
    (schedule,) = compile_spec(spec_of(TEXT)).schedules

    assert (schedule.id, schedule.job, schedule.type, schedule.queue) == ("nightly", "nightly", "nightly", "default")
    assert (schedule.expression, schedule.timezone, schedule.payload) == ("0 2 * * *", "UTC", {})


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True), st.integers(1, 1000), min_size=1))
def test_shares_are_weights_over_their_sum(weights: dict[str, int]) -> None:
    plan = compile_spec(spec_with(weights))

    assert sum(queue.share for queue in plan.queues) == pytest.approx(1)
    assert plan.queue_names == tuple(weights)
    for queue in plan.queues:
        assert queue.share == pytest.approx(weights[queue.name] / sum(weights.values()))


def test_weights_override_the_spec_and_count_in_the_shares(spec_of: SpecOf) -> None:
    plan = compile_spec(spec_of(TEXT), weights={"critical": 1, "default": 2})

    assert [(queue.name, queue.weight, queue.share) for queue in plan.queues] == [
        ("critical", 1, 0.25),
        ("default", 2, 0.5),
        ("low-prio", 1, 0.25),
    ]


def test_weight_of_an_undeclared_queue_is_an_error_with_the_nearest_name(spec_of: SpecOf) -> None:
    with pytest.raises(UsageError) as raised:
        compile_spec(spec_of(TEXT), weights={"critcal": 1})

    assert (raised.value.exit_code, raised.value.hint) == (2, "did you mean `critical`?")


def test_weights_of_the_environment_may_name_other_queues_and_cannot_write_hyphens(spec_of: SpecOf) -> None:
    plan = compile_spec(spec_of(TEXT), weights={"elsewhere": 9, "low_prio": 4}, strict=False)

    assert [(queue.name, queue.weight) for queue in plan.queues] == [("critical", 6), ("default", 3), ("low-prio", 4)]


@pytest.mark.parametrize("weight", [0, -1])
def test_weight_below_one_is_an_error(spec_of: SpecOf, weight: int) -> None:
    with pytest.raises(UsageError):
        compile_spec(spec_of(TEXT), weights={"critical": weight})


def test_plan_is_frozen_and_survives_pickling(spec_of: SpecOf) -> None:
    plan = compile_spec(spec_of(TEXT))

    with pytest.raises(FrozenInstanceError):
        plan.fingerprint = "x"  # type: ignore[misc]
    copy = pickle.loads(pickle.dumps(plan))
    assert copy == plan
    assert copy.registration("tenant-init").payload[0].default is NO_DEFAULT


def test_load_plan_loads_and_compiles(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\njobs:\n  a: {handler: x:y}\n")

    plan = load_plan(tmp_path, weights={"default": 7})

    assert isinstance(plan, Plan)
    assert plan.queues[0].weight == 7


def test_load_plan_raises_all_problems(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\njobs:\n  a: {}\n  b: {}\n")

    with pytest.raises(SpecErrors) as raised:
        load_plan(tmp_path)

    assert len(raised.value.diagnostics) == 2
