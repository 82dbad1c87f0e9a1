"""When jobs are sent: an open workload. A late answer delays nothing that is due, and is not left out of the figures.

A job's latency counts from when it was due. If the sender or the broker is late, what has become due meanwhile goes in
one batch, and each job keeps its own due time (no coordinated omission).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice

from jobctl.bench.journal import FLUSH_S, Journal, Sent, load_now
from jobctl.bench.scenario import BACKLOG, Phase, Portion, interleaved

BATCH = 500
HEAD_START_S = 0.05

Send = Callable[[Sequence[Portion]], Sequence[tuple[str, str]]]
"""Enqueues jobs and returns ``(key, queue)`` of each, once the broker has taken them."""


def send_all(phase: Phase, mix: Sequence[Portion], send: Send, journal: Journal) -> None:
    """Enqueue what a phase asks for, each job when it is due, and write it down."""
    portions = cycle(interleaved(mix))
    began_ns = time.monotonic_ns() + int(HEAD_START_S * 1e9)
    due = (began_ns + int(at_s * 1e9) for at_s in phase.due_s())
    page, flushed_ns = Sent([], [], [], [], [], load_now()), began_ns
    for batch in _batches(due, is_paced=phase.kind != BACKLOG):
        sent_ns = time.monotonic_ns()
        answers = send(list(islice(portions, len(batch))))
        taken_ns = time.monotonic_ns()
        for (key, queue), due_ns in zip(answers, batch, strict=True):
            page.keys.append(key)
            page.queues.append(queue)
            page.due.append(due_ns)
            page.sent.append(sent_ns)
            page.taken.append(taken_ns)
        if taken_ns - flushed_ns > FLUSH_S * 1e9:
            page.load = load_now()
            journal.write(page)
            page, flushed_ns = Sent([], [], [], [], [], page.load), taken_ns
    page.load = load_now()
    journal.write(page)


def _batches(due: Iterator[int], *, is_paced: bool) -> Iterator[list[int]]:
    """Yield the due times of jobs that are sent together, once they are due."""
    batch: list[int] = []
    for due_ns in due:
        if is_paced:
            # what waits is due before this one: it goes now, unless this one is due as well
            if batch and due_ns > time.monotonic_ns():
                yield batch
                batch = []
            if (left_ns := due_ns - time.monotonic_ns()) > 0:
                time.sleep(left_ns / 1e9)
        batch.append(due_ns)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
