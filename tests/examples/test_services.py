from __future__ import annotations

import socket
import threading

import pytest

from examples.tenants.config import Service
from examples.tenants.demo.loopback import LoopbackService
from examples.tenants.services import ServiceFailed, ServiceRefused, ServicesClient

TENANT = {"tenant_id": "7", "tenant_name": "Acme"}


def service(url: str) -> Service:
    return Service(name="billing", url=url)


async def test_posts_the_tenant_with_an_idempotency_key(billing: LoopbackService):
    client = ServicesClient()

    status = await client.initialize(service(billing.url), TENANT)

    [call] = billing.calls
    assert status == 200
    assert (call.path, call.body) == ("/api/v1/tenants/initialize", TENANT)
    assert call.headers["idempotency-key"] == "tenant-init/7"
    assert call.headers["content-type"] == "application/json"
    await client.close()


@pytest.mark.parametrize("status", [500, 502, 503, 408, 425, 429])
async def test_what_time_may_mend_is_a_failure(billing: LoopbackService, status: int):
    billing.failing = [status]

    with pytest.raises(ServiceFailed, match=f"billing: answered {status}"):
        await ServicesClient().initialize(service(billing.url), TENANT)


@pytest.mark.parametrize("status", [301, 400, 401, 404, 409, 422])
async def test_what_time_will_not_mend_is_a_refusal(billing: LoopbackService, status: int):
    billing.failing = [status]

    with pytest.raises(ServiceRefused, match=f"billing: answered {status}"):
        await ServicesClient().initialize(service(billing.url), TENANT)


async def test_the_pause_a_service_asks_for_is_passed_on(billing: LoopbackService):
    billing.failing, billing.answer_headers = [429], {"Retry-After": "17"}

    with pytest.raises(ServiceFailed) as caught:
        await ServicesClient().initialize(service(billing.url), TENANT)

    assert caught.value.retry_after_s == 17


async def test_nobody_listening_is_a_failure():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"

        with pytest.raises(ServiceFailed, match="ConnectError"):
            await ServicesClient().initialize(service(url), TENANT)


async def test_an_answer_that_trickles_is_cut_off():
    """Every byte would start a plain HTTP timeout anew."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def trickle() -> None:
            link, _ = listener.accept()
            with link:
                while not done.wait(0.02):
                    link.sendall(b"H")

        thread = threading.Thread(target=trickle, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        with pytest.raises(ServiceFailed, match="no answer within"):
            await ServicesClient(call_timeout_s=0.2).initialize(service(url), TENANT)
        done.set()
        thread.join()
