"""The generator: an open workload, whatever the broker's answers take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from jobctl.bench.journal import Journal, Sent, read_journal
from jobctl.bench.pacing import BATCH, send_all
from jobctl.bench.scenario import ARRIVALS, BACKLOG, Phase, Portion

MIX = (Portion(job="a", parts=2), Portion(job="b"))


class Broker:
    """Takes jobs; the first answer takes its time."""

    def __init__(self, stall_s: float = 0.0) -> None:
        self.batches: list[list[str]] = []
        self._stall_s = stall_s

    def send(self, portions: Sequence[Portion]) -> list[tuple[str, str]]:
        if not self.batches:
            time.sleep(self._stall_s)
        self.batches.append([portion.job for portion in portions])
        number = sum(map(len, self.batches))
        return [(f"key-{number}-{at}", portion.job) for at, portion in enumerate(portions)]


def sent_by(phase: Phase, broker: Broker, path: Path) -> list[Sent]:
    with Journal(str(path)) as journal:
        send_all(phase, MIX, broker.send, journal)
    return [line for line in read_journal(path) if isinstance(line, Sent)]


def test_a_slow_answer_delays_nothing_that_is_due(tmp_path: Path) -> None:
    broker = Broker(stall_s=0.1)

    lines = sent_by(Phase(kind=ARRIVALS, rate_per_s=200.0, duration_s=0.2), broker, tmp_path / "journal")

    due = [at for line in lines for at in line.due]
    taken = [at for line in lines for at in line.taken]
    assert len(due) == 40
    assert {round((after - before) / 1e6) for before, after in pairwise(due)} == {5}
    assert taken[0] - due[0] >= 0.1e9
    # what became due meanwhile went together, each job with its own due time, so it shows the wait
    assert len(broker.batches[1]) >= 15
    assert taken[1] - due[1] > 0.09e9


def test_no_job_is_sent_before_it_is_due(tmp_path: Path) -> None:
    lines = sent_by(Phase(kind=ARRIVALS, rate_per_s=500.0, duration_s=0.1), Broker(), tmp_path / "journal")

    assert all(sent >= due for line in lines for sent, due in zip(line.sent, line.due, strict=True))


def test_a_backlog_goes_in_full_batches_and_follows_the_mix(tmp_path: Path) -> None:
    broker = Broker()

    sent_by(Phase(kind=BACKLOG, jobs=2 * BATCH + 1), broker, tmp_path / "journal")

    assert [len(batch) for batch in broker.batches] == [BATCH, BATCH, 1]
    assert abs(sum(batch.count("a") for batch in broker.batches) - (2 * BATCH + 1) * 2 / 3) < 1


def test_a_line_cut_short_by_a_kill_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    sent_by(Phase(kind=BACKLOG, jobs=3), Broker(), path)

    path.write_bytes(path.read_bytes() + b'{"type":"sent","keys":["x')

    assert [len(line.keys) for line in read_journal(path)] == [3]
