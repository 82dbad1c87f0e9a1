"""Charts are well-formed, say in words what they show, and draw no more than they have to."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from jobctl_web.charts import Series, Slice, days, lines, spark, strip

VALUES = st.lists(st.none() | st.floats(min_value=0, max_value=1e12), max_size=60)


def parsed(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(f"<x>{markup}</x>")


@given(VALUES, st.booleans(), st.sampled_from([lines, days]))
def test_any_values_give_a_well_formed_chart_inside_its_box(values: list[float | None], stacked: bool, draw) -> None:
    series = [Series("a", "complete", values), Series("b", "dead", values[::-1])]

    chart = draw(series, [n * 1000 for n in range(len(values))], label="x", is_stacked=stacked)

    parsed(chart)
    for points in re.findall(r'points="([^"]+)"', chart):
        for point in points.split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 600
            assert 0 <= y <= 160


def test_chart_says_in_words_what_it_shows() -> None:
    chart = lines([Series("failed", "dead", [1.0, 4.0, 2.5])], [0, 1, 2], label="Attempts", unit="/s")

    assert 'aria-label="Attempts: failed now 2.50/s, highest 4/s"' in chart


def test_gap_in_the_values_is_a_gap_in_the_line() -> None:
    chart = lines([Series("wait", "queued", [1.0, 2.0, None, None, 3.0, 1.0])], range(6), label="x")

    assert chart.count("<polyline") == 2


def test_level_stretch_is_two_points() -> None:
    line = spark([0.0] * 90 + [5.0], tone="active", label="x")

    points = re.search(r'<polyline[^>]*points="([^"]+)"', line)
    assert points
    assert len(points[1].split()) == 3


def test_strip_is_full_and_names_its_parts() -> None:
    drawn = strip([Slice("queued", "queued", 1), Slice("dead", "dead", 3), Slice("none", "new", 0)], label="jobs")

    widths = [float(each) for each in re.findall(r'width="([\d.]+)"', drawn)]
    assert widths == [25.0, 75.0]
    assert 'aria-label="jobs: queued 1, dead 3"' in drawn


def test_names_are_escaped() -> None:
    chart = lines([Series("<b>", "x", [1.0])], [0], label='"><script>')

    assert "<script>" not in chart
    assert "<b>" not in chart
