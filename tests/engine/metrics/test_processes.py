"""Snapshots of worker processes: told, probed, and handed to a supervisor in files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec

from jobctl.metrics.processes import STALE_S, Folder, Own, Processes
from jobctl.worker.snapshot import Snapshot


def snapshot(**facts: Any) -> Snapshot:
    known: dict[str, Any] = {
        "worker": "w1",
        "version": "1",
        "plan": "f",
        "seen_at": time.time(),
        "started_at": 1.0,
        "is_ready": True,
        "is_stopping": False,
        "is_broker_up": True,
        "slots": 10,
        "busy": 3,
        "leases": 4,
        "untold": 1,
        "lag_s": 0.01,
        "memory_bytes": 5,
        "cpu_s": 2.5,
        "totals": {"default": {"mail|complete": 2}},
    }
    return Snapshot(**(known | facts))


def told(processes: Processes) -> dict[tuple[str, str], float]:
    found = [sample for family in processes.scrape() for sample in family.samples]
    return {(one.name, one.labels["process"]): one.value for one in found if one.labels.get("outcome", "complete")}


def test_every_process_is_told_by_its_number() -> None:
    found = told(Processes(lambda: {1: snapshot(busy=1), 2: snapshot(busy=2)}, 2))

    assert found["jobctl_worker_slots_busy", "1"] == 1
    assert found["jobctl_worker_slots_busy", "2"] == 2


def test_own_process_before_its_worker_has_begun_is_neither_ready_nor_ill() -> None:
    processes = Processes(Own())

    assert processes.scrape() == []
    assert processes.unhealthy() == ""
    assert processes.unready() == "0 of 1 worker processes take jobs"


def test_ready_when_all_are() -> None:
    own = Own()
    processes = Processes(own)

    own.tell(snapshot(is_ready=False))
    assert processes.unready() == "0 of 1 worker processes take jobs"
    own.tell(snapshot())
    assert processes.unready() == ""


def test_an_event_loop_that_stands_still_is_ill() -> None:
    own = Own()
    processes = Processes(own)
    processes._began_at -= 2 * STALE_S
    own.tell(snapshot(seen_at=time.time() - 2 * STALE_S))

    assert processes.unhealthy() == "no worker process has been heard of for 30 s"


def test_files_of_workers_are_read_by_their_supervisor(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.teller(1)(snapshot(worker="a"))
    folder.teller(2)(snapshot(worker="b"))

    assert {number: one.worker for number, one in folder().items()} == {1: "a", 2: "b"}


def test_the_successor_counts_while_it_takes_another_s_place(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    (tmp_path / "1-100.json").write_bytes(msgspec.json.encode(snapshot(worker="new", started_at=2.0)))
    (tmp_path / "1-99.json").write_bytes(msgspec.json.encode(snapshot(worker="old", started_at=1.0)))

    assert folder()[1].worker == "new"


def test_files_of_the_dead_and_half_files_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "1-7.json").write_bytes(msgspec.json.encode(snapshot(seen_at=time.time() - 2 * STALE_S)))
    (tmp_path / "2-8.json").write_bytes(b"{")
    folder = Folder(tmp_path)

    assert folder() == {}
    assert not (tmp_path / "1-7.json").exists()


def test_a_worker_whose_supervisor_is_gone_goes_on(tmp_path: Path) -> None:
    Folder(tmp_path / "gone").teller(1)(snapshot())
