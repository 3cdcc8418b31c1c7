"""Redis speaks TLS by itself, with a certificate of a private CA: all works, and no other server is believed."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from contracts.flattening import RunVerdict
from runtime.redis_client import open_reader, open_redis
from support.redis_server import IMAGES, require_engine
from support.redis_tls import TlsRedis
from support.requester import Requester
from support.sim import Simulator
from support.trio import ARM, SERVICES, SET_LATCH, Trio, trio_env

pytestmark = pytest.mark.containers
NOT_SIGNED_BY_IT = r"CERTIFICATE_VERIFY_FAILED\].*self-signed certificate in certificate chain"
WRONG = {
    "another CA": NOT_SIGNED_BY_IT,
    "no CA": NOT_SIGNED_BY_IT,
    "another name": r"CERTIFICATE_VERIFY_FAILED\].*Hostname mismatch, certificate is not valid for 'localhost'",
    "no TLS": "Connection closed by server",
}


@pytest.fixture(scope="module")
def tls_redis(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsRedis]:
    require_engine("this server")
    server = TlsRedis(getattr(request, "param", IMAGES[0]), tmp_path_factory.mktemp("tls"))
    server.start()
    yield server
    server.close()


@pytest_asyncio.fixture
async def trio(tls_redis: TlsRedis, namespace: str, tmp_path: Path) -> AsyncIterator[Trio]:
    """Nothing but the simulator runs yet."""
    redis, reader = open_redis(tls_redis.url, name="test"), open_reader(tls_redis.url, name="test")
    async with Simulator("--scenario", "incident") as sim:
        env = trio_env(sim, tls_redis.url, namespace, tmp_path / "ESS_ON")
        yield Trio(sim, env, Requester(redis, reader, namespace))
    await reader.aclose()
    await redis.aclose()


@pytest.mark.parametrize("tls_redis", IMAGES, indirect=True)
async def test_the_trio_flattens_over_tls(trio: Trio) -> None:
    assert trio.env["REDIS_URL"].startswith("rediss://")
    async with AsyncExitStack() as stack:
        for name in SERVICES:
            await stack.enter_async_context(trio.service(name))
        for name in SERVICES:
            await trio.services[name].wait_ready()
        await trio.told(*SET_LATCH)
        await trio.told(*ARM)
        completed = await trio.events.verdict()

    assert (completed.verdict, completed.counts.ok) == (RunVerdict.FLAT, 44)
    assert await trio.sim.positions() == {}


def as_seen_by(who: str, server: TlsRedis) -> str:
    """The address in the eyes of somebody who trusts another CA, or calls the server by another name."""
    return {
        "another CA": server.url_trusting(server.other_authority.path),
        "no CA": server.url_trusting(None),
        "another name": server.url_trusting(server.authority.path, host="localhost"),
        "no TLS": server.url_trusting(None).replace("rediss://", "redis://"),
    }[who]


@pytest.mark.parametrize("who", WRONG)
async def test_a_server_that_is_not_the_one_meant_is_told_in_a_line_and_gets_nothing(
    trio: Trio, tls_redis: TlsRedis, who: str
) -> None:
    trio.env["REDIS_URL"] = as_seen_by(who, tls_redis)
    async with AsyncExitStack() as stack:
        for name in SERVICES:
            await stack.enter_async_context(trio.service(name))
        for name, service in trio.services.items():
            said = "Redis did not take the snapshot" if name == "oracle" else "redis is not reachable"
            line = await service.wait_line(f"{said}.*{WRONG[who]}")
            await service.wait_unready()
            assert [other for other in service.lines if said in other] == [line]
            assert service.returncode is None
        async with trio.flatctl("status") as command:
            assert await command.wait() == 1

    assert WRONG[who].rpartition("]")[2].removeprefix(".*") in command.lines[-1]
    assert len(command.lines) == 1


@pytest.mark.parametrize("name", SERVICES)
async def test_a_ca_file_that_is_not_there_stops_the_start(trio: Trio, tls_redis: TlsRedis, name: str) -> None:
    async with trio.service(name, REDIS_URL=tls_redis.url_trusting("/nowhere/ca.pem")) as service:
        assert await service.wait() == 2

    (line,) = service.lines
    words = "REDIS_URL has ssl_ca_certs='/nowhere/ca.pem', which cannot be read: No such file or directory"
    assert line.endswith(words)
