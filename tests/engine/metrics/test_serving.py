"""The HTTP server of metrics and probes, asked over HTTP."""

from __future__ import annotations

import contextlib
import http.client
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

from jobctl.errors import UsageError
from jobctl.metrics.catalog import WORKER, Scrape
from jobctl.metrics.serving import serving


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def scrape() -> list[object]:
    told = Scrape(WORKER)
    told.add("jobctl_worker", 1, "1", 'ab"c\n', "1.0", "f")
    told.add("jobctl_worker_starts", 7, "1", "default", "mail")
    told.add_histogram("jobctl_worker_run_seconds", [1] * 19, 3.5, "1", "default", "mail")
    return told.families()


def get(port: int, path: str, accept: str = "") -> tuple[int, str, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode(), answer.headers["Content-Type"]
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers["Content-Type"]


@pytest.fixture
def port() -> Iterator[int]:
    with serving("127.0.0.1", 0, scrape, {"/healthz": lambda: "", "/readyz": lambda: "not yet"}) as found:
        yield found


def test_prometheus_format(port: int) -> None:
    status, text, kind = get(port, "/metrics?x=1")

    assert (status, kind.split(";")[0]) == (200, "text/plain")
    found = {sample.name: sample for family in parser.text_string_to_metric_families(text) for sample in family.samples}
    assert found["jobctl_worker_starts_total"].value == 7
    assert found["jobctl_worker_run_seconds_count"].value == 19
    assert found["jobctl_worker_info"].labels["worker"] == 'ab"c\n'


def test_openmetrics_where_it_is_asked_for(port: int) -> None:
    _, text, kind = get(port, "/metrics", "application/openmetrics-text; version=1.0.0")

    assert kind.startswith("application/openmetrics-text; version=1.0.0")
    assert text.endswith("# EOF\n")
    names = {family.name for family in openmetrics.text_string_to_metric_families(text)}
    assert names == {"jobctl_worker", "jobctl_worker_starts", "jobctl_worker_run_seconds"}


def test_probes(port: int) -> None:
    assert get(port, "/healthz")[:2] == (200, "ok\n")
    assert get(port, "/readyz")[:2] == (503, "not yet\n")


def test_unknown_path(port: int) -> None:
    assert get(port, "/etc/passwd")[:2] == (404, "there is /metrics and /healthz, /readyz\n")


def test_client_that_says_nothing_holds_up_nobody(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)):
        assert get(port, "/healthz")[0] == 200


def test_port_that_is_taken_is_a_usage_error(port: int) -> None:
    with (
        pytest.raises(UsageError, match=f"127.0.0.1:{port}: Address already in use"),
        serving("127.0.0.1", port, scrape),
    ):
        pass  # fmt: skip


def test_it_is_gone_when_the_context_ends() -> None:
    with serving("127.0.0.1", 0, scrape) as port:
        pass

    with pytest.raises(urllib.error.URLError):
        get(port, "/metrics")


def test_probes_and_metrics_may_be_asked_for_by_head(port: int) -> None:
    """Some load balancers do."""
    for path, status in (("/healthz", 200), ("/readyz", 503), ("/metrics", 200), ("/nope", 404)):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as line:
            line.request("HEAD", path)
            answer = line.getresponse()
            assert (answer.status, answer.read()) == (status, b"")
            assert int(answer.headers["Content-Length"]) > 0


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")
def test_they_are_served_on_ipv6_too() -> None:
    with serving("::1", 0, scrape) as port, urllib.request.urlopen(f"http://[::1]:{port}/healthz", timeout=5) as answer:
        assert answer.read() == b"ok\n"
