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
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from redis.exceptions import ConnectionError as RedisConnectionError

from runtime.redis_client import open_redis, raw


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
    authority, signing = _authority(tmp_path, "private CA")
    other_authority, _ = _authority(tmp_path, "another CA")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*_certificate(tmp_path, "private CA", signing))
    target = urlsplit(redis_url)
    open_writers: list[StreamWriter] = []

    async def accept(client: StreamReader, to_client: StreamWriter) -> None:
        server, to_server = await asyncio.open_connection(target.hostname, target.port)
        open_writers.extend((to_client, to_server))
        await asyncio.gather(_pump(client, to_server), _pump(server, to_client))

    listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    yield TlsServer(f"rediss://127.0.0.1:{listener.sockets[0].getsockname()[1]}/0", authority, other_authority)
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


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _signed(
    subject: str, key: ec.EllipticCurvePublicKey, issuer: str, by: ec.EllipticCurvePrivateKey, *, authority: bool
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder(_name(issuer), _name(subject), key, x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if not authority:
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        return builder.add_extension(names, critical=False).sign(by, hashes.SHA256())
    uses = {use: use in ("key_cert_sign", "crl_sign") for use in _USES}
    return builder.add_extension(x509.KeyUsage(**uses), critical=True).sign(by, hashes.SHA256())


_USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _authority(directory: Path, name: str) -> tuple[Path, ec.EllipticCurvePrivateKey]:
    """A private CA: its certificate, and the key that signs with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    path = directory / f"{name}.pem"
    path.write_bytes(_signed(name, key.public_key(), name, key, authority=True).public_bytes(Encoding.PEM))
    return path, key


def _certificate(directory: Path, authority: str, by: ec.EllipticCurvePrivateKey) -> tuple[Path, Path]:
    """A server's certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate, private = directory / "server.pem", directory / "server-key.pem"
    made = _signed("redis", key.public_key(), authority, by, authority=False)
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, private
