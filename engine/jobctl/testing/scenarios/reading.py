"""Scenarios from YAML, every problem with its file and line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from jobctl.compiler.plan import Plan
from jobctl.durations import parse_duration
from jobctl.errors import JobctlError, Location, SpecError
from jobctl.names import did_you_mean
from jobctl.records import JobState
from jobctl.testing.scenarios.model import DEFAULT_START, Expected, Given, Outcome, Scenario
from jobctl.testing.specs import plan_of, spec_paths

SUFFIXES = (".yaml", ".yml")
KINDS = ("complete", "fail", "dead", "cancel", "retry-after", "crash", "timeout")
FILE_KEYS = ("spec", "start", "scenarios")
SCENARIO_KEYS = ("name", "start", "given", "outcomes", "schedules", "concurrency", "expect")
GIVEN_KEYS = ("at", "enqueue", "as", "payload", "count", "in", "queue", "refused")
EXPECT_KEYS = ("at", "jobs", "ran", "ticks", "waiting", "states", "shares")
JOB_KEYS = ("state", "attempts", "crashes", "delays", "ran_at")


class BadScenario(SpecError):
    """A file of scenarios cannot be read."""

    code = "scenario.invalid"


class Lined(dict[str, Any]):
    """A mapping that knows its line."""

    line = 0


class _Loader(yaml.SafeLoader):
    pass


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Lined:
    found = Lined()
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node)
        text = str(key_node.value)
        if text in found:
            raise yaml.MarkedYAMLError(problem=f"`{text}` stands here twice", problem_mark=key_node.start_mark)
        # `on`, `yes` and numbers are names here, whatever YAML 1.1 makes of them
        found[text if not isinstance(key, str) else key] = loader.construct_object(value_node, deep=True)
    found.line = node.start_mark.line + 1
    return found


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
# Times stay text, as in JSON; what YAML itself cannot make a time of would be an error without a place.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def scenario_files(paths: Iterable[str | Path]) -> list[Path]:
    """Return the files of scenarios at these paths: files themselves, and all YAML files of folders.

    Raises:
        BadScenario: there is no such path, or a folder holds none.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES)
            if not inside:
                raise BadScenario(f"the folder `{path}` holds no scenarios", hint="they are files that end in .yaml")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise BadScenario(f"there is no file or folder `{path}`", code="scenario.not-found")
    return found


