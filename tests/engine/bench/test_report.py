"""The report: a page that needs nothing beside it, and files that read back as the same figures."""

from __future__ import annotations

import base64
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from jobctl.bench.report import page
from jobctl.bench.report.plots import draw
from jobctl.bench.report.write import check_folder, write_report
from jobctl.bench.results import Findings, Report, Series, Side, read_report
from jobctl.bench.scenario import SCENARIOS
from jobctl.bench.summary import compare_sides, join_phases, join_repeats, samples_of, values_of
from jobctl.errors import UsageError
from jobctl.measure.latency import Histogram


def backlog(throughput: float) -> Findings:
    return Findings(
        kind="backlog",
        figures={"throughput": throughput, "jobs": 100.0, "lost": 1.0, "fairness.max_deviation": throughput / 1e6},
        windows={"throughput": [throughput * (0.9 + n / 50) for n in range(10)]},
        series={
            "throughput": Series(at=[0.1, 0.2], lines={"jobs/s": [throughput, throughput]}),
            "shares": Series(at=[100.0, 200.0], lines={"high": [0.6, 0.6], "<low>": [0.4, 0.4]}),
            "depth": Series(at=[0.0, 0.1], lines={"high": [9.0, 0.0], "<low>": [5.0, 0.0]}),
            "cpu": Series(at=[0.1, 0.2], lines={"workers": [None, 0.5], "broker": [0.1, 0.2]}),
            "memory": Series(at=[0.1, 0.2], lines={"worker": [40.0, 41.0], "broker": [1.0, 2.0]}),
        },
        targets={"high": 0.6, "<low>": 0.4},
        warnings=["1 jobs were lost or not done in time"],
    )


def arrivals(done_ms: float) -> Findings:
    done = Histogram(done_ms * (1 + n / 100) for n in range(100)).to_json()
    return Findings(
        kind="arrivals",
        figures={"throughput": 900.0, "jobs": 100.0, "lost": 0.0},
        latencies={"enqueue": done, "start": done, "done": done},
        series={"latency": Series(at=[0.1, 0.2], lines={"p50": [1.0, 2.0], "p99": [3.0, 4.0]})},
    )


def report(*names: str) -> Report:
    return Report(
        scenario=SCENARIOS["standard"],
        began_at="2026-01-31T09:00:00+00:00",
        command="jobctl bench --threshold 'lost == 0'",
        machine={"processor": "<script>alert(1)</script>", "cores": "2"},
        setup={"repeats": "2"},
        sides=[
            Side(
                name=name,
                version="1.0",
                repeats=[[backlog(1_000.0 * factor), arrivals(5.0 / factor)] for factor in (1, 2)],
            )
            for name in names
        ],
    )


class Outside(HTMLParser):
    """Collects what a page would fetch, and what it would run."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script" or any(name.startswith("on") for name, _ in attrs)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "data", "srcset") and not (value or "").startswith(("data:", "#")):
                self.fetched.append(value or "")


def test_page_needs_nothing_from_outside_and_runs_nothing(tmp_path: Path) -> None:
    write_report(report("jobctl", "saq"), tmp_path)
    text = (tmp_path / "report.html").read_text()

    outside = Outside()
    outside.feed(text)

    assert outside.fetched == []
    assert outside.scripts == 0
    assert not re.search(r"url\((?!#)|@import", text)
    assert "<script>alert" not in text


def test_figures_in_the_page_are_those_of_the_json(tmp_path: Path) -> None:
    write_report(report("jobctl"), tmp_path, has_plots=False)

    encoded = re.search(r'href="data:application/json;base64,([^"]+)"', (tmp_path / "report.html").read_text())

    assert encoded
    assert base64.b64decode(encoded[1]) == (tmp_path / "report.json").read_bytes()
    assert read_report(tmp_path).to_json() == report("jobctl").to_json()


def test_every_plot_is_a_sound_svg_and_a_png(tmp_path: Path) -> None:
    files = write_report(report("jobctl", "saq"), tmp_path)

    drawn = {path.stem for path in files if path.suffix == ".svg"}
    assert {"backlog-throughput", "shares", "latency-histogram", "latency-percentiles", "backlog-depth"} <= drawn
    assert {"backlog-cpu", "backlog-memory", "latency-over-time"} <= drawn
    for name in drawn:
        ElementTree.parse(tmp_path / "plots" / f"{name}.svg")
        assert (tmp_path / "plots" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_plots_of_two_sides_say_whose_they_are_and_show_a_repeat_that_went_to_its_end() -> None:
    stopped = report("jobctl", "saq")
    stopped.sides[0].repeats = [
        [backlog(1_000.0), arrivals(5.0)],
        [backlog(500.0), Findings(kind="arrivals", figures={})],
    ]
    stopped.sides[1].repeats = [[backlog(100.0)]]

    plots = {plot.name: page.svg_of(plot) for plot in draw(stopped)}

    assert ">jobctl</text>" in plots["latency-histogram"]
    assert ">jobctl</text>" in plots["latency-over-time"]
    assert ">saq</text>" in plots["backlog-throughput"]


def test_plots_take_the_pages_colours() -> None:
    svg = page.inline('<?xml version="1.0"?>\n<svg ><path style="fill: #ffffff; stroke: #24292f"/></svg>', "a < b")

    assert svg == '<svg role="img" aria-label="a &lt; b" ><path style="fill: none; stroke: var(--ink)"/></svg>'


def test_without_matplotlib_the_report_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(UsageError) as missing:
        check_folder(tmp_path, has_plots=True)

    assert missing.value.hint
    assert "jobctl[load]" in missing.value.hint
    assert [path.name for path in write_report(report("jobctl"), tmp_path, has_plots=False)] == [
        "report.html",
        "report.json",
    ]


def test_a_folder_that_cannot_be_written_is_found_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match="cannot be written"):
        check_folder(tmp_path / "file", has_plots=False)


@pytest.mark.parametrize("content", ["{}", "no json", '{"schema": 99}'])
def test_what_is_no_report_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "report.json").write_text(content)

    with pytest.raises(UsageError, match="no report"):
        read_report(tmp_path)


def test_what_every_repeat_warns_of_is_said_once() -> None:
    assert report("jobctl").warnings == ["1 jobs were lost or not done in time (and so in 2 repeats)"]


def test_phases_of_a_repeat_are_joined() -> None:
    joined = join_phases([backlog(1_000.0), arrivals(5.0)])

    assert joined["throughput"] == 1_000.0  # the backlog's: arrivals come as fast as they are sent
    assert joined["jobs"] == 200.0
    assert isinstance(joined["done"], Histogram)


def test_thresholds_judge_the_worst_share_all_losses_and_merged_latencies() -> None:
    joined = join_repeats(report("jobctl").sides[0])

    assert joined["throughput"] == 1_500.0
    assert joined["lost"] == 2.0
    assert joined["fairness.max_deviation"] == 0.002
    assert isinstance(joined["done"], Histogram)
    assert joined["done"].count == 200


def test_comparison_is_of_repeats_or_of_the_windows_of_single_runs() -> None:
    first, second = report("jobctl").sides[0], report("jobctl").sides[0]

    assert samples_of(first, "throughput") == ([1_000.0, 2_000.0], True)
    assert not compare_sides(first, second)[1]

    del second.repeats[1]
    values, are_repeats = samples_of(second, "throughput")
    assert (len(values), are_repeats) == (10, False)
    assert compare_sides(first, second)[1]


def test_statistics_are_read_from_each_repeat() -> None:
    assert values_of(report("jobctl").sides[0], "done.p50") == pytest.approx([7.5, 3.75], rel=0.02)
