"""A spec to begin with, and the handlers it names: what `jobctl spec new` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jobctl.spec.schema import FILE_NAME

SPEC_FILE: Final = "jobs.yaml"

_SPEC: Final = """\
# yaml-language-server: $schema=./{schema}
#
# The jobs of this application. All files of this folder are one spec.
#   jobctl spec check {folder}          every problem at once
#   jobctl spec explain jobs.retries    what a key means
#   jobctl run                          start worker and scheduler
#   jobctl enqueue send-greeting --to ada@example.com --wait
version: 1

# A weight is a queue's share of starts while all queues have work: of any 10 starts 6 are critical, 3 default, 1 low.
queues:
  critical: 6
  default: 3
  low: 1

# For the jobs of this file that do not say otherwise.
defaults:
  retries: 3            # after the first attempt: 4 attempts in all
  timeout: 5m           # of one attempt
  backoff: {{delay: 10s, factor: 2, max: 1h}}

jobs:
  send-greeting:
    summary: Greet somebody by mail
    handler: {module}:send_greeting
    queue: critical
    timeout: 30s
    alert: dead                      # tells the `error` hook, see `jobctl spec explain hooks`
    # One unfinished greeting for each address; a second enqueue is told which job holds the lock.
    unique: {{by: [to], for: 1h}}
    # Each field is a flag of `jobctl enqueue send-greeting`.
    payload:
      to: {{type: email, help: Whom to greet}}
      language: {{type: enum, choices: [en, de], default: en, help: In which language}}

  daily-report:
    summary: Count what happened yesterday
    handler: {module}:daily_report
    queue: low
    timeout: 10m
    cron: {{every: "0 6 * * *", timezone: UTC, overlap: skip}}
"""

_HANDLERS: Final = '''\
"""Handlers of the jobs in {folder}/{spec}: called with a context, and the payload's fields by name.

They may run more than once for one job, after a crash say: write them so that this does no harm.
"""

from __future__ import annotations

from jobctl import Context

GREETINGS = {{"en": "Hello", "de": "Guten Tag"}}


async def send_greeting(ctx: Context, to: str, language: str) -> dict[str, str]:
    """Greet somebody. What it returns is kept with the job."""
    ctx.log.info("greeting sent", extra={{"to": to}})
    return {{"to": to, "text": f"{{GREETINGS[language]}}, {{to}}"}}


def daily_report(ctx: Context) -> None:
    """Count what happened yesterday. A plain function runs in a thread."""
    ctx.log.info("report written", extra={{"tick": str(ctx.tick)}})
'''


def spec_text(folder: str, module: str) -> str:
    """Return the starting spec.

    Args:
        folder: where it will stand, for its comments.
        module: dotted name of the module of its handlers.
    """
    return _SPEC.format(schema=FILE_NAME, folder=folder, module=module)


def handlers_text(folder: str) -> str:
    """Return the module of its handlers."""
    return _HANDLERS.format(folder=folder.rstrip("/"), spec=SPEC_FILE)


def module_file(module: str) -> Path:
    """Return where a module stands, from the folder that is first on the search path."""
    return Path(*module.split(".")).with_suffix(".py")
