"""The report as one HTML page: no script, no file beside it, nothing from the network, light and dark."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from importlib.resources import files
from io import StringIO
from statistics import median

from jobctl.bench.report.plots import INK, LINE, MUTED, Plot
from jobctl.bench.report.words import describe_phase, method
from jobctl.bench.results import Report
from jobctl.bench.summary import measured_names, summary_of, unit_of, values_of
from jobctl.measure.comparison import Comparison

CARDS = {
    "throughput": "jobs done per second",
    "done.p50": "latency, half of the jobs",
    "done.p95": "latency, 95 of 100 jobs",
    "done.p99": "latency, 99 of 100 jobs",
    "fairness.max_deviation": "furthest off the weights",
    "worker.cpu_per_job": "worker's CPU per job",
    "broker.bytes_per_job": "of Redis per waiting job",
    "lost": "jobs lost",
}
"""The figures at the top, and what a stranger calls them."""
_HEAD = re.compile(r"^.*?(?=<svg )", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_LONG_NUMBER = re.compile(r"\d+\.\d{3,}")  # a hundredth of a point is as fine as anybody sees
_GROUP_ID = re.compile(r'<g id="[^"]*"')


def render(
    report: Report, plots: Sequence[Plot], baseline: tuple[str, Mapping[str, Comparison], str] | None = None
) -> str:
    """Return the page.

    Args:
        report: the figures.
        plots: drawn from them; none = the page has tables only.
        baseline: name of an earlier run, the comparison with it, and what its samples were.
    """
    names = " beside ".join(side.name for side in report.sides)
    title = f"jobctl bench: {report.scenario.name}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="muted">{escape(report.scenario.summary)}. {escape(_measured_at(report))}: {escape(names)}.</p>',
        *(f'<p class="warning"><b>Note.</b> {escape(text)}</p>' for text in report.warnings),
        _cards(report),
        _verdicts(report),
        _figures(report),
    ]
    if baseline is not None:
        parts.append(_comparison(*baseline))
    if plots:
        parts.append("<h2>Plots</h2>")
        parts.append('<p class="muted">Of the repeat with the middle throughput.</p>')
        parts += map(_figure, plots)
    parts += [_measured(report), _raw(report)]
    css = (files("jobctl.bench.report") / "page.css").read_text(encoding="utf-8")
    body = "\n".join(part for part in parts if part)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{css}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        "</body>\n</html>\n"
    )


def svg_of(plot: Plot) -> str:
    """Return a plot as an SVG file's text."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": plot.name}):  # ids differ from plot to plot: a page holds several
        text = StringIO()
        plot.figure.savefig(text, format="svg", metadata={"Date": None, "Title": plot.title})
    return _LONG_NUMBER.sub(lambda number: f"{float(number[0]):.2f}", text.getvalue())


def inline(svg: str, title: str) -> str:
    """Return an SVG as a page holds it: its colours are the page's, so that they follow its dark mode."""
    svg = _METADATA.sub("", _HEAD.sub("", svg))
    svg = _GROUP_ID.sub("<g", svg)
    for colour, name in ((INK, "ink"), (MUTED, "muted"), (LINE, "line"), ("#000000", "ink")):
        svg = svg.replace(colour, f"var(--{name})")
    svg = svg.replace("fill: #ffffff", "fill: none")  # the paper of figure and axes
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1)


def _measured_at(report: Report) -> str:
    return f"Measured {datetime.fromisoformat(report.began_at):%Y-%m-%d %H:%M} UTC"


def _cards(report: Report) -> str:
    first = report.sides[0]
    cards = []
    for name, label in CARDS.items():
        if values := values_of(first, name):
            value = sum(values) if name == "lost" else median(values)
            cards.append(f'<div class="card"><b>{unit_of(name).write(value)}</b><span>{escape(label)}</span></div>')
    return f'<div class="cards">{"".join(cards)}</div>' if cards else ""


