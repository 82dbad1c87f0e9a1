"""What a config file may say: each key stands for an environment variable, which goes before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a config file.

    Attributes:
        variable: the environment variable that says the same.
        default: what holds without it, in words.
        help: what it is for.
        is_path: relative to the file it stands in.
        aliases: other variables that say the same, or a part of it.
    """

    variable: str
    default: str
    help: str
    is_path: bool = False
    aliases: tuple[str, ...] = ()


KEYS: Final[Mapping[str, Key]] = {
    "redis_url": Key(
        "REDIS_URL",
        "jobctl's own broker",
        "The broker: redis://, rediss:// or unix://; empty for jobctl's own",
        aliases=("REDIS_HOST",),
    ),
    "spec": Key("JOBCTL_SPEC", "jobspecs", "File or folder of job specs", is_path=True),
    "home": Key("JOBCTL_HOME", ".jobctl", "Folder of jobctl's own broker", is_path=True),
    "concurrency": Key(
        "JOBCTL_CONCURRENCY",
        "as in the specs, or 10",
        "Jobs a worker runs at once",
        aliases=("ASYNQ_CONCURRENCY",),
    ),
    "processes": Key("JOBCTL_PROCESSES", "1, without a supervisor", "Worker processes of `jobctl run`"),
    "grace": Key("JOBCTL_GRACE", "25s", "How long a stopping worker waits for its jobs"),
    "lease": Key("JOBCTL_LEASE", "as in the specs, or 15s", "How long after a worker's death its jobs run again"),
    "patience": Key("JOBCTL_PATIENCE", "5m", "How long a worker waits for a broker that is away"),
    "log_format": Key("JOBCTL_LOG_FORMAT", "auto", "human, json, or auto: human on a terminal"),
}
QUEUES = "queues"
CONTEXT = "context"
CONTEXTS = "contexts"
OF_A_CONTEXT = (*KEYS, QUEUES)
OF_A_FILE = (CONTEXT, *KEYS, QUEUES, CONTEXTS)


def queue_key(queue: str) -> tuple[str, Key]:
    """Return the key of a queue's weight, and what it stands for."""
    name = queue.upper().replace("-", "_")
    key = Key(f"JOBCTL_QUEUE_{name}", "", "Weight of the queue", aliases=(f"ASYNQ_QUEUE_{name}",))
    return f"{QUEUES}.{queue}", key
