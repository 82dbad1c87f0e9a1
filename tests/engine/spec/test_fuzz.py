"""Whatever stands in a file, loading it gives a spec or SpecErrors, soon."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobctl.compiler import compile_spec
from jobctl.spec import SpecErrors, load
from jobctl.spec import fields as tables
from jobctl.spec.sections import Section

ROOT = Path(__file__).parents[3]
KEYS = sorted({one.name for value in vars(tables).values() if isinstance(value, Section) for one in value.fields})
VALID = """\
version: 1
queues: {critical: 6, default: 3, low: {weight: 1}}
scheduling: weighted
hooks: {error: shop.alerts:on_error}
defaults: {retries: 4, backoff: {delay: 5s, max: 1h}}
x-slow: &slow {timeout: 10m, tags: [slow]}
jobs:
  tenant-init:
    <<: *slow
    type: tenant:initialize
    handler: shop.tenants:init
    queue: critical
    unique: {by: [id], for: 10m}
    payload:
      id: {type: uuid, help: The tenant}
      lang: {type: enum, choices: [en, no], default: no}
      extra: {type: object, fields: {a: int, b: {type: list, items: string}}, required: false}
    alert: [dead]
  nightly:
    handler: shop.tenants:night
    payload: {limit: {type: int, min: 1, max: 10, default: 5}}
    timezone: Europe/Berlin
    cron:
      - "0 2 * * *"
      - {every: 15m, id: quarter, payload: {limit: 7}}
"""
MARKS = [*"[]{}:,-?*&!|>'\"%@`#\t\n ~.<\\", ": ", "- ", "\n  ", "<<: *slow", "*slow", "&a ", "!!str ", "---\n"]
ODD = ["null", "true", "no", "1:30", "012", "-1", "1e999", "9" * 30, "30", "5m", "999999999w", "0 0 30 2 *", "@every "]
LETTERS = ["\u00e9", "\u2028", "\ufeff", "\x85", "\U0001f600"]
PIECES = [*MARKS, *ODD, *LETTERS, *KEYS]


def outcome_of(file: Path, raw: bytes) -> str:
    """Return `good` or `bad`; anything but SpecErrors, or a long wait, fails."""
    file.write_bytes(raw)
    started = time.process_time()
    outcome = "good"
    try:
        compile_spec(load(file))
    except SpecErrors as error:
        outcome = "bad" if error.diagnostics and str(error) else "silent"
    assert outcome in ("good", "bad")
    assert time.process_time() - started < 5
    return outcome


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["5m", "30s", "shop.mail:send", "default", "uuid", "list", "0 2 * * *", "@hourly", *KEYS]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), inner, max_size=5)
    ),
    max_leaves=25,
)
job_like = st.dictionaries(st.sampled_from([one.name for one in tables.JOB.fields]), values, max_size=8)
spec_like = st.fixed_dictionaries(
    {"version": st.just(1)},
    optional={
        "jobs": st.dictionaries(st.sampled_from(["a", "b-c", "D_e"]), job_like, max_size=3),
        "queues": values,
        "defaults": values,
        "hooks": values,
        "scheduling": values,
    },
)
quick = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)


@quick
@given(raw=st.binary(max_size=200))
def test_any_bytes(tmp_path: Path, raw: bytes) -> None:
    outcome_of(tmp_path / "a.yaml", raw)


@quick
@given(text=st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_any_yaml_tokens(tmp_path: Path, text: str) -> None:
    outcome_of(tmp_path / "a.yaml", text.encode())


@quick
@given(data=values | spec_like)
def test_any_data(tmp_path: Path, data: object) -> None:
    outcome_of(tmp_path / "a.yaml", yaml.safe_dump(data, allow_unicode=True).encode("utf-8", errors="replace"))


def mutate(text: str, choice: random.Random) -> str:
    """Return the text with a few pieces put in, taken out, or exchanged."""
    for _ in range(choice.randint(1, 4)):
        at = choice.randrange(len(text) + 1)
        end = min(len(text), at + choice.choice([0, 0, 1, 1, 3, 10, 40]))
        piece = choice.choice([*PIECES, "", "", text[at : at + choice.randrange(60)]])
        text = text[:at] + piece + text[end:]
    return text


@pytest.mark.parametrize("seed", range(60))
def test_mutations_of_a_good_spec(tmp_path: Path, seed: int) -> None:
    choice = random.Random(seed)

    outcomes = {outcome_of(tmp_path / "a.yaml", mutate(VALID, choice).encode()) for _ in range(10)}

    assert outcomes <= {"good", "bad"}


@pytest.mark.parametrize("path", sorted((ROOT / "jobspecs").glob("*.yaml")), ids=lambda path: path.stem)
def test_mutations_of_the_shipped_specs(tmp_path: Path, path: Path) -> None:
    choice = random.Random(path.stem)
    text = path.read_text(encoding="utf-8")

    for _ in range(100):
        outcome_of(tmp_path / "a.yaml", mutate(text, choice).encode())


def test_the_spec_that_is_mutated_is_good(tmp_path: Path) -> None:
    assert outcome_of(tmp_path / "a.yaml", VALID.encode()) == "good"


def keys(form: str, count: int) -> str:
    return ", ".join(form.format(index) for index in range(count))


MEBIBYTES = {
    "jobs": "version: 1\njobs: {" + keys("j{0}: {{queu: x, handler: y}}", 30_000) + "}",
    "keys": "version: 1\n" + keys("k{0}: v", 80_000).replace(", ", "\n"),
    "list": "version: 1\njobs: {a: {handler: x:y, tags: [" + "a, " * 300_000 + "a]}}",
    "scalar": "version: 1\njobs: {a: {handler: x:y, summary: " + "a" * 1_000_000 + "}}",
    "queues": "version: 1\nqueues: {" + keys("q{0}: 1", 50_000) + "}\n"
    "jobs: {" + keys("j{0}: {{handler: 'x:y', queue: r{0}}}", 2_000) + "}",
    "fields": "version: 1\njobs: {a: {handler: x:y, payload: {" + keys("f{0}: strin", 40_000) + "}}}",
}


@pytest.mark.parametrize("text", MEBIBYTES.values(), ids=MEBIBYTES)
def test_a_mebibyte_of_faults_is_told_in_seconds(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    started = time.process_time()

    with pytest.raises(SpecErrors) as raised:
        load(tmp_path)

    assert len(str(raised.value)) < 200_000
    assert time.process_time() - started < 10
