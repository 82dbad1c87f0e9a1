"""The broker itself: what its server says of memory, clients, persistence and load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobctl.broker.connect import translate_errors

if TYPE_CHECKING:
    from redis.asyncio import Redis


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """The broker's server now. Bytes, seconds and counts as it says them; 0 or "" = it does not say.

    Attributes:
        software: ``valkey`` or ``redis``.
        max_memory: bytes; 0 = without limit.
        policy: what it does when memory is full; anything but ``noeviction`` loses jobs.
        hit_share: of key look-ups that found something (0 to 1).
        info: all it says, by section-less name, for whoever needs more.
    """

    software: str
    version: str
    mode: str
    role: str
    uptime_s: int
    memory: int
    peak_memory: int
    max_memory: int
    fragmentation: float
    policy: str
    clients: int
    blocked_clients: int
    commands: int
    commands_per_s: int
    keys: int
    expiring_keys: int
    aof: bool
    last_save_ms: int
    evicted: int
    rejected: int
    replicas: int
    hit_share: float | None
    info: Mapping[str, str]


async def read_server(redis: Redis) -> ServerStatus:
    """Ask the broker's server about itself: one round trip.

    Raises:
        BrokerUnreachable: no broker answers.
    """
    with translate_errors():
        raw: Mapping[str, Any] = await redis.info("everything")
    return server_status(raw)


def server_status(raw: Mapping[str, Any]) -> ServerStatus:
    """Return what an INFO reply says. Pure."""
    keyspaces = [each for name, each in raw.items() if name.startswith("db") and isinstance(each, dict)]
    hits, misses = _whole(raw, "keyspace_hits"), _whole(raw, "keyspace_misses")
    is_valkey = raw.get("server_name") == "valkey" or "valkey_version" in raw
    return ServerStatus(
        software="valkey" if is_valkey else "redis",
        version=str(raw.get("valkey_version") or raw.get("redis_version", "")),
        mode=str(raw.get("server_mode") or raw.get("redis_mode", "")),
        role=str(raw.get("role", "")),
        uptime_s=_whole(raw, "uptime_in_seconds"),
        memory=_whole(raw, "used_memory"),
        peak_memory=_whole(raw, "used_memory_peak"),
        max_memory=_whole(raw, "maxmemory"),
        fragmentation=float(raw.get("mem_fragmentation_ratio", 0) or 0),
        policy=str(raw.get("maxmemory_policy", "")),
        clients=_whole(raw, "connected_clients"),
        blocked_clients=_whole(raw, "blocked_clients"),
        commands=_whole(raw, "total_commands_processed"),
        commands_per_s=_whole(raw, "instantaneous_ops_per_sec"),
        keys=sum(int(each.get("keys", 0)) for each in keyspaces),
        expiring_keys=sum(int(each.get("expires", 0)) for each in keyspaces),
        aof=bool(_whole(raw, "aof_enabled")),
        last_save_ms=_whole(raw, "rdb_last_save_time") * 1000,
        evicted=_whole(raw, "evicted_keys"),
        rejected=_whole(raw, "rejected_connections"),
        replicas=_whole(raw, "connected_slaves"),
        hit_share=hits / (hits + misses) if hits + misses else None,
        info={name: str(value) for name, value in raw.items() if not isinstance(value, dict | list)},
    )


def _whole(raw: Mapping[str, Any], name: str) -> int:
    try:
        return int(raw.get(name, 0) or 0)
    except (TypeError, ValueError):
        return 0
