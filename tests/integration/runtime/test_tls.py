"""rediss:// is spoken and verified."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from redis.exceptions import ConnectionError as RedisConnectionError

from runtime.redis_client import open_redis, raw


class TlsServer(NamedTuple):
    url: str
    certificate: Path


async def test_a_server_whose_certificate_is_trusted_is_used(tls_server: TlsServer) -> None:
    client = open_redis(f"{tls_server.url}?ssl_ca_certs={tls_server.certificate}", name="test")

    assert await raw(client, "PING") == b"PONG"
    await client.aclose()


async def test_a_server_whose_certificate_is_not_trusted_is_refused(tls_server: TlsServer) -> None:
    client = open_redis(tls_server.url, name="test")

    with pytest.raises(RedisConnectionError, match=r"(?i)certificate"):
        await raw(client, "PING")
    await client.aclose()


@pytest.fixture
async def tls_server(redis_url: str, tmp_path: Path) -> AsyncIterator[TlsServer]:
    """The shared server behind TLS, with a certificate of this test's own making."""
    certificate = _certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, tmp_path / "key.pem")
    target = urlsplit(redis_url)
    open_writers: list[StreamWriter] = []

    async def accept(client: StreamReader, to_client: StreamWriter) -> None:
        server, to_server = await asyncio.open_connection(target.hostname, target.port)
        open_writers.extend((to_client, to_server))
        await asyncio.gather(_pump(client, to_server), _pump(server, to_client))

    listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    yield TlsServer(f"rediss://127.0.0.1:{listener.sockets[0].getsockname()[1]}/0", certificate)
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


def _certificate(directory: Path) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = directory / "certificate.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (directory / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, plain))
    return path
