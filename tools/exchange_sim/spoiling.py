"""Answers, and the ways in which a planned fault spoils them."""

import socket
import struct
from collections.abc import Mapping
from typing import Final

import msgspec
from aiohttp import hdrs, web
from msgspec import Struct

from exchange_sim.core.desk import fault_refusal
from exchange_sim.core.errors import UNAVAILABLE
from exchange_sim.core.faults import Fault

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Answer(Struct, frozen=True, kw_only=True):
    """What goes back over the wire."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def response(self) -> web.Response:
        """Return it as aiohttp's."""
        return web.Response(status=self.status, body=self.body, headers=self.headers)


def rewritten(fault: Fault, answer: Answer) -> Answer | None:
    """Return the answer as the fault leaves it, None when nothing at all is answered."""
    if fault.action in ("delay", "none", "ack"):
        return answer
    if fault.action == "empty_200":
        return msgspec.structs.replace(answer, status=200, body=b"")
    if fault.action == "truncated_json":
        return msgspec.structs.replace(answer, status=200, body=answer.body[: len(answer.body) // 2])
    if fault.action in ("status", "code"):
        return dictated(fault, answer)
    return None


def cut(request: web.Request) -> web.Response:
    """Reset the connection without an answer."""
    transport = request.transport
    if transport is not None:
        peer = transport.get_extra_info("socket")
        if peer is not None:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    return web.Response()


async def cut_in_the_middle(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Promise the whole body, send half of it, close the connection."""
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = len(answer.body)
    await response.prepare(request)
    await response.write(answer.body[: len(answer.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def dictated(fault: Fault, answer: Answer) -> Answer:
    """Return the answer that the fault spells out."""
    headers = dict(answer.headers)
    if fault.retry_after_s is not None:
        headers[hdrs.RETRY_AFTER] = str(fault.retry_after_s)
    if fault.action == "code":
        error = fault_refusal(fault)
        return Answer(status=error.http_status, body=msgspec.json.encode(error.body()), headers=headers)
    if isinstance(fault.body, str):
        body = fault.body.encode()
    else:
        body = b"" if fault.body is None else msgspec.json.encode(fault.body)
    return Answer(status=UNAVAILABLE if fault.status is None else fault.status, body=body, headers=headers)
