"""What a good spec means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from jobctl.errors import JobctlError, SpecError
from jobctl.spec import Spec, SpecErrors, load
from jobctl.spec.model import (
    NO_DEFAULT,
    AlertEvent,
    Backoff,
    CatchUp,
    FieldType,
    Isolation,
    JobSpec,
    PayloadField,
    QueueSpec,
    Scheduling,
    Unique,
)

SpecOf = Callable[..., Spec]
JobOf = Callable[[str], JobSpec]


def without_place(field: PayloadField) -> PayloadField:
    return PayloadField(**{name: getattr(field, name) for name in PayloadField.__slots__ if name != "location"})


def test_least_spec_has_the_documented_defaults(spec_of: SpecOf) -> None:
    spec = spec_of("version: 1\njobs:\n  send-mail: {handler: shop.mail:send}\n")

    (job,) = spec.jobs
    assert job == JobSpec(
        name="send-mail",
        type="send-mail",
        handler="shop.mail:send",
        location=job.location,
        handler_location=job.handler_location,
    )
    assert spec.queues == (QueueSpec(name="default", weight=1),)
    assert spec.scheduling is Scheduling.WEIGHTED


def test_places_are_those_of_the_file(spec_of: SpecOf, tmp_path: Path) -> None:
    spec = spec_of("version: 1\njobs:\n  send-mail:\n    handler: shop.mail:send\n    payload:\n      id: uuid\n")

    (job,) = spec.jobs
    assert str(job.location) == f"{tmp_path / '0.yaml'}:3:3"
    assert str(job.handler_location) == f"{tmp_path / '0.yaml'}:4:14"
    assert str(job.payload[0].location) == f"{tmp_path / '0.yaml'}:6:7"


def test_all_keys_of_a_job(job_of: JobOf) -> None:
    job = job_of("""
        type: mail:send
        summary: Send one mail
        queue: default
        retries: 5
        backoff: {delay: 30s, factor: 3, max: 10m, jitter: 0}
        timeout: 1h30m
        heartbeat: 30s
        retention: 7d
        dead_retention: forever
        max_crashes: 1
        isolation: process
        unique: {by: [id], for: 10m}
        payload: {id: uuid}
        alert: [dead, lost]
        tags: [mail, "on"]
    """)

    assert job.type == "mail:send"
    assert job.retries == 5
    assert job.backoff == Backoff(delay_s=30, factor=3, max_s=600, jitter=0)
    assert (job.timeout_s, job.heartbeat_s, job.retention_s, job.dead_retention_s) == (5400, 30, 604_800, 0)
    assert job.max_crashes == 1
    assert job.isolation is Isolation.PROCESS
    assert job.unique == Unique(by=("id",), for_s=600)
    assert job.alert == (AlertEvent.DEAD, AlertEvent.LOST)
    assert job.tags == ("mail", "on")


@pytest.mark.parametrize(
    ("keys", "attribute", "value"),
    [
        ("timeout: none", "timeout_s", 0.0),
        ("timeout: 500ms", "timeout_s", 0.5),
        ("heartbeat: none", "heartbeat_s", 0.0),
        ("retention: forever", "retention_s", 0.0),
        ("retention: none", "retention_s", -1.0),
        ("dead_retention: none", "dead_retention_s", -1.0),
        ("alert: dead", "alert", (AlertEvent.DEAD,)),
        ("tags: mail", "tags", ("mail",)),
        ("unique: {}", "unique", Unique()),
        ("summary: no", "summary", "no"),
        ("summary: 012", "summary", "012"),
        ("summary: >\n  Two\n  lines\n", "summary", "Two lines"),
    ],
)
def test_values_with_a_meaning_of_their_own(job_of: JobOf, keys: str, attribute: str, value: object) -> None:
    assert getattr(job_of(keys), attribute) == value


def test_defaults_hold_for_their_own_file_only(spec_of: SpecOf) -> None:
    spec = spec_of(
        """
        version: 1
        defaults: {retries: 7, alert: dead, backoff: {delay: 1m, jitter: 0}}
        jobs:
          plain: {handler: shop.mail:plain}
          own: {handler: shop.mail:own, retries: 0, alert: [], backoff: {delay: 2s}}
        """,
        "version: 1\njobs:\n  other: {handler: shop.mail:other}\n",
    )

    plain, own, other = spec.jobs
    assert (plain.retries, plain.alert, plain.backoff) == (7, (AlertEvent.DEAD,), Backoff(delay_s=60, jitter=0))
    assert (own.retries, own.alert, own.backoff) == (0, (), Backoff(delay_s=2, jitter=0))
    assert (other.retries, other.alert, other.backoff) == (3, (), Backoff())


def test_queues_by_number_and_by_mapping(spec_of: SpecOf) -> None:
    spec = spec_of("""
        version: 1
        queues: {critical: 6, default: {weight: 3}, low: {}}
        scheduling: strict
        jobs: {send-mail: {handler: shop.mail:send, queue: critical}}
    """)

    assert [(queue.name, queue.weight) for queue in spec.queues] == [("critical", 6), ("default", 3), ("low", 1)]
    assert spec.scheduling is Scheduling.STRICT


def test_files_of_a_folder_form_one_spec(spec_of: SpecOf, tmp_path: Path) -> None:
    spec = spec_of(
        "version: 1\nqueues: {mail: 2, default: 1}\nhooks: {error: shop.alerts:on_error}\n",
        "version: 1\njobs:\n  b: {handler: shop.mail:b, queue: mail}\n",
        "version: 1\njobs:\n  a: {handler: shop.mail:a}\n",
    )

    assert [job.name for job in spec.jobs] == ["b", "a"]
    assert spec.hooks.error == "shop.alerts:on_error"
    assert spec.hook_locations["error"].line == 3
    assert spec.files == tuple(str(tmp_path / f"{index}.yaml") for index in range(3))


def test_words_that_yaml_1_1_takes_for_something_else_stay_words(spec_of: SpecOf) -> None:
    spec = spec_of("""
        version: 1
        queues: {on: 1, "no": 2, off: 3}
        jobs:
          y:
            handler: shop.mail:y
            queue: on
            payload:
              lang: {type: enum, choices: [no, on, 1:30, 012], default: no}
              text: {type: string, default: 1_000}
              day: {type: string, default: 2026-01-31}
    """)

    assert [queue.name for queue in spec.queues] == ["on", "no", "off"]
    lang, text, day = spec.jobs[0].payload
    assert (lang.choices, lang.default) == (("no", "on", "1:30", "012"), "no")
    assert (text.default, day.default) == ("1_000", "2026-01-31")


def test_payload_field_by_type_name_is_required(job_of: JobOf) -> None:
    (field,) = job_of("payload: {tenant_id: uuid}").payload

    assert without_place(field) == PayloadField(name="tenant_id", type=FieldType.UUID, flag="tenant-id")


def test_payload_field_with_everything(job_of: JobOf) -> None:
    name, size, wait, lang, ids, address = job_of("""
        payload:
          name: {type: string, help: Who, flag: who, secret: true, pattern: '[a-z]+', min: 2, max: 9, default: ada}
          size: {type: int, min: -1, max: 5, required: false}
          wait: {type: duration, min: 1m, max: 1h, default: 5m}
          lang: {type: enum, values: [en, de]}
          ids: {type: list, items: {type: int, min: 1}, min: 1, default: [1, 2]}
          address: {type: object, fields: {street: string, zip: {type: string, required: false}}, default: ~}
    """).payload

    assert without_place(name) == PayloadField(
        name="name",
        type=FieldType.STRING,
        required=False,
        default="ada",
        help="Who",
        flag="who",
        secret=True,
        pattern="[a-z]+",
        minimum=2,
        maximum=9,
    )
    assert (size.minimum, size.maximum, size.required, size.default) == (-1, 5, False, NO_DEFAULT)
    assert (wait.minimum, wait.maximum, wait.default) == (60, 3600, "5m")
    assert lang.choices == ("en", "de")
    assert ids.items is not None
    assert (ids.items.type, ids.items.minimum, ids.default) == (FieldType.INT, 1, [1, 2])
    assert [field.name for field in address.fields] == ["street", "zip"]
    assert address.default is None


def test_only_schedule_has_the_name_of_its_job(job_of: JobOf) -> None:
    (cron,) = job_of('cron: "0 2 * * *"').cron

    assert (cron.id, cron.expression, cron.timezone, cron.catch_up) == (
        "send-mail", "0 2 * * *", "UTC", CatchUp.ONCE,
    )  # fmt: skip


def test_several_schedules_are_told_apart_by_id_or_number(job_of: JobOf) -> None:
    crons = job_of("""
        timezone: Europe/Berlin
        catch_up: skip
        payload: {limit: {type: int, default: 10}}
        cron:
          - "@hourly"
          - {id: night, every: "0 2 * * *", timezone: UTC, payload: {limit: 5}, catch_up: all}
          - {every: 15m}
    """).cron

    assert [(one.id, one.expression, one.timezone, one.payload, one.catch_up) for one in crons] == [
        ("send-mail/1", "@hourly", "Europe/Berlin", {"limit": 10}, CatchUp.SKIP),
        ("send-mail/night", "0 2 * * *", "UTC", {"limit": 5}, CatchUp.ALL),
        ("send-mail/3", "@every 15m", "Europe/Berlin", {"limit": 10}, CatchUp.SKIP),
    ]


def test_anchors_merges_and_extension_keys(spec_of: SpecOf) -> None:
    spec = spec_of("""
        version: 1
        x-slow: &slow {timeout: 1h, retries: 1}
        x-quiet: &quiet {retention: none, retries: 2}
        jobs:
          one: {<<: *slow, handler: shop.mail:one}
          two: {<<: [*slow, *quiet], handler: shop.mail:two, timeout: 2h}
    """)

    one, two = spec.jobs
    assert (one.timeout_s, one.retries) == (3600, 1)
    assert (two.timeout_s, two.retries, two.retention_s) == (7200, 1, -1)


def test_json_is_a_spec_as_well(tmp_path: Path) -> None:
    file = tmp_path / "spec.json"
    file.write_text('{"version": 1, "jobs": {"send-mail": {"handler": "shop.mail:send", "retries": 5}}}')

    assert load(file).jobs[0].retries == 5


def test_several_paths_are_one_spec_and_a_file_counts_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(f"version: 1\njobs:\n  {name}: {{handler: shop.mail:{name}}}\n")

    spec = load([tmp_path / "b.yaml", tmp_path, tmp_path / "a.yaml"])

    assert [job.name for job in spec.jobs] == ["b", "a"]


def test_errors_exit_with_3_and_show_all_problems(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\njobs:\n  a: {}\n  b: {handler: x:y, retries: -1}\n")

    with pytest.raises(SpecErrors) as raised:
        load(tmp_path)

    error = raised.value
    assert isinstance(error, SpecError)
    assert isinstance(error, JobctlError)
    assert error.exit_code == 3
    assert [problem.code for problem in error.diagnostics] == ["spec.missing-key", "spec.out-of-range"]
    assert str(error) == "\n\n".join(problem.render() for problem in error.diagnostics)
    assert error.summary == "2 problems in 1 file"


def test_unknown_queues_are_not_reported_while_a_file_is_unreadable(
    problems_of: Callable[..., tuple[object, ...]],
) -> None:
    problems = problems_of("version: 1\nqueues: {mail: 1", "version: 1\njobs:\n  a: {handler: x:y, queue: mail}\n")

    assert [problem.code for problem in problems] == ["spec.yaml"]  # type: ignore[attr-defined]


def test_default_of_a_secret_is_never_quoted(problems_of: Callable[..., tuple[object, ...]]) -> None:
    (problem,) = problems_of("""
        version: 1
        jobs:
          a:
            handler: x:y
            payload:
              pin:
                type: int
                secret: true
                default: hunter2
    """)

    assert "hunter2" not in problem.message  # type: ignore[attr-defined]
