from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from jobctl.testing.scenarios.model import Played
from jobctl.testing.scenarios.play import play
from jobctl.testing.scenarios.reading import BadScenario, read_scenarios, scenario_files
from jobctl.testing.scenarios.report import as_junit, told

SPEC = Path(__file__).parent / "app/jobs.yaml"
SHIPPED = Path(__file__).parents[3] / "scenarios"


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "scenario.yaml"
    file.write_text(f"spec: {SPEC}\nstart: 2026-03-01T12:00:00Z\nscenarios:\n{text}")
    return file


def played(tmp_path: Path, text: str) -> list[Played]:
    return [play(one) for one in read_scenarios(written(tmp_path, text))]


def test_what_is_as_expected_passes(tmp_path: Path):
    [passed] = played(
        tmp_path,
        """
  - name: everything at once
    schedules: [hourly]
    given:
      - {enqueue: flaky, as: f}
      - {enqueue: greet, as: g, payload: {name: ada}, at: 1h, in: 5m}
      - {enqueue: plain, as: p, payload: {n: 1}, count: 2, queue: low}
      - {enqueue: once, as: first, payload: {name: x}, in: 1m}
      - {enqueue: once, as: second, payload: {name: x}, refused: true}
      - {enqueue: once, as: third, payload: {name: x}, at: 2m}
    outcomes:
      flaky: fail
      g: [crash, {retry-after: 7m}, timeout, complete]
      p: [cancel]
      third: {dead: no more}
    expect:
      - {at: 30s, jobs: {f: {state: retrying, attempts: 2}}, waiting: {flaky: 1, once: 1}}
      - {at: 5m, jobs: {f: {state: dead, delays: [10s, 30s], ran_at: [0s, 10s, 40s]}}, states: {cancelled: 2}}
      - at: 20h
        jobs:
          g: {state: dead, attempts: 3, crashes: 1, delays: [7m, 20s]}
          p-2: cancelled
          third: {state: dead, attempts: 1}
        ran: {hourly: 20, plain: 2}
        ticks: {hourly: 20}
""".replace("g: {state: dead", "g: {state: complete"),
    )

    assert told(passed) == []


def test_a_failure_shows_what_came_instead_and_the_way_there(tmp_path: Path):
    [failed] = played(
        tmp_path,
        """
  - name: wrong in every way
    schedules: []
    given: [{enqueue: flaky, as: f}]
    outcomes: {f: [fail, complete]}
    expect:
      - {at: 1h, jobs: {f: {state: dead, delays: [10s, 20s]}}, ran: {hourly: 1}}
""",
    )

    assert told(failed) == [
        "at 1h, line 10:",
        "  f: state",
        "    - dead",
        "    + complete",
        "  f: delays",
        "    - [10s, 20s]",
        "    + [10s]",
        "        0s  flaky retry, attempt 1 of 3, again in 10s: the scenario says so",
        "       10s  flaky complete, attempt 2 of 3",
        "  ran: hourly",
        "    - 1",
        "    + 0",
    ]
    suite = ElementTree.fromstring(as_junit([failed])).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    assert suite.find("testcase/failure").text.splitlines() == told(failed)


def test_shares_and_a_refusal_that_does_not_come(tmp_path: Path):
    [failed] = played(
        tmp_path,
        """
  - schedules: []
    given:
      - {enqueue: plain, as: c, payload: {n: 1}, count: 10, queue: critical}
      - {enqueue: plain, as: d, payload: {n: 1}, count: 10, queue: default}
      - {enqueue: plain, as: l, payload: {n: 1}, count: 10, queue: low, refused: true}
    expect:
      - {at: 0s, shares: {critical: 6, default: 3, low: 1}}
      - {at: 1s, shares: {of: 20, critical: 10, default: 8, low: 3}}
""",
    )

    assert [(one.what, one.expected, one.got) for one in failed.mismatches] == [
        *((f"l-{n}", "refused", "enqueued") for n in range(1, 11)),
        ("shares: default", "8 of the first 20 starts", "7 of the first 20 starts"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("  - {expect: [{at: 1h, states: {ded: 1}}]}", 4, "`states`: there is no `ded`", "`dead`"),
        ("  - {given: [{enqueue: gret}], expect: [{at: 1h}]}", 4, "no job `gret` is declared", "`greet`"),
        ("  - {expect: [{at: 1}]}", 4, "`1` is not a duration; write e.g.", None),
        ("  - {name: x}", 4, "`expect` must be a list, got nothing", None),
        ("  - {name: x, expect: []}", 4, "the scenario expects nothing", "add e.g."),
        ("  - {name: x,\n     outcomes: {greet: flop}, expect: [{at: 1h}]}", 5, "`flop` is no outcome", "there are"),
        ("  - {expects: []}", 4, "a scenario has no key `expects`", "`expect`"),
        ("  - {expect: [{at: 1h, jobs: {x: dead}}]}", 4, "no job given is called `x`", None),
        ("  - {given: [{enqueue: plain, as: x, count: 2}], expect: [{at: 1h, jobs: {y: dead}}]}", 4, "no job", "`x-1`"),
        ("  - {schedules: [hourlly], expect: [{at: 1h}]}", 4, "no schedule `hourlly` is declared", "`hourly`"),
        ("  - {outcomes: {greet: []}, expect: [{at: 1h}]}", 4, "`outcomes` names a job and no outcome", "`fail`"),
        ("  - {start: 2026-13-01T00:00:00Z, expect: [{at: 1h}]}", 4, "`2026-13-01T00:00:00Z` is not a time", "write"),
        ("  - {name: \x01}", 4, "this is no YAML: the character '\\x01' may not stand in it", None),
        ("  - {name: x, name: y}", 4, "this is no YAML: `name` stands here twice", None),
    ],
)
def test_what_cannot_be_read_says_where(tmp_path: Path, text: str, line: int, message: str, hint: str | None):
    with pytest.raises(BadScenario) as caught:
        read_scenarios(written(tmp_path, text))

    assert caught.value.message.startswith(message)
    assert caught.value.location.line == line
    assert hint is None or hint in caught.value.hint


def test_a_payload_that_does_not_fit_says_where(tmp_path: Path):
    with pytest.raises(BadScenario, match="`n` is required") as caught:
        played(tmp_path, "  - given:\n      - {enqueue: plain}\n    expect: [{at: 1s}]")

    assert caught.value.location.line == 5


def test_a_name_that_cannot_be_a_key_says_where(tmp_path: Path):
    with pytest.raises(BadScenario, match="`a b` cannot be a job's key") as caught:
        played(tmp_path, "  - given:\n      - {enqueue: plain, as: a b, payload: {n: 1}}\n    expect: [{at: 1s}]")

    assert caught.value.location.line == 5


def test_paths_of_scenarios(tmp_path: Path):
    file = written(tmp_path, "  - {expect: [{at: 1h}]}")

    assert scenario_files([tmp_path, file]) == [file, file]
    with pytest.raises(BadScenario, match="there is no file or folder"):
        scenario_files([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadScenario, match="holds no scenarios"):
        scenario_files([tmp_path / "empty"])


@pytest.mark.parametrize(
    "scenario", [one for file in scenario_files([SHIPPED]) for one in read_scenarios(file)], ids=lambda one: one.name
)
def test_the_shipped_scenarios_pass(scenario):
    assert told(play(scenario)) == []
