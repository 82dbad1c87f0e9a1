"""The cron jobs of a worker made as SAQ's. (Those of a plan are `jobctl.scheduler`'s.)"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

from croniter import croniter
from redis import exceptions

if TYPE_CHECKING:
    from saq.job import CronJob
    from saq.queue import Queue

log = logging.getLogger(__name__)


async def enqueue_next_runs(queue: Queue, entries: Iterable[CronJob[Any]], timezone: tzinfo) -> None:
    """Enqueue the next run of each entry; one that fails does not stop the others (hazard D10).

    Raises:
        redis.exceptions.RedisError: the broker did not take it.
    """
    seen: Counter[str] = Counter()
    for entry in entries:
        name = entry.function.__qualname__
        seen[name] += 1
        try:
            await _enqueue_next_run(queue, entry, name if seen[name] == 1 else f"{name}:{seen[name]}", timezone)
        except exceptions.RedisError:
            raise
        except Exception:
            log.exception("a cron job cannot be scheduled", extra={"function": name, "cron": entry.cron})


async def _enqueue_next_run(queue: Queue, entry: CronJob[Any], name: str, timezone: tzinfo) -> None:
    fields = {key: value for key, value in vars(entry).items() if value is not None}
    function, cron, unique = fields.pop("function"), fields.pop("cron"), fields.pop("unique")
    tick = int(croniter(cron, datetime.now(timezone)).get_next())
    # with SAQ two entries of one function share a key, and without `unique` every worker adds a run each second
    key = f"cron:{name}" if unique else f"cron:{name}:{tick}"
    await queue.enqueue(function.__qualname__, key=key, scheduled=tick, **fields)
