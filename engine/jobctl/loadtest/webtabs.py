"""Two tabs more in Locust's browser page: the thresholds as they stand, and the shares of the queues."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from jobctl.measure.runlog import Interval, fairness_of, figures_of
from jobctl.measure.thresholds import judge_all

if TYPE_CHECKING:
    from jobctl.loadtest.owner import Owner

THRESHOLDS, FAIRNESS = "jobctl-thresholds", "jobctl-fairness"
_TABS = [{"key": THRESHOLDS, "title": "Thresholds"}, {"key": FAIRNESS, "title": "Fairness"}]
_TABLES = [
    {
        "key": THRESHOLDS,
        "structure": [
            {"key": "threshold", "title": "Threshold"},
            {"key": "measured", "title": "Measured"},
            {"key": "state", "title": "State"},
        ],
    },
    {
        "key": FAIRNESS,
        "structure": [
            {"key": "queue", "title": "Queue"},
            {"key": "weight", "title": "Share by weight"},
            {"key": "starts", "title": "Share of starts"},
            {"key": "work", "title": "Share of work time"},
            {"key": "wait", "title": "Longest time without a start"},
        ],
    },
]


def add_tabs(web_ui: Any, owner: Callable[[], Owner | None], before: Callable[[Mapping[str, str]], None]) -> None:
    """Add the tabs, and have what the form says take effect.

    Args:
        owner: returns the run that is under way or was the last one.
        before: called with the form before a run begins.
    """
    from flask import request

    renew = web_ui.update_template_args

    def update_template_args() -> None:
        renew()
        web_ui.template_args |= {"extended_tabs": _TABS, "extended_tables": _TABLES}

    web_ui.update_template_args = update_template_args

    page = Page(owner)

    def begin() -> None:
        if request.path.endswith("/swarm"):
            before(request.form)

    def extend(response: Any) -> Any:
        if request.path.endswith("/stats/requests") and response.is_json and response.status_code == 200:
            content = response.get_json()
            content["extended_stats"] = page.tables()
            response.set_data(json.dumps(content))
        return response

    web_ui.app.before_request(begin)
    web_ui.app.after_request(extend)


class Page:
    """What stands in the tabs.

    A long run's shares take a while to compute, and the page asks every two seconds: they are computed so seldom that
    it costs the generator 5 % of its time at most.
    """

    def __init__(self, owner: Callable[[], Owner | None]) -> None:
        self._owner = owner
        self._last: list[dict[str, Any]] = []
        self._next_s = 0.0
        self._shown: tuple[Any, Any] = (None, None)

    def tables(self) -> list[dict[str, Any]]:
        """Return the rows of each tab."""
        owner = self._owner()
        shown = (owner, owner and owner.result)
        began_s = time.perf_counter()
        if began_s >= self._next_s or shown != self._shown:
            self._last, self._shown = tables(owner), shown
            ended_s = time.perf_counter()
            self._next_s = ended_s + 20 * (ended_s - began_s)
        return self._last


def tables(owner: Owner | None) -> list[dict[str, Any]]:
    """Return what stands in the tabs."""
    thresholds: list[dict[str, str]] = []
    shares: list[dict[str, str]] = []
    if owner is not None:
        now_ms = owner.clock.now_ms() if owner.result is None else owner.result.interval.to_ms
        interval = Interval(from_ms=owner.measured_from_ms, to_ms=max(now_ms, owner.measured_from_ms))
        fair = fairness_of(owner.total, owner.weights, interval) if owner.scenario.notes_starts else None
        for verdict in judge_all(owner.thresholds, figures_of(owner.total, interval, fair)):
            state = "kept" if verdict.is_kept else "missed" if verdict.value is not None else "not measured yet"
            thresholds.append({"threshold": verdict.threshold.text, "measured": verdict.measured, "state": state})
        if fair is not None:
            work = owner.total.starts.work_shares(fair.expected)
            shares = [
                {
                    "queue": queue,
                    "weight": f"{share:.1%}",
                    "starts": f"{fair.achieved[queue]:.1%}",
                    "work": f"{work[queue]:.1%}",
                    "wait": f"{fair.starved_ms[queue]:.0f} ms",
                }
                for queue, share in fair.expected.items()
            ]
    return [{"key": THRESHOLDS, "data": thresholds}, {"key": FAIRNESS, "data": shares}]
