"""One HTTP request, and what came back as a value. No text in here shows an address's query: it holds the signature."""

import ssl
from typing import Final

import aiohttp
from msgspec import Struct
from multidict import CIMultiDictProxy
from yarl import URL

BODY_MAX_BYTES: Final = 32 * 1024 * 1024
"""Ten times the largest answer of the venue: more is not read."""
KEEP_ALIVE_S: Final = 75
_DNS_CACHE_S: Final = 300


class Answer(Struct, frozen=True, kw_only=True):
    """A whole answer, its body untouched."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


class NoAnswer(Struct, frozen=True, kw_only=True):
    """The answer did not come, or not to its end."""

    reason: str
    sent: bool
    """False only when there was no connection, so that not one byte of the request can have left."""
    cut_off: bool = False
    """An answer began and broke off."""


class Transport:
    """Keep-alive connections to one server. Opened by the first request, closed by `aclose`."""

    def __init__(self, *, cafile: str | None = None) -> None:
        self._cafile = cafile
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def request(
        self, method: str, url: str, *, headers: dict[str, str], body: str | None, timeout_ms: int
    ) -> Answer | NoAnswer:
        """Send once. Network trouble is a `NoAnswer`; nothing is retried here, and redirects are not followed."""
        session = self._open(url)
        limit_s = timeout_ms / 1000
        address = URL(url, encoded=True)
        host = address.host
        try:
            async with session.request(
                method,
                address,
                data=body.encode() if body else None,
                headers=headers,
                # Half of it for connecting: a connection that never came about is known not to have carried anything.
                timeout=aiohttp.ClientTimeout(total=limit_s, sock_connect=limit_s / 2),
                allow_redirects=False,
            ) as response:
                return await _whole(response)
        # Only the host and the error's kind are told: its text can carry the address, which carries the signature.
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return NoAnswer(reason=f"no connection to {host} ({type(error).__name__})", sent=False)
        except TimeoutError:
            return NoAnswer(reason=f"no answer within {timeout_ms} ms from {host}", sent=True)
        except aiohttp.ClientPayloadError:
            return NoAnswer(reason="the answer was cut off", sent=True, cut_off=True)
        except (aiohttp.ClientError, OSError) as error:
            return NoAnswer(reason=f"connection to {host} lost ({type(error).__name__})", sent=True)

    async def aclose(self) -> None:
        """Close all connections. A request after this is a programming error."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self, url: str) -> aiohttp.ClientSession:
        if self._closed:
            raise RuntimeError("this connection to the exchange was closed; open a new one")
        if self._session is None:
            secure = ssl.create_default_context(cafile=self._cafile) if url.startswith("https:") else True
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,  # the rate budget limits, not the number of connections
                    keepalive_timeout=KEEP_ALIVE_S,
                    ttl_dns_cache=_DNS_CACHE_S,
                    ssl=secure,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


async def _whole(response: aiohttp.ClientResponse) -> Answer | NoAnswer:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > BODY_MAX_BYTES:
            response.close()
            return NoAnswer(reason=f"the answer is longer than {BODY_MAX_BYTES} bytes", sent=True, cut_off=True)
        chunks.append(chunk)
    body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    return Answer(status=response.status, headers=response.headers, body=body)
