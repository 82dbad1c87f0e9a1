"""Writes a report into a folder: `report.html`, `report.json`, and each plot as SVG and PNG under `plots/`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from jobctl.bench.report import page
from jobctl.bench.report.plots import draw, require_matplotlib
from jobctl.bench.results import Report
from jobctl.errors import UsageError
from jobctl.measure.comparison import Comparison

DPI = 144


def check_folder(folder: Path, *, has_plots: bool) -> None:
    """Look whether a report can be written, before anything is measured.

    Raises:
        UsageError: the folder cannot be made or written, or plots are asked for and matplotlib is not installed.
    """
    if has_plots:
        require_matplotlib()
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    if not nearest.is_dir():
        raise _unwritable(folder, f"`{nearest}` is no folder")
    if not os.access(nearest, os.W_OK):
        raise _unwritable(folder, f"`{nearest}` is read-only for you")


def write_report(
    report: Report,
    folder: Path,
    *,
    has_plots: bool = True,
    baseline: tuple[str, Mapping[str, Comparison], str] | None = None,
) -> list[Path]:
    """Write a report and return the files, the page first.

    Raises:
        UsageError: the folder cannot be written, or plots are asked for and matplotlib is not installed.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        plots = list(draw(report)) if has_plots else []
        files = [folder / "report.html", folder / "report.json"]
        files[1].write_bytes(report.to_json())
        files[0].write_text(page.render(report, plots, baseline), encoding="utf-8")
        if plots:
            (folder / "plots").mkdir(exist_ok=True)
        for plot in plots:
            drawn = folder / "plots" / f"{plot.name}.svg"
            drawn.write_text(page.svg_of(plot), encoding="utf-8")
            picture = drawn.with_suffix(".png")
            plot.figure.savefig(picture, dpi=DPI)
            files += [drawn, picture]
    except OSError as error:
        raise _unwritable(folder, error.strerror or str(error)) from error
    return files


def _unwritable(folder: Path, why: str) -> UsageError:
    return UsageError(
        f"the report cannot be written to `{folder}`: {why}",
        code="file.unwritable",
        hint="`--report` names another folder",
    )
