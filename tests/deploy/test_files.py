"""What is shipped for real use: files are sound, command lines are ours, each time outlasts the next."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobctl.durations import parse_duration
from jobctl.settings import DEFAULT_GRACE_S, Settings
from jobctl.worker.supervisor import KILL_MARGIN_S
from jobctl_cli.app import build
from jobctl_cli.environment import Environment

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text())
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
MANIFESTS = [
    manifest
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for manifest in yaml.safe_load_all(path.read_text())
]
DEPLOYMENTS = {one["metadata"]["name"]: one for one in MANIFESTS if one["kind"] == "Deployment"}
OURS = ("worker", "web", "exporter")


def unit(path: Path) -> configparser.ConfigParser:
    found = configparser.ConfigParser(strict=False, interpolation=None)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read_string(path.read_text())
    return found


def command_lines() -> Iterator[tuple[str, list[str]]]:
    for name in OURS:
        yield f"compose {name}", COMPOSE["services"][name]["command"]
    for name, deployment in DEPLOYMENTS.items():
        yield f"kubernetes {name}", container(deployment)["args"]
    for path in UNITS:
        program, *args = shlex.split(unit(path)["Service"]["ExecStart"])
        assert program.endswith("/bin/jobctl")
        yield path.name, args


def container(deployment: dict[str, Any]) -> dict[str, Any]:
    (found,) = deployment["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("where", "args"), [*command_lines()], ids=lambda value: value if isinstance(value, str) else ""
)
def test_command_line_is_accepted(where: str, args: list[str]) -> None:
    """Parsed by the real program, as far as it goes without running anything."""
    env = Environment(stdin=sys.stdin, stdout=sys.stdout, stderr=sys.stderr, variables={})
    root = build()
    context = root.make_context("jobctl", list(args), obj=env)
    name, command, rest = root.resolve_command(context, list(args))

    inner = command.make_context(name, rest, parent=context)

    assert inner.params


def test_compose_services_refer_to_what_there_is() -> None:
    services, volumes = COMPOSE["services"], COMPOSE["volumes"]
    for name, service in services.items():
        assert set(service.get("depends_on", ())) <= set(services), name
        assert "image" in service, name
        assert service["restart"] == "unless-stopped", name
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in volumes, volume
        for needed, condition in dict.items(
            service["depends_on"] if isinstance(service.get("depends_on"), dict) else {}
        ):
            assert condition["condition"] == "service_healthy"
            assert "healthcheck" in services[needed]


def test_everything_of_compose_is_there_and_bound_to_this_machine() -> None:
    services = COMPOSE["services"]

    assert {"worker", "web", "valkey", "postgres", "mailpit", "prometheus", "grafana"} <= set(services)
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_secrets_of_compose_are_asked_for_and_explained() -> None:
    asked = set(re.findall(r"\$\{(\w+):\?", (DEPLOY / "compose.yml").read_text()))
    explained = set(re.findall(r"^(\w+)=", (DEPLOY / "example.env").read_text(), re.MULTILINE))

    assert asked == explained
    assert not re.search(r"\$\{\w+(:-|\})", (DEPLOY / "compose.yml").read_text()), "a default password"


def test_broker_of_compose_evicts_nothing_and_keeps_its_data() -> None:
    command = " ".join(COMPOSE["services"]["valkey"]["command"])

    assert "--maxmemory-policy noeviction" in command
    assert "--appendonly yes" in command


def test_variables_of_compose_are_read_by_us() -> None:
    for name in OURS:
        found = COMPOSE["services"][name].get("environment", {})
        settings = Settings.from_env({key: str(value) for key, value in found.items() if "${" not in str(value)})
        assert settings.grace_s == DEFAULT_GRACE_S


def test_workers_get_the_time_they_take_to_stop() -> None:
    worker = COMPOSE["services"]["worker"]
    grace_s = parse_duration(worker["environment"]["JOBCTL_GRACE"])
    assert parse_duration(worker["stop_grace_period"]) >= grace_s + KILL_MARGIN_S

    service = unit(DEPLOY / "systemd/jobctl-worker.service")["Service"]
    found = re.search(r"JOBCTL_GRACE=(\w+)", service["Environment"])
    assert found is not None
    assert float(service["TimeoutStopSec"]) >= parse_duration(found[1]) + KILL_MARGIN_S
    assert service["KillMode"] == "mixed"

    deployment = DEPLOYMENTS["jobctl-worker"]
    env = {one["name"]: one["value"] for one in container(deployment)["env"]}
    before_s = container(deployment)["lifecycle"]["preStop"]["sleep"]["seconds"]
    patience_s = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert patience_s >= before_s + parse_duration(env["JOBCTL_GRACE"]) + KILL_MARGIN_S


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_probes_ask_a_port_that_is_served(name: str) -> None:
    found = container(DEPLOYMENTS[name])
    ports = {port["name"]: port["containerPort"] for port in found["ports"]}
    args = " ".join(found["args"])

    for probe in ("readinessProbe", "livenessProbe"):
        (how,) = (key for key in found[probe] if key in ("httpGet", "tcpSocket"))
        assert found[probe][how]["port"] in ports
        assert found[probe][how].get("path", "/healthz") in ("/healthz", "/readyz")
    assert all(str(port) in args for port in ports.values())
    scraped = DEPLOYMENTS[name]["spec"]["template"]["metadata"].get("annotations", {}).get("prometheus.io/port")
    assert scraped is None or int(scraped) in ports.values()


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda one: f"{one['kind']} {one.get('metadata', {}).get('name')}")
def test_manifest_has_what_its_kind_needs(manifest: dict[str, Any]) -> None:
    assert manifest["apiVersion"]
    if manifest["kind"] == "Kustomization":
        assert all((DEPLOY / "kubernetes" / name).exists() for name in manifest["resources"])
        return
    labels = manifest["metadata"]["labels"]
    spec = manifest["spec"]
    selector = spec["selector"].get("matchLabels", spec["selector"])
    assert selector == labels
    if manifest["kind"] == "Deployment":
        pod = spec["template"]
        assert pod["metadata"]["labels"] == labels
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        limits = container(manifest)["securityContext"]
        assert limits["allowPrivilegeEscalation"] is False
        assert limits["readOnlyRootFilesystem"] is True


def test_prometheus_of_compose_scrapes_what_serves_metrics() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    (exporter,) = config["scrape_configs"][0]["static_configs"][0]["targets"]
    (workers,) = config["scrape_configs"][1]["dns_sd_configs"]

    assert exporter.partition(":")[0] in COMPOSE["services"]
    assert exporter.rpartition(":")[2] in " ".join(COMPOSE["services"]["exporter"]["command"])
    assert workers["names"] == ["worker"]
    assert str(workers["port"]) in " ".join(COMPOSE["services"]["worker"]["command"])


def test_image_copies_what_there_is_and_runs_as_nobody() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text()
    sources = [
        name
        for line in re.findall(r"^COPY (?!--from)(.*)", text, re.MULTILINE)
        for name in line.split()[:-1]
    ]  # fmt: skip

    assert sources
    for name in sources:
        assert (ROOT / name).exists(), name
        assert f"!{name}\n" in ignored, name
    assert re.search(r"^USER \d+$", text, re.MULTILINE)
    assert re.search(r'^ENTRYPOINT \["jobctl"\]$', text, re.MULTILINE)


def test_constraints_of_the_image_are_those_of_the_lock_file() -> None:
    expression = re.search(r"sed -nE '(.*)' requirements.lock", (DEPLOY / "Dockerfile").read_text())
    assert expression is not None
    pinned = re.findall(r"^[A-Za-z0-9._-]+==[^ ;\\]+", (ROOT / "requirements.lock").read_text(), re.MULTILINE)

    made = subprocess.run(
        ["sed", "-nE", expression[1], str(ROOT / "requirements.lock")], capture_output=True, text=True, check=True
    )

    assert made.stdout.splitlines() == pinned
    assert len(pinned) > 20


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_finds_nothing_but_that_the_program_is_elsewhere(path: Path) -> None:
    told = subprocess.run(
        ["systemd-analyze", "verify", str(path)], capture_output=True, text=True, timeout=60, check=False
    )

    lines = [line for line in told.stderr.splitlines() if path.name in line]
    assert [line for line in lines if "is not executable" not in line] == []


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_kustomize_builds_them_all() -> None:
    built = subprocess.run(
        ["kubectl", "kustomize", str(DEPLOY / "kubernetes")], capture_output=True, text=True, timeout=60, check=False
    )

    assert built.returncode == 0, built.stderr
    assert len(list(yaml.safe_load_all(built.stdout))) == len(MANIFESTS) - 1
    assert "registry.example.org/jobctl:1" in built.stdout
