"""The demo's story: what is done, in order, and what must come of it."""

from __future__ import annotations

import time
import uuid
from email.message import EmailMessage
from typing import Any

import httpx

from examples.tenants.demo.report import Played, Report
from examples.tenants.demo.stage import OPERATOR, DemoFailed, Stage
from examples.tenants.seed import ACME, GLOBEX, INVITATION
from jobctl.errors import JobNotFound, WaitTimeout
from jobctl.records import JobRecord, JobState

WAIT_S = 40.0  # for any one job; the slowest waits up to 15 s for the outbox
LETTER_WAIT_S = 10.0
GUEST = "grace@example.org"
UNREACHABLE = "redis://127.0.0.1:1"  # nobody listens there


class Story:
    """Plays on a stage and reports."""

    def __init__(self, stage: Stage, report: Report) -> None:
        self.stage = stage
        self.report = report
        self.played: list[Played] = []

    def play(self) -> None:
        """Play it all.

        Raises:
            DemoFailed: something did not come out as it must.
        """
        self._open()
        self._services_and_a_retry()
        late_key = self._api_without_broker()
        self._api()
        self._never_twice()
        self._housekeeping()
        self._a_death()
        self.report.step("The outbox job, due every 15 s, enqueues what the API could not")
        self._expect(late_key, "promised without a broker", JobState.COMPLETE)
        self.report.table(self.played)
        self.report.letter(self._letter_to(GUEST))

    def _open(self) -> None:
        stage = self.stage
        self.report.step("On this machine alone: an embedded Valkey, an SMTP server, two services, SQLite, a worker")
        self.report.fact(f"billing at {stage.billing.url} (its first answer will be 503), search at {stage.search.url}")
        self.report.command("jobctl run --spec jobspecs/")
        stage.start_worker()

    def _api_without_broker(self) -> str:
        self.report.step("An API that cannot reach the broker: the request succeeds, its job waits in the outbox")
        api = self.stage.start_api("API without broker", REDIS_URL=UNREACHABLE)
        job = self._post(api, "/tenants", {"name": "Umbrella"})["job"]
        self._require(job["state"] == "in the outbox", f"the job is {job['state']}")
        return str(job["key"])

    def _services_and_a_retry(self) -> None:
        self.report.step("A tenant is initialized from the command line; billing fails at first, so it is tried again")
        words = ("enqueue", "tenant-init", "--id", str(ACME), "-o", "name")
        record = self._expect(self._jobctl(*words), "billing fails at first", JobState.COMPLETE, attempts=2)
        self.report.fact(f"attempt 1: {_last_line(record.history[0].error)}")
        self.report.fact(f"attempt 2: {record.result}")
        answers = [[call.answer for call in service.calls] for service in (self.stage.billing, self.stage.search)]
        self._require(answers == [[503, 200], [200]], f"billing and search answered {answers}")
        self.report.fact("billing was called twice; search, which had answered, once")

    def _api(self) -> None:
        self.report.step("The API creates a tenant and an invitation: data and promise of a job in one transaction")
        api = self.stage.start_api()
        tenant = self._post(api, "/tenants", {"name": "Initech", "metadata": {"plan": "team"}})
        invitation = self._post(api, "/invitations", {"tenant_id": str(GLOBEX), "role": "admin", "email": GUEST})
        self._expect(tenant["job"]["key"], "POST /tenants", JobState.COMPLETE)
        self._expect(invitation["job"]["key"], "POST /invitations", JobState.COMPLETE)
        status = httpx.get(f"{api}/tenants/{tenant['data']['id']}").json()["data"]["status"]
        self._require(status == "active", f"the tenant is {status}")
        self._letter_to(GUEST)
        self.report.fact("the tenant is active, the invitation is in the mailbox")

    def _never_twice(self) -> None:
        self.report.step("An invitation is enqueued twice and mailed once")
        words = ("enqueue", "user-invitation", "--id", str(INVITATION), "-o", "name")
        self._expect(self._jobctl(*words), "an invitation", JobState.COMPLETE)
        again = self._expect(self._jobctl(*words), "the same one again", JobState.COMPLETE)
        self.report.fact(f"second job: {again.result}")
        self._letter_to("ada@example.org")

    def _housekeeping(self) -> None:
        self.report.step("What the clock would start, started by hand")
        self._expect(self._jobctl("enqueue", "system-user-expiry", "-o", "name"), "@hourly", JobState.COMPLETE)
        warning = self._letter_to("reporting-owner@example.org")
        self.report.fact(f"warned: {warning['Subject']}")
        health = self._expect(self._jobctl("enqueue", "health-check", "-o", "name"), "*/15 * * * *", JobState.COMPLETE)
        self.report.fact(f"up: {health.result}")

    def _a_death(self) -> None:
        self.report.step(
            "A tenant that does not exist: dead at once, for no retry would help, and an operator hears of it"
        )
        words = ("enqueue", "tenant-init", "--id", str(uuid.UUID(int=0)), "-o", "name")
        record = self._expect(self._jobctl(*words), "there is no such tenant", JobState.DEAD, attempts=1)
        self.report.fact(f"error: {_last_line(record.error)}")
        self.report.fact(f"alert to {OPERATOR}: {self._letter_to(OPERATOR)['Subject']}")

    def _jobctl(self, *words: str) -> str:
        """Run the command line; return what it printed."""
        self.report.command(f"jobctl {' '.join(words)}")
        done = self.stage.run_jobctl(*words)
        self._require(done.returncode == 0, f"jobctl exited with {done.returncode}: {done.stderr}")
        self.report.fact(done.stdout)
        return done.stdout.strip()

    def _post(self, api: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.report.command(f"POST {path} {body}")
        answer = httpx.post(api + path, json=body, timeout=15)
        self._require(answer.status_code == 201, f"it answered {answer.status_code} {answer.text}")
        content: dict[str, Any] = answer.json()
        self.report.fact(f"{answer.status_code}, job {content['job']['key']} {content['job']['state']}")
        return content

    def _expect(self, key: str, why: str, state: JobState, *, attempts: int | None = None) -> JobRecord:
        """Wait for a job's end, which must be as said."""
        record = self._wait(key)
        self.played.append(Played(why, record))
        self._require(
            record.state is state and attempts in (None, record.attempts),
            f"{record.type} {key} ended {record.state} after {record.attempts} attempts: {record.error}",
        )
        return record

    def _wait(self, key: str) -> JobRecord:
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            self.stage.check()
            try:
                return self.stage.client.wait(key, timeout=1.0)
            except WaitTimeout:
                continue
            except JobNotFound:  # not enqueued yet: it is still in the outbox
                time.sleep(0.2)
        raise DemoFailed(f"job {key} did not end within {WAIT_S:.0f} s\n{self.stage.backgrounds[0].log_tail()}")

    def _letter_to(self, address: str) -> EmailMessage:
        """Wait for the letter to an address, which must be the only one."""
        deadline = time.monotonic() + LETTER_WAIT_S
        while not (letters := self.stage.mailbox.to(address)) and time.monotonic() < deadline:
            self.stage.check()
            time.sleep(0.05)
        self._require(len(letters) == 1, f"{len(letters)} letters came for {address}, where 1 should have")
        return letters[0]

    def _require(self, is_so: bool, otherwise: str) -> None:
        if not is_so:
            self.stage.check()  # a process that has ended explains more than what that led to
            raise DemoFailed(f"{otherwise}\nthe worker's log ends so:\n{self.stage.backgrounds[0].log_tail()}")


def _last_line(error: str | None) -> str:
    """Return the line of a traceback that says what it was."""
    return (error or "no error").strip().splitlines()[-1]
