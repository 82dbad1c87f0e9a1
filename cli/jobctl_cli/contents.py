"""The table of contents: every command, the heading it stands under, and one line on what it is for.

`jobctl --help` is made of this and imports no command for it. A command's module has its name.
"""

from __future__ import annotations

from typing import Final

CONTENTS: Final = {
    "Run": (
        ("run", "Run worker and scheduler together, until stopped"),
        ("web", "Serve the console to browsers"),
    ),
    "Jobs": (
        ("enqueue", "Put a job, or a file of jobs, in its queue"),
        ("wait", "Wait until jobs have ended"),
        ("inspect", "List jobs, or show one with its whole history"),
        ("logs", "Show what a job logged, in all its attempts"),
        ("replay", "Run ended jobs again"),
        ("cancel", "Cancel jobs that wait or run"),
        ("delete", "Delete jobs, with their history"),
    ),
    "Look": (
        ("top", "Watch everything live, and act on it"),
        ("dead", "Show what the dead jobs died of, by type and error"),
        ("stats", "Show rates, failures and percentiles: today, 14 days"),
        ("doctor", "Look for what is wrong with broker and workers"),
        ("metrics", "Print metrics, or serve them for Prometheus"),
        ("alert", "List the alerts of the specs; try one"),
        ("audit", "Show who did what, and when"),
    ),
    "Look after": (
        ("queues", "List, pause, resume, purge and drain queues"),
        ("workers", "List workers; quiet, resume and stop them"),
        ("cron", "Schedules: list, next, history, run, pause, backfill"),
    ),
    "Specs": (("spec", "Check, plan, show, explain and begin specs; their schema"),),
    "Prove": (
        ("test", "Try jobs: scenarios, fuzzed payloads, faults"),
        ("bench", "Throughput, latency, fairness; compare, against SAQ"),
    ),
    "Set up": (
        ("config", "Show settings and contexts, and where each comes from"),
        ("completion", "Print the completion script for bash, zsh or fish"),
    ),
}
"""In the order of a job's life. The lines fit 80 columns; for a group they name what its commands do."""
HEADINGS: Final = {name: heading for heading, lines in CONTENTS.items() for name, _ in lines}
ORDER: Final = tuple(HEADINGS)
