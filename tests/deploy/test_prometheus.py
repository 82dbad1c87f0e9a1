"""Alert rules and dashboard: queries parse and ask for metrics there are, rules fire when they shall."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobctl.metrics.catalog import BROKER, WORKER

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus/jobctl.rules.yml"
needs_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (of Prometheus) is not installed")

rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
alerts = [rule["alert"] for rule in rules if "alert" in rule]
recorded = {rule["record"] for rule in rules if "record" in rule}
dashboard: dict[str, Any] = json.loads((DEPLOY / "grafana/dashboards/jobctl.json").read_text())
panels: list[dict[str, Any]] = dashboard["panels"]
queries = [target["expr"] for panel in panels for target in panel.get("targets", ())]
told = {
    name
    for metric in (*BROKER, *WORKER)
    for name in (
        [f"{metric.name}_{part}" for part in ("bucket", "sum", "count")]
        if metric.kind == "histogram"
        else [metric.sample_name]
    )
}


def promtool(*args: str) -> str:
    run = subprocess.run(["promtool", *args], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def names(query: str) -> set[str]:
    return set(re.findall(r"\bjobctl[\w:]*", re.sub(r'"[^"]*"', "", query)))


@pytest.mark.parametrize("query", [*queries, *(rule["expr"] for rule in rules)])
def test_query_asks_for_metrics_there_are(query: str) -> None:
    assert names(query)
    assert names(query) <= told | recorded


def test_every_metric_of_a_worker_or_the_broker_that_an_operator_looks_at_is_on_the_dashboard() -> None:
    shown = set().union(*map(names, queries))

    assert {"jobctl_jobs", "jobctl_job_outcomes_total", "jobctl_job_wait_seconds_bucket"} <= shown
    assert {"jobctl_queue_share_achieved_ratio", "jobctl_schedule_last_late_seconds", "jobctl_slots"} <= shown


def test_panels_stand_apart_and_say_what_they_show() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert panel["title"]
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_every_alert_is_played_by_a_test_and_says_what_to_do() -> None:
    tests = yaml.safe_load((DEPLOY / "prometheus/jobctl.rules.test.yml").read_text())["tests"]
    fired = {one["alertname"] for test in tests for one in test["alert_rule_test"] if one.get("exp_alerts")}

    assert fired == set(alerts)
    for rule in rules:
        if "alert" in rule:
            assert rule["labels"]["severity"] in ("warning", "critical")
            assert rule["annotations"]["summary"]
            assert rule["annotations"]["description"]


@needs_promtool
def test_rules_and_configuration_are_valid() -> None:
    assert f"{len(rules)} rules found" in promtool("check", "rules", str(RULES))
    assert "SUCCESS" in promtool("check", "config", str(DEPLOY / "prometheus/prometheus.yml"))


@needs_promtool
def test_rules_fire_when_they_shall() -> None:
    assert "SUCCESS" in promtool("test", "rules", str(DEPLOY / "prometheus/jobctl.rules.test.yml"))


@needs_promtool
def test_queries_of_the_dashboard_parse(tmp_path: Path) -> None:
    plain = [query.replace("$__rate_interval", "5m") for query in queries]
    body = {"groups": [{"name": "x", "rules": [{"record": f"x:{n}", "expr": q} for n, q in enumerate(plain)]}]}
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(body))

    assert f"{len(queries)} rules found" in promtool("check", "rules", str(tmp_path / "rules.yml"))