def _verdicts(report: Report) -> str:
    if not report.verdicts:
        return ""
    rows = []
    for verdict in report.verdicts:
        kept = bool(verdict["kept"])
        word = '<span class="good">kept</span>' if kept else '<span class="bad">missed</span>'
        rows.append(
            f"<tr><td><code>{escape(verdict['threshold'])}</code></td>"
            f'<td class="number">{escape(verdict["measured"])}</td><td>{word}</td></tr>'
        )
    head = '<tr><th>threshold</th><th class="number">measured</th><th></th></tr>'
    return f"<h2>Thresholds</h2>{_table(head, rows)}"


def _figures(report: Report) -> str:
    names = measured_names(report)
    head = "".join(f'<th class="number">{escape(side.name)} {escape(side.version)}</th>' for side in report.sides)
    two = len(report.sides) == 2
    ratio = '<th class="number">ratio</th>' if two else ""
    rows = []
    for name in names:
        cells, middles = [], []
        for side in report.sides:
            values = sorted(values_of(side, name))
            cells.append(f'<td class="number">{_spread(name, values)}</td>')
            if values:
                middles.append(median(values))
        if two:
            known = len(middles) == 2 and middles[1] > 0
            cells.append(f'<td class="number">{f"{middles[0] / middles[1]:.2f}" if known else "-"}</td>')
        rows.append(f"<tr><th>{_breakable(name)}<small>{escape(summary_of(name))}</small></th>{''.join(cells)}</tr>")
    return (
        f"<h2>Figures</h2>"
        f"{_table(f'<tr><th>figure</th>{head}{ratio}</tr>', rows, 'Medians of the repeats (lowest - highest).')}"
    )


def _breakable(name: str) -> str:
    """Return a name that a narrow column may break where it has a joint."""
    return re.sub(r"([._])", r"\1<wbr>", escape(name))


def _spread(name: str, values: Sequence[float]) -> str:
    if not values:
        return "-"
    write = unit_of(name).write
    middle = write(median(values))
    low, high = write(values[0]), write(values[-1])
    return middle if low == high else f"{middle} <small>({low} - {high})</small>"


def _comparison(name: str, found: Mapping[str, Comparison], basis: str) -> str:
    rows = []
    for figure, one in found.items():
        write = unit_of(figure).write
        ratio = "-" if one.ratio is None else f"{one.ratio:.3f}"
        tone = {"better": "good", "worse": "bad"}.get(one.outcome.value, "muted")
        rows.append(
            f'<tr><th>{escape(figure)}</th><td class="number">{write(one.before)}</td>'
            f'<td class="number">{write(one.after)}</td><td class="number">{ratio}</td>'
            f'<td class="number">{escape(one.interval)}</td><td class="{tone}">{one.outcome.value}</td></tr>'
        )
    head = "".join(f'<th class="number">{word}</th>' for word in ("before", "now", "ratio", "95 % interval"))
    return f"<h2>Against {escape(name)}</h2>{_table(f'<tr><th>figure</th>{head}<th></th></tr>', rows, basis)}"


def _table(head: str, rows: Sequence[str], caption: str = "") -> str:
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    thead = f"<thead>{head}</thead>" if head else ""
    return f'<div class="scroll"><table>{said}{thead}<tbody>{"".join(rows)}</tbody></table></div>'


def _figure(plot: Plot) -> str:
    return (
        f"<h3>{escape(plot.title)}</h3><figure>{inline(svg_of(plot), plot.title)}"
        f"<figcaption>{escape(plot.caption)}</figcaption></figure>"
    )


def _measured(report: Report) -> str:
    phases = "".join(f"<li>{escape(describe_phase(phase))}</li>" for phase in report.scenario.phases)
    said = "".join(f"<p>{escape(text)}</p>" for text in method(report))
    facts = {**report.setup, **report.machine}
    rows = [f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts.items()]
    return (
        f"<h2>How this was measured</h2><ul>{phases}</ul>{said}"
        f"<p>To run it again: <code>{escape(report.command)}</code></p>"
        f"<h2>Machine and versions</h2>{_table('', rows)}"
    )


def _raw(report: Report) -> str:
    data = base64.b64encode(report.to_json()).decode()
    return (
        "<h2>Raw figures</h2><p>Every figure, histogram and curve of every repeat, as JSON: "
        f'<a download="report.json" href="data:application/json;base64,{data}">report.json</a>. '
        "<code>jobctl bench compare</code> reads it.</p>"
    )
