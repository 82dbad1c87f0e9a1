"""The options of load tests."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

import pytest

from jobctl.errors import UsageError
from jobctl.loadtest.options import Options, add_options, read_options

DEFAULTS = Options(spec="jobspecs/", jobs=("a",), rate_per_s=5.0, batch=7, thresholds=("lost == 0",))


def read(*words: str) -> Options:
    parser = ArgumentParser()
    add_options(parser, ["latency", "throughput"])  # type: ignore[arg-type]  # what it needs, every parser has
    return read_options(parser.parse_args(words), DEFAULTS)


def test_what_is_not_said_is_the_scenarios() -> None:
    options = read()

    assert (options.spec, options.jobs, options.rate_per_s, options.batch) == ("jobspecs/", ("a",), 5.0, 7)
    assert options.workers is None
    assert (options.warmup_s, options.limit_s) == (2.0, DEFAULTS.limit_s)


def test_what_is_said_takes_its_place_and_thresholds_add_up() -> None:
    options = read(
        *("--jobctl-jobs", "b, c", "--jobctl-rate", "1,500/s", "--jobctl-batch", "3", "--jobctl-workers", "0"),
        *("--jobctl-warmup", "500ms", "--jobctl-limit", "5m", "--threshold", "dead == 0"),
    )

    assert (options.jobs, options.rate_per_s, options.batch, options.workers) == (("b", "c"), 1500.0, 3, 0)
    assert (options.warmup_s, options.limit_s) == (0.5, 300.0)
    assert options.thresholds == ("lost == 0", "dead == 0")


def test_closed_is_no_rate() -> None:
    assert read("--jobctl-rate", "closed").rate_per_s is None


@pytest.mark.parametrize(
    "words",
    [
        ("--jobctl-rate", "fast"),
        ("--jobctl-rate", "0"),
        ("--jobctl-rate", "inf"),
        ("--jobctl-batch", "-1"),
        ("--jobctl-concurrency", "0"),
    ],
)
def test_what_cannot_be_is_refused(words: tuple[str, str]) -> None:
    with pytest.raises(UsageError, match=words[0]):
        read(*words)


def test_the_page_on_load_tests_explains_every_option_for_locusts_help_does_not() -> None:
    parser = ArgumentParser()
    add_options(parser, ["throughput"])  # type: ignore[arg-type]
    page = (Path(__file__).parents[3] / "docs/load-testing.md").read_text(encoding="utf-8")

    ours = [action for action in parser._actions if action.dest != "help"]
    missing = [action.dest for action in ours if f"| `{action.option_strings[0]}` | {action.help} |" not in page]

    assert missing == []