def read_scenarios(file: Path, spec: str | None = None) -> list[Scenario]:
    """Return the scenarios of a file.

    Args:
        file: YAML.
        spec: where the specs are, for files that do not say; None = those of the project.

    Raises:
        BadScenario: says what is wrong, and in which line.
        SpecErrors: the specs have problems.
    """
    try:
        text = file.read_text("utf-8")
        data = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _Reader(file).error(f"this is no YAML: {error.problem}", line) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _Reader(file).error(
            f"this is no YAML: the character {chr(error.character)!a} may not stand in it", line
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadScenario(f"`{file}` cannot be read: {error}") from None
    return _Reader(file).file(data, spec)


class _Reader:
    def __init__(self, file: Path) -> None:
        self.path = file
        self.plan: Plan

    def error(self, text: str, line: int, hint: str | None = None) -> BadScenario:
        return BadScenario(text, location=Location(str(self.path), line, 1), hint=hint)

    def file(self, data: Any, spec: str | None) -> list[Scenario]:
        top = self.mapping(data, 1, "a file of scenarios", FILE_KEYS)
        own = top.get("spec")
        paths = [str(self.path.parent / own)] if own is not None else spec_paths(spec)
        self.plan = plan_of(paths)
        start = self.moment(top.get("start", DEFAULT_START), top.line)
        items = self.sequence(top.get("scenarios"), top.line, "scenarios")
        if not items:
            raise self.error("`scenarios` holds none", top.line)
        return [self.scenario(item, top.line, tuple(paths), start) for item in items]

    def scenario(self, data: Any, line: int, spec: tuple[str, ...], start: datetime) -> Scenario:
        item = self.mapping(data, line, "a scenario", SCENARIO_KEYS)
        line = item.line
        given = tuple(self.given(one, line) for one in self.sequence(item.get("given", []), line, "given"))
        names = [name for one in given for name in one.names]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise self.error(f"two jobs are called `{twice}`", line, "name them with `as`")
        expect = self.sequence(item.get("expect"), line, "expect")
        if not expect:
            raise self.error("the scenario expects nothing", line, "add e.g. `expect: [{at: 1h, states: {dead: 0}}]`")
        outcomes = self.mapping(item.get("outcomes", Lined()), line, "`outcomes`")
        known = {*names, *(one.name for one in given), *self.plan.by_name, *self.plan.by_type}
        for name in outcomes:
            if name not in known:
                raise self.error(
                    f"outcomes of `{name}`, which is no job", outcomes.line or line, did_you_mean(name, known)
                )
        schedules = item.get("schedules")
        declared = [schedule.id for schedule in self.plan.schedules]
        for name in () if schedules is None else self.sequence(schedules, line, "schedules"):
            if name not in declared:
                raise self.error(f"no schedule `{name}` is declared", line, _hint(name, declared))
        return Scenario(
            name=str(item.get("name") or f"line {line}"),
            file=self.path,
            line=line,
            spec=spec,
            start=self.moment(item["start"], line) if "start" in item else start,
            given=given,
            outcomes={name: self.outcomes(value, outcomes.line or line) for name, value in outcomes.items()},
            schedules=None if schedules is None else tuple(schedules),
            concurrency=self.whole(item.get("concurrency", 1), line, "concurrency", least=1),
            expect=tuple(self.expected(one, line, names) for one in expect),
        )

    def given(self, data: Any, line: int) -> Given:
        item = self.mapping(data, line, "one of `given`", GIVEN_KEYS)
        line = item.line
        if "enqueue" not in item:
            raise self.error("one of `given` does not say which job to `enqueue`", line)
        job = self.job(item["enqueue"], line)
        delay = item.get("in")
        queue = item.get("queue")
        if queue is not None and queue not in self.plan.queue_names:
            raise self.error(f"no queue `{queue}` is declared", line, _hint(queue, self.plan.queue_names))
        return Given(
            at_s=self.duration(item.get("at", "0s"), line),
            job=job,
            name=str(item.get("as") or job),
            payload=self.mapping(item.get("payload", Lined()), line, "`payload`"),
            count=self.whole(item.get("count", 1), line, "count", least=1),
            delay_s=None if delay is None else self.duration(delay, line),
            queue=queue,
            is_refused=item.get("refused") is True,
            line=line,
        )

    def outcomes(self, data: Any, line: int) -> tuple[Outcome, ...]:
        if data == []:
            raise self.error("`outcomes` names a job and no outcome", line, _hint("", KINDS))
        return tuple(self.outcome(one, line) for one in (data if isinstance(data, list) else [data]))

    def outcome(self, data: Any, line: int) -> Outcome:
        value: Any = None
        kind = data
        if isinstance(data, Mapping) and len(data) == 1:
            [(kind, value)] = data.items()
        if kind not in KINDS:
            raise self.error(f"`{kind}` is no outcome", line, _hint(kind, KINDS))
        if kind == "retry-after":
            if value is None:
                raise self.error("`retry-after` needs a duration", line, "write e.g. `{retry-after: 5m}`")
            return Outcome(kind=kind, delay_s=self.duration(value, line))
        return Outcome(kind=str(kind), text="" if value is None else str(value))

    def expected(self, data: Any, line: int, names: list[str]) -> Expected:
        item = self.mapping(data, line, "one of `expect`", EXPECT_KEYS)
        line = item.line
        jobs = self.mapping(item.get("jobs", Lined()), line, "`jobs`")
        for name in jobs:
            if name not in names:
                raise self.error(f"no job given is called `{name}`", jobs.line, _hint(name, names))
        schedules = [schedule.id for schedule in self.plan.schedules]
        shares = dict(self.counts(item, "shares", line, [*self.plan.queue_names, "of"]))
        of = shares.pop("of", sum(shares.values()))
        return Expected(
            at_s=self.duration(item.get("at", "0s"), line),
            jobs={name: self.expected_job(value, jobs.line) for name, value in jobs.items()},
            ran=self.counts(item, "ran", line, self.plan.by_name),
            ticks=self.counts(item, "ticks", line, schedules),
            waiting=self.counts(item, "waiting", line, self.plan.by_name),
            states=self.counts(item, "states", line, list(JobState)),
            shares=shares,
            shares_of=of,
            line=line,
        )

    def expected_job(self, data: Any, line: int) -> dict[str, Any]:
        if isinstance(data, str):
            data = Lined(state=data)
            data.line = line
        item = self.mapping(data, line, "what is expected of a job", JOB_KEYS)
        line = item.line or line
        found: dict[str, Any] = {}
        for key, value in item.items():
            if key == "state":
                if value not in list(JobState):
                    raise self.error(f"`{value}` is no state", line, _hint(value, list(JobState)))
                found[key] = value
            elif key in ("delays", "ran_at"):
                found[key] = [self.duration(one, line) for one in self.sequence(value, line, key)]
            else:
                found[key] = self.whole(value, line, key)
        return found

    def counts(self, item: Lined, key: str, line: int, known: Iterable[str]) -> dict[str, int]:
        counts = self.mapping(item.get(key, Lined()), line, f"`{key}`")
        names = list(known)
        for name in counts:
            if name not in names:
                raise self.error(f"`{key}`: there is no `{name}`", counts.line or line, _hint(name, names))
        return {name: self.whole(value, counts.line or line, f"{key}.{name}") for name, value in counts.items()}

    def job(self, name: Any, line: int) -> str:
        try:
            return self.plan.registration(str(name)).name
        except JobctlError as error:
            raise self.error(error.message, line, error.hint) from None

    def mapping(self, data: Any, line: int, what: str, keys: Iterable[str] = ()) -> Lined:
        if not isinstance(data, Lined):
            raise self.error(f"{what} must be a mapping, got {_shape(data)}", line)
        for key in data:
            if keys and key not in keys:
                raise self.error(f"{what} has no key `{key}`", data.line, _hint(key, keys))
        return data

    def sequence(self, data: Any, line: int, what: str) -> list[Any]:
        if not isinstance(data, list):
            raise self.error(f"`{what}` must be a list, got {_shape(data)}", line)
        return data

    def duration(self, value: Any, line: int) -> float:
        try:
            return parse_duration(str(value)) if isinstance(value, str) else _refuse(value)
        except ValueError as error:
            raise self.error(str(error), line) from None

    def whole(self, value: Any, line: int, what: str, least: int = 0) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.error(f"`{what}` must be a whole number of {least} or more, got `{value}`", line)
        return value

    def moment(self, value: Any, line: int) -> datetime:
        try:
            found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        except ValueError:
            raise self.error(f"`{value}` is not a time", line, "write e.g. `2026-01-31T09:00:00Z`") from None
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _refuse(value: Any) -> float:
    raise ValueError(f"`{value}` is not a duration; write e.g. `500ms`, `30s`, `5m`, `1h30m`, `7d`")


def _hint(name: Any, known: Iterable[str]) -> str | None:
    """Say which name is meant, or which there are."""
    names = list(known)
    return did_you_mean(str(name), names) or ("there are " + ", ".join(f"`{one}`" for one in names) if names else None)


def _shape(data: Any) -> str:
    if data is None:
        return "nothing"
    return "a list" if isinstance(data, list) else f"`{data}`"
