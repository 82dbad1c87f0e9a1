"""Every state change of a job, in any order, by two workers and the clock, against a model in a dict.

The real scripts run on a real server. After each step the whole server is compared with the model: each job in exactly
one index, the order of the queues kept, what has ended stays ended, and no delivery but the last may write.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from jobctl.broker import keys
from jobctl.broker.abort import Aborted, abort_job
from jobctl.broker.connect import connect
from jobctl.broker.cycle import Cycle, Ended
from jobctl.broker.envelope import Envelope, pack, unpack
from jobctl.broker.scripts import source
from jobctl.broker.upkeep import Upkeep
from jobctl.errors import DuplicateJob, JobNotFound, JobStateError
from jobctl.inspector import Inspector

QUEUES = {"high": 2, "low": 1}
NAMES = ("a", "b", "c")
WORKERS = ("one", "two")
LOCK = keys.unique_lock("work", "x")
MINUTE_MS, HOUR_MS = 60_500, 3_600_000  # odd minutes never add up to an hour: what is due is due beyond doubt
LEASE_MS = 15_000
MAX_CRASHES = 3

UNFINISHED = frozenset({"queued", "scheduled", "retrying", "active"})
STATUS = {
    "queued": "queued",
    "scheduled": "queued",
    "retrying": "queued",
    "complete": "complete",
    "dead": "failed",
    "replayed": "failed",
    "cancelled": "aborted",
}


@dataclass
class Job:
    """What the model knows of one job."""

    queue: str
    state: str = "queued"
    attempts: int = 0
    crashes: int = 0
    interruptions: int = 0
    token: str | None = None
    lease_ms: int = 0
    due_ms: int = 0
    keep_ms: int | None = None
    is_recorded: bool = True
    is_cancelling: bool = False
    replays: int = 0
    nonce: str = ""
    locks: bool = False


@dataclass(frozen=True)
class Delivery:
    """What a worker was given, and believes to hold until it is told otherwise."""

    worker: str
    id: str
    token: str
    record: dict[str, Any]


@dataclass
class Model:
    jobs: dict[str, Job] = field(default_factory=dict)
    order: dict[str, list[str]] = field(default_factory=lambda: {queue: [] for queue in QUEUES})
    lock: str | None = None

    def of(self, queue: str, *states: str) -> set[str]:
        return {job_id for job_id, job in self.jobs.items() if job.queue == queue and job.state in states}


class Machine(RuleBasedStateMachine):
    url: ClassVar[str]
    runner: ClassVar[asyncio.Runner]
    server: ClassVar[Any]

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.deliveries: list[Delivery] = []
        self.sent: dict[str, Envelope] = {}
        self.count = 0
        self.run(self.server.flushall())
        self.cycles = {name: Cycle(self.url, QUEUES, name, lease_ms=LEASE_MS, client=self.server) for name in WORKERS}
        self.upkeep_script = Upkeep(self.server, [keys.QueueKeys(queue) for queue in QUEUES])
        self.enqueue_script = self.server.register_script(source("enqueue"))
        self.renew_script = self.server.register_script(source("renew"))

    def run(self, awaitable: Any) -> Any:
        async def main() -> Any:
            return await awaitable

        return self.runner.run(main())

    def teardown(self) -> None:
        for cycle in self.cycles.values():
            self.run(cycle.close())

    # --- producers

    @initialize(names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    def begin_with_work(self, names: list[str]) -> None:
        for name in names:
            self.enqueue("low", name, delayed=False, locks=False)

    @rule(
        queue=st.sampled_from(sorted(QUEUES)), name=st.sampled_from(NAMES), delayed=st.booleans(), locks=st.booleans()
    )
    def enqueue(self, queue: str, name: str, delayed: bool, locks: bool) -> None:
        job_id = keys.job_id(queue, name)
        self.count += 1
        nonce = f"nonce{self.count}"
        ours = {"nonce": nonce, **({"unique": LOCK} if locks else {})}
        record = {
            "function": "work",
            "queue": queue,
            "key": name,
            "status": "queued",
            "retries": 99,
            "ttl": 7200,
            "kwargs": {},
            "meta": {"jobctl": ours},
        }
        envelope = Envelope(
            queue=queue,
            key=name,
            record=json.dumps(record).encode(),
            delay_ms=HOUR_MS if delayed else 0,
            lock=LOCK if locks else "",
            nonce=nonce,
        )
        holder = None
        if self.is_unfinished(job_id):
            holder = job_id
        elif locks and self.is_unfinished(self.model.lock):
            holder = self.model.lock

        (answer,) = self.store(envelope)

        assert answer == holder
        if holder is None:
            self.sent[job_id] = envelope
            self.model.jobs[job_id] = Job(queue, nonce=nonce, locks=locks)
            if delayed:
                self.model.jobs[job_id].state = "scheduled"
                self.model.jobs[job_id].due_ms = HOUR_MS
            else:
                self.model.order[queue].append(job_id)
            if locks:
                self.model.lock = job_id

    @rule(data=st.data())
    @precondition(lambda self: self.sent)
    def send_again_what_was_stored(self, data: st.DataObject) -> None:
        """Its answer was lost. While anything is known of the job, nothing happens and the answer is the same."""
        job_id = data.draw(st.sampled_from(sorted(self.sent)))
        job = self.model.jobs.get(job_id)
        assume(job is not None and job.is_recorded and job.nonce == self.sent[job_id].nonce)

        assert self.store(self.sent[job_id]) == [None]

    def store(self, envelope: Envelope) -> list[str | None]:
        names, args = pack([envelope])
        return unpack(self.run(self.enqueue_script(keys=names, args=args)))

    # --- workers

    @rule(worker=st.sampled_from(WORKERS), want=st.integers(1, 4))
    def claim(self, worker: str, want: int) -> None:
        queued = sum(map(len, self.model.order.values()))

        turn = self.run(self.cycles[worker].turn(Ended(), want))

        assert len(turn.claims) == min(want, queued)
        for position, job_id, raw in turn.claims:
            job = self.model.jobs[job_id]
            assert self.model.order[tuple(QUEUES)[position]].pop(0) == job_id
            job.state, job.token, job.lease_ms = "active", turn.token, LEASE_MS
            self.deliveries.append(Delivery(worker, job_id, turn.token, json.loads(raw)))

    @rule(worker=st.sampled_from(WORKERS), want=st.integers(1, 4))
    def claim_without_hearing_the_answer(self, worker: str, want: int) -> None:
        cycle = self.cycles[worker]
        turn = self.run(cycle.turn(Ended(), want))
        cycle._unanswered.add(turn.token)

        self.run(cycle.turn(Ended(), 0))

        taken = {queue: {claim[1] for claim in turn.claims if claim[1] in self.model.order[queue]} for queue in QUEUES}
        for queue, ids in taken.items():
            was = self.model.order[queue]
            now = self.queued(queue)
            assert set(now[: len(ids)]) == ids == set(was[: len(ids)])
            assert now[len(ids) :] == was[len(ids) :]
            self.model.order[queue] = now  # which of them is first is not promised

    @rule(
        data=st.data(),
        how=st.sampled_from(["complete", "dead", "cancelled", "retry", "back"]),
        keep_s=st.sampled_from([-1, 0, 7200]),
        later=st.booleans(),
        is_repeated=st.booleans(),
    )
    @precondition(lambda self: self.deliveries)
    def end(self, data: st.DataObject, how: str, keep_s: int, later: bool, is_repeated: bool) -> None:
        delivery = self.deliveries.pop(data.draw(st.integers(0, len(self.deliveries) - 1)))
        job = self.model.jobs.get(delivery.id)
        owns = job is not None and job.state == "active" and job.token == delivery.token
        ended = self.told(delivery, how, keep_s, later)
        again = Ended(list(ended.values))

        turn = self.run(self.cycles[delivery.worker].turn(ended, 0))

        assert turn.told == again.values
        if not owns:
            is_deleted = (job is None or not job.is_recorded) and how != "retry" and again.values[5] < 0
            assert turn.fenced == ([] if is_deleted else [0])
            return
        assert turn.fenced == []
        self.note_end(delivery, how, keep_s, later)
        if is_repeated:  # its answer was lost: told again, taken for the end itself
            assert self.run(self.cycles[delivery.worker].turn(again, 0)).fenced == []

    def told(self, delivery: Delivery, how: str, keep_s: int, later: bool) -> Ended:
        self.count += 1
        queue, _ = keys.split_job_id(delivery.id)
        position = tuple(QUEUES).index(queue)
        attempts = delivery.record.get("attempts", 0) + (how != "back")
        stamp = {"touched": self.count}  # no two ends are alike
        spliced = {"attempts": attempts, **stamp}
        ended = Ended()
        if how in ("complete", "back"):
            status = {"status": "complete"} if how == "complete" else {"status": "queued", "started": 0}
            body = b"," + json.dumps({**spliced, **status})[1:-1].encode()
            number = keep_s if how == "complete" else int(later)
            op = "c" if how == "complete" else "b"
        else:
            status = {"dead": "failed", "cancelled": "aborted", "retry": "queued"}[how]
            body = json.dumps({**delivery.record, **spliced, "status": status}).encode()
            number = HOUR_MS * later if how == "retry" else keep_s
            op = {"dead": "d", "cancelled": "x", "retry": "r"}[how]
        lock = LOCK if delivery.record["meta"]["jobctl"].get("unique") and how not in ("retry", "back") else ""
        ended.add(position, delivery.id, delivery.token, op, body, number, lock)  # type: ignore[arg-type]
        return ended

    def note_end(self, delivery: Delivery, how: str, keep_s: int, later: bool) -> None:
        job = self.model.jobs[delivery.id]
        job.token = None
        if job.is_cancelling and how in ("retry", "back"):  # what was asked to stop does not run again
            job.attempts += how == "retry"
            self.note_final(delivery.id, "cancelled", 7200)
            return
        if how == "back":
            job.state = "queued"
            job.interruptions += later
            self.model.order[job.queue].insert(0, delivery.id)
            return
        job.attempts += 1
        if how == "retry":
            job.state, job.due_ms = ("retrying", HOUR_MS) if later else ("queued", 0)
            if not later:
                self.model.order[job.queue].append(delivery.id)
            return
        self.note_final(delivery.id, how, keep_s)

    def note_final(self, job_id: str, state: str, keep_s: int) -> None:
        job = self.model.jobs[job_id]
        if self.model.lock == job_id:
            self.model.lock = None
        if keep_s < 0:
            del self.model.jobs[job_id]
            return
        job.state, job.token, job.is_cancelling = state, None, False
        job.keep_ms = keep_s * 1000 or None

    @rule(worker=st.sampled_from(WORKERS))
    @precondition(lambda self: self.deliveries)
    def renew(self, worker: str) -> None:
        mine = [delivery for delivery in self.deliveries if delivery.worker == worker]
        names = [name for queue in QUEUES for name in (keys.QueueKeys(queue).leases, keys.QueueKeys(queue).owners)]
        args: list[Any] = [LEASE_MS]
        for delivery in mine:
            args += (tuple(QUEUES).index(keys.split_job_id(delivery.id)[0]), delivery.id, delivery.token)

        lost = [job_id.decode() for job_id in self.run(self.renew_script(keys=names, args=args))]

        owned = [self.owns(delivery) for delivery in mine]
        assert lost == [delivery.id for delivery, is_own in zip(mine, owned, strict=True) if not is_own]
        for delivery, is_own in zip(mine, owned, strict=True):
            if is_own:
                self.model.jobs[delivery.id].lease_ms = LEASE_MS

    @rule(worker=st.sampled_from(WORKERS))
    @precondition(lambda self: self.deliveries)
    def crash(self, worker: str) -> None:
        """It will never say anything again. Deliveries that are not dropped are those of a paused worker."""
        self.deliveries = [delivery for delivery in self.deliveries if delivery.worker != worker]

    @rule(worker=st.sampled_from(WORKERS), want=st.integers(1, 4))
    def die_with_jobs(self, worker: str, want: int) -> None:
        """What takes five steps of its own and would seldom come about thrice by chance."""
        self.claim(worker, want)
        self.crash(worker)
        self.let_time_pass(hours=False)
        self.upkeep()

    # --- operators

    @rule(queue=st.sampled_from(sorted(QUEUES)), name=st.sampled_from(NAMES))
    def cancel(self, queue: str, name: str) -> None:
        job_id = keys.job_id(queue, name)
        job = self.model.jobs.get(job_id)

        what, _ = self.run(abort_job(self.server, keys.QueueKeys(queue), job_id, "by the operator"))

        if job is None or not job.is_recorded:
            assert what is Aborted.GONE
        elif job.state == "active":
            assert what is Aborted.CANCELLING
            job.is_cancelling = True
        elif job.state in UNFINISHED:
            assert what is Aborted.CANCELLED
            if job.state == "queued":
                self.model.order[queue].remove(job_id)
            self.note_final(job_id, "cancelled", 7200)
        else:
            assert what is Aborted.FINAL

    @rule(data=st.data())
    @precondition(lambda self: self.model.jobs)
    def replay(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.model.jobs)))
        job = self.model.jobs[job_id]
        try:
            replayed = self.run(Inspector(self.server).replay(job_id))
        except JobNotFound:
            assert not job.is_recorded
        except JobStateError:
            assert job.state in UNFINISHED or job.replays
        except DuplicateJob:
            assert job.locks
            assert self.is_unfinished(self.model.lock)
        else:
            assert job.state not in UNFINISHED
            assert job.state == "dead" or not job.replays
            assert not (job.locks and self.is_unfinished(self.model.lock))
            new_id = keys.job_id(job.queue, replayed.key)
            self.model.jobs[new_id] = Job(job.queue, locks=job.locks)
            self.model.order[job.queue].append(new_id)
            if job.locks:
                self.model.lock = new_id
            job.replays += 1
            if job.state == "dead":
                job.state = "replayed"

    # --- the clock, and what every worker does for everyone

    @rule(hours=st.booleans())
    def let_time_pass(self, hours: bool) -> None:
        """Move everything that has a time so much nearer: the same as moving the server's clock."""
        ms = HOUR_MS + MINUTE_MS if hours else MINUTE_MS
        self.run(self.move_clock(ms))
        for job in self.model.jobs.values():
            if job.state == "active":
                job.lease_ms -= ms
            if job.state in ("scheduled", "retrying"):
                job.due_ms -= ms
            if job.keep_ms is not None:
                job.keep_ms -= ms
                job.is_recorded = job.keep_ms > 0

    async def move_clock(self, ms: int) -> None:
        for queue in QUEUES:
            of = keys.QueueKeys(queue)
            for name, unit in ((of.leases, 1), (of.retrying, 1), (of.expiry, 1), (of.incomplete, 1000)):
                for member, score in await self.server.zrange(name, 0, -1, withscores=True):
                    if score:
                        await self.server.zadd(name, {member: score - ms / unit})
        for job_id, job in self.model.jobs.items():
            if job.keep_ms is not None and job.is_recorded:
                await self.server.pexpire(job_id, max(job.keep_ms - ms, 0))

    @rule()
    def upkeep(self) -> None:
        lost = {job_id for job_id, job in self.model.jobs.items() if job.state == "active" and job.lease_ms <= 0}
        cancelling = {job_id for job_id in lost if self.model.jobs[job_id].is_cancelling}
        due = {
            queue: {i for i in self.model.of(queue, "scheduled", "retrying") if self.model.jobs[i].due_ms <= 0}
            for queue in QUEUES
        }
        before = {queue: list(order) for queue, order in self.model.order.items()}

        findings = self.run(self.upkeep_script.tick())

        assert {job.id for job in findings.recovered} == lost - cancelling
        for job_id in cancelling:
            self.note_final(job_id, "cancelled", 7200)
        for found in findings.recovered:
            job = self.model.jobs[found.id]
            job.crashes += 1
            job.token = None
            assert found.outcome == ("dead" if job.crashes >= MAX_CRASHES else "lost")
            if found.outcome == "dead":
                self.note_final(found.id, "dead", 7_776_000)
            else:
                job.state = "queued"
                before[job.queue].insert(0, found.id)
        for queue, ids in due.items():
            now = self.queued(queue)
            assert set(now[len(before[queue]) :]) == ids
            self.model.order[queue] = before[queue] + now[len(before[queue]) :]
            for job_id in ids:
                self.model.jobs[job_id].state, self.model.jobs[job_id].due_ms = "queued", 0
        for job_id in [i for i, job in self.model.jobs.items() if job.keep_ms is not None and job.keep_ms <= 0]:
            del self.model.jobs[job_id]

    # --- what must hold after every step

    @invariant()
    def server_is_as_the_model(self) -> None:
        for queue in QUEUES:
            shown, records = self.run(self.look(queue))
            active = self.model.of(queue, "active")
            unfinished = self.model.of(queue, *UNFINISHED)
            kept = {i for i, job in self.model.jobs.items() if job.queue == queue and job.keep_ms is not None}
            assert shown["queued"] == self.model.order[queue]
            assert sorted(shown["active"]) == sorted(active)
            assert set(shown["leases"]) == set(shown["owners"]) == active
            assert set(shown["incomplete"]) == unfinished
            assert {i for i, due in shown["incomplete"].items() if due} == self.model.of(queue, "scheduled", "retrying")
            assert set(shown["retrying"]) == self.model.of(queue, "retrying")
            for index in ("complete", "dead", "cancelled", "replayed"):
                assert set(shown[index]) == self.model.of(queue, index), index
            together = {int(entry[1:].split(":")[0]) for entry in shown["expiry"] if entry.startswith("@")}
            alone = {entry for entry in shown["expiry"] if not entry.startswith("@")}
            assert alone | {i for i, ended_ms in shown["complete"].items() if ended_ms in together} == kept
            assert {i for i, record in records.items() if record is not None} == {
                i for i, job in self.model.jobs.items() if job.queue == queue and job.is_recorded
            }
            for count in ("crashes", "interruptions"):
                assert {i: int(n) for i, n in shown[count].items()} == {
                    i: n for i in self.of_queue(queue) if (n := getattr(self.model.jobs[i], count))
                }, count
            assert set(shown["losses"]) == set(shown["crashes"]) | set(shown["interruptions"])
            for job_id, record in records.items():
                if record is not None:
                    self.record_is_as_the_model(self.model.jobs[job_id], json.loads(record))

    def record_is_as_the_model(self, job: Job, record: dict[str, Any]) -> None:
        if job.state == "active":
            assert record["status"] == ("aborting" if job.is_cancelling else "active")
        else:
            assert record["status"] == STATUS[job.state]
        assert record.get("attempts", 0) == job.attempts

    @invariant()
    def lock_is_held_by_its_job(self) -> None:
        held = self.run(self.server.get(LOCK))
        assert (held.decode() if held else None) == self.model.lock

    async def look(self, queue: str) -> tuple[dict[str, Any], dict[str, bytes | None]]:
        of = keys.QueueKeys(queue)
        scored = ("leases", "incomplete", "retrying", "complete", "dead", "cancelled", "replayed", "expiry")
        hashes = ("owners", "crashes", "interruptions", "losses")
        async with self.server.pipeline(transaction=False) as pipe:
            for name in ("queued", "active"):
                pipe.lrange(getattr(of, name), 0, -1)
            for name in scored:
                pipe.zrange(getattr(of, name), 0, -1, withscores=True)
            for name in hashes:
                pipe.hgetall(getattr(of, name))
            answers = await pipe.execute()
        shown: dict[str, Any] = {}
        for name, answer in zip(("queued", "active", *scored, *hashes), answers, strict=True):
            if name in ("queued", "active"):
                shown[name] = [job_id.decode() for job_id in answer]
            else:
                pairs = answer.items() if isinstance(answer, dict) else answer
                shown[name] = {job_id.decode(): value for job_id, value in pairs}
        stored = await self.server.keys(f"{of.prefix}*")
        return shown, {name.decode(): await self.server.get(name) for name in stored}

    def queued(self, queue: str) -> list[str]:
        return [job_id.decode() for job_id in self.run(self.server.lrange(keys.QueueKeys(queue).queued, 0, -1))]

    def of_queue(self, queue: str) -> Iterator[str]:
        return (job_id for job_id, job in self.model.jobs.items() if job.queue == queue)

    def owns(self, delivery: Delivery) -> bool:
        job = self.model.jobs.get(delivery.id)
        return job is not None and job.state == "active" and job.token == delivery.token

    def is_unfinished(self, job_id: str | None) -> bool:
        return job_id in self.model.jobs and self.model.jobs[job_id].state in UNFINISHED


@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
def test_jobs_are_always_where_the_model_has_them(redis_url: str) -> None:
    with asyncio.Runner() as runner:
        Machine.url, Machine.runner = redis_url, runner
        runner.run(begin(redis_url))
        try:
            run_state_machine_as_test(
                Machine,
                settings=settings(
                    max_examples=60,
                    stateful_step_count=40,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(Machine.server.aclose())


async def begin(url: str) -> None:
    Machine.server = connect(url)
