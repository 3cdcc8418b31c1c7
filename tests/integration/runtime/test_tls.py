"""rediss:// is spoken and verified."""

import asyncio
import ssl
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from runtime.redis_client import open_redis, raw
from support.tls import Authority


class TlsServer(NamedTuple):
    url: str
    authority: Path
    """The certificate of the private CA that signed the server's."""
    other_authority: Path


async def test_a_server_whose_certificate_a_private_ca_signed_is_used(tls_server: TlsServer) -> None:
    client = open_redis(f"{tls_server.url}?ssl_ca_certs={tls_server.authority}", name="test")

    assert await raw(client, "PING") == b"PONG"
    await client.aclose()


async def test_a_server_whose_certificate_nobody_known_signed_is_refused(tls_server: TlsServer) -> None:
    for ending in ("", f"?ssl_ca_certs={tls_server.other_authority}"):
        client = open_redis(f"{tls_server.url}{ending}", name="test")

        with pytest.raises(RedisConnectionError, match=r"(?i)certificate"):
            await raw(client, "PING")
        await client.aclose()


async def test_a_server_of_another_name_is_refused(tls_server: TlsServer) -> None:
    url = tls_server.url.replace("127.0.0.1", "localhost")
    client = open_redis(f"{url}?ssl_ca_certs={tls_server.authority}", name="test")

    with pytest.raises(RedisConnectionError, match=r"(?i)certificate"):
        await raw(client, "PING")
    await client.aclose()


@pytest.fixture
async def tls_server(redis_url: str, tmp_path: Path) -> AsyncIterator[TlsServer]:
    """The shared server behind TLS, with a certificate that a private CA of this test's own making signed."""
    authority, other = Authority(tmp_path, "private CA"), Authority(tmp_path, "another CA")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.certify(tmp_path, "127.0.0.1"))
    target = urlsplit(redis_url)
    open_writers: list[StreamWriter] = []

    async def accept(client: StreamReader, to_client: StreamWriter) -> None:
        server, to_server = await asyncio.open_connection(target.hostname, target.port)
        open_writers.extend((to_client, to_server))
        await asyncio.gather(_pump(client, to_server), _pump(server, to_client))

    listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    yield TlsServer(f"rediss://127.0.0.1:{listener.sockets[0].getsockname()[1]}/0", authority.path, other.path)
    listener.close()
    for writer in open_writers:
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()
    await listener.wait_closed()


async def _pump(source: StreamReader, sink: StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
        sink.close()
