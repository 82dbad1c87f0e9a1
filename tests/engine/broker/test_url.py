"""The URL of a client that somebody else made: our own connections must reach the same server in the same way."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from jobctl.broker.connect import TLS_OPTIONS, url_of


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost:6379/0",
        "redis://user:p%40ss@example.com:7000/3",
        "unix:///run/valkey.sock?db=2",
        "rediss://:secret@example.com:6380/1",
        "rediss://example.com:6380/0?ssl_certfile=/etc/a%20b.pem&ssl_keyfile=/etc/key.pem&ssl_ca_certs=/etc/ca.pem",
        "rediss://example.com:6380/0?ssl_cert_reqs=none&ssl_check_hostname=False",
    ],
)
def test_url_of_a_client_leads_to_the_same_server_in_the_same_way(url: str) -> None:
    client = Redis.from_url(url)

    again = Redis.from_url(url_of(client))

    names = ("host", "port", "path", "db", "username", "password", *TLS_OPTIONS)
    first, second = (one.connection_pool.connection_kwargs for one in (client, again))
    assert {name: second.get(name) for name in names if first.get(name)} == {
        name: first[name] for name in names if first.get(name)
    }
    assert again.connection_pool.connection_class is client.connection_pool.connection_class
