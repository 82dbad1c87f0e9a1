from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl.errors import UsageError
from jobctl.settings import Settings
from jobctl_cli.config.configuration import Configuration
from jobctl_cli.config.file import read_file
from jobctl_cli.config.listing import values

FILE = """\
context = "dev"
concurrency = 20
spec = "specs"

[queues]
critical = 6

[contexts.dev]

[contexts.prod]
redis_url = "rediss://:${PROD_PASSWORD}@redis.prod:6379/0"
grace = "60s"
queues = { critical = 9, slow-lane = 1 }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a config file, which is the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobctl.toml").write_text(FILE)
    return tmp_path


def settings(variables: dict[str, str] | None = None, asked: str | None = None) -> Settings:
    return Settings.from_env(Configuration(variables or {}, asked).variables)


def refusal(variables: dict[str, str] | None = None, asked: str | None = None) -> UsageError:
    with pytest.raises(UsageError) as raised:
        settings(variables, asked)
    return raised.value


def test_without_a_file_the_environment_stands_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    variables = {"JOBCTL_CONCURRENCY": "3"}

    assert Configuration(variables).variables is variables


def test_the_file_says_what_the_environment_does_not(folder: Path) -> None:
    found = settings({"JOBCTL_GRACE": "5s"})

    assert (found.concurrency, found.grace_s, found.weights, found.spec) == (20, 5.0, {"critical": 6}, "specs")


def test_the_environment_goes_before_the_file(folder: Path) -> None:
    assert settings({"JOBCTL_CONCURRENCY": "7"}).concurrency == 7
    assert settings({"ASYNQ_CONCURRENCY": "8"}).concurrency == 8
    assert settings({"JOBCTL_QUEUE_CRITICAL": "1"}).weights == {"critical": 1}


def test_a_variable_chooses_a_context_and_the_rest_of_the_environment_stays_before_it(folder: Path) -> None:
    variables = {"JOBCTL_CONTEXT": "prod", "PROD_PASSWORD": "hush"}

    assert settings(variables).redis_url == "rediss://:hush@redis.prod:6379/0"
    assert settings(variables).weights == {"critical": 9, "slow_lane": 1}
    assert settings(variables | {"REDIS_URL": "redis://other"}).redis_url == "redis://other"
    assert settings(variables | {"REDIS_HOST": "other"}).redis_url == "redis://other:6379/0"


def test_a_context_that_is_named_by_hand_goes_before_the_environment(folder: Path) -> None:
    variables = {
        "PROD_PASSWORD": "hush",
        "REDIS_URL": "redis://other",
        "REDIS_HOST": "another",
        "JOBCTL_CONTEXT": "dev",
    }

    assert settings(variables, "prod").redis_url == "rediss://:hush@redis.prod:6379/0"
    assert settings(variables, "prod").grace_s == 60


def test_an_empty_url_is_the_own_broker_whatever_the_environment_says(folder: Path) -> None:
    (folder / "jobctl.toml").write_text('[contexts.own]\nredis_url = ""\n')

    assert settings({"REDIS_URL": "redis://other", "REDIS_HOST": "another"}, "own").redis_url is None


def test_the_nearest_file_upwards_is_taken_and_its_paths_are_its_own(folder: Path, monkeypatch) -> None:
    (folder / "a/b").mkdir(parents=True)
    monkeypatch.chdir(folder / "a/b")

    assert settings().spec == str(folder / "specs")


def test_pyproject_is_a_config_file_where_it_has_the_table(folder: Path, monkeypatch) -> None:
    project = folder / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    (project / "pyproject.toml").write_text('[project]\nname = "x"\n')
    assert settings().concurrency == 20

    (project / "pyproject.toml").write_text('[project]\nname = "x"\n\n[tool.jobctl]\nconcurrency = 4\n')
    assert settings().concurrency == 4
    assert next(v.origin for v in values(Configuration({})) if v.name == "concurrency") == "pyproject.toml:5"


def test_a_variable_names_the_file(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text("concurrency = 2\n")

    assert settings({"JOBCTL_CONFIG": str(other)}).concurrency == 2
    assert "cannot be read" in refusal({"JOBCTL_CONFIG": "missing.toml"}).message


def test_every_value_says_where_it_came_from(folder: Path) -> None:
    found = {v.name: v for v in values(Configuration({"PROD_PASSWORD": "hush", "JOBCTL_HOME": "x"}, "prod"))}

    assert found["redis_url"].origin == "jobctl.toml:11"
    assert found["redis_url"].shown == "rediss://:***@redis.prod:6379/0"
    assert found["concurrency"].origin == "jobctl.toml:2"
    assert found["queues.critical"].origin == "jobctl.toml:13"
    assert (found["home"].shown, found["home"].origin) == ("x", "JOBCTL_HOME")
    assert (found["lease"].text, found["lease"].origin) == (None, "default")


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("concurrency = \n", 1, "not TOML", None),
        ("\nconcurency = 3\n", 2, "there is no `concurency`", "did you mean `concurrency`?"),
        ("concurrency = 0\n", 1, "`concurrency` is `0`", "1 or more"),
        ('concurrency = "many"\n', 1, "`concurrency` is `many`", "1 or more"),
        ("concurrency = true\n", 1, "`concurrency` must be a text or a whole number", None),
        ("concurrency = [1]\n", 1, "must be a text or a whole number", None),
        ('\n\ngrace = "60"\n', 3, "`grace`: `60` is not a duration", None),
        ('[queues]\nlow = "x"\n', 2, "`queues.low` is `x`", "1 or more"),
        ("queues = 3\n", 1, "`queues` must be a table", None),
        ('redis_url = "http://x"\n', 1, "`redis_url` has the scheme `http`", "redis://"),
        ('redis_url = "redis://:${NOPE}@x"\n', 1, "`redis_url` needs the variable `NOPE`", None),
        ('context = "prd"\n[contexts.prod]\n', 1, "no context `prd`", "did you mean `prod`?"),
        ("context = 3\n", 1, "`context` must be the name of a context", None),
        ('[contexts.prod]\ncontext = "x"\n', 2, "there is no `context` in `contexts.prod`", None),
        ('log_format = "xml"\n', 1, "`log_format` is `xml`", "human"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    folder: Path, text: str, line: int, message: str, hint: str | None
) -> None:
    (folder / "jobctl.toml").write_text(text)

    error = refusal()

    assert message in error.message
    assert error.location is not None
    assert (error.location.file, error.location.line) == ("jobctl.toml", line)
    assert hint is None or (error.hint and hint in error.hint)


def test_what_is_wrong_in_another_context_does_not_disturb(folder: Path) -> None:
    assert settings().redis_url is None  # the password of `prod` is not set


def test_a_context_that_does_not_exist_is_refused(folder: Path) -> None:
    assert refusal(asked="prdo").hint == "did you mean `prod`?"
    assert refusal({"JOBCTL_CONTEXT": "other"}).hint == "contexts: dev, prod"
    (folder / "jobctl.toml").unlink()
    assert "[contexts.prod]" in str(refusal(asked="prod").hint)


@given(st.text())
def test_any_text_is_read_or_refused_with_words(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")

    with contextlib.suppress(UsageError):
        read_file(path)
