from __future__ import annotations

import io

import pytest

from jobctl_cli.environment import Environment


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def environment(*, is_tty: bool = False, **variables: str) -> Environment:
    stream = Terminal if is_tty else io.StringIO
    return Environment(stdin=stream(), stdout=stream(), stderr=stream(), variables=variables)


@pytest.mark.parametrize(
    ("is_tty", "variables", "is_on"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (False, {"FORCE_COLOR": "1"}, True),
        (True, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colours(is_tty: bool, variables: dict[str, str], is_on: bool) -> None:
    assert environment(is_tty=is_tty, **variables).out.is_on is is_on


def test_size_by_variables() -> None:
    assert environment(COLUMNS="132", LINES="50").size == (132, 50)


def test_size_without_terminal() -> None:
    assert environment().size == (80, 24)
    assert environment(COLUMNS="wide").size == (80, 24)
    assert environment(COLUMNS="100").size == (100, 24)


def test_notes_go_to_stderr_only() -> None:
    env = environment()

    env.note("a word")

    assert (env.stdout.getvalue(), env.stderr.getvalue()) == ("", "a word\n")
