"""Asking Binance: the budget before, the judgement after, and the clock kept in step.

What the body of an accepted answer means is decoded elsewhere.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Struct

from exchange.binance_wire import TIME, BinanceWire, Endpoint
from exchange.budget import RateBudget, Usage
from exchange.codes import CLOCK_CODES, Execution, Hold, Judgement, judge, judge_no_answer, parse_retry_after
from exchange.decoder import Decoder
from exchange.errors import KeyRejected, ReadFailed, ReadUnusable
from exchange.model import ClockReading
from exchange.sharing import Shared
from exchange.transport import Answer, NoAnswer

REASON_MAX: Final = 200
_TEXT_MAX: Final = 65_536
_OK: Final = 200


class Reply(Struct, frozen=True, kw_only=True):
    """A reading's body, and when it was asked for."""

    body: bytes
    started_at_ms: int
    """Our Unix milliseconds when the request left."""
    read_ms: int


class VenueError(Struct, frozen=True):
    """The venue's error body, or an error element of a batch answer."""

    code: int | None = None
    msg: str = ""


class _ServerTime(Struct, frozen=True, rename="camel"):
    server_time: int


_ERROR = Decoder(VenueError)
_TIME = Decoder(_ServerTime)


class BinanceCalls:
    """One account's calls. Requests run side by side: nothing in here makes one wait for another."""

    def __init__(
        self, wire: BinanceWire, budget: RateBudget, now_ms: Callable[[], int], monotonic_ms: Callable[[], int]
    ) -> None:
        self.budget = budget
        self._wire = wire
        self._now_ms = now_ms
        self._monotonic_ms = monotonic_ms
        self._clock = Shared(self._set_clock)

    async def read(self, endpoint: Endpoint, parameters: dict[str, Any] | None = None) -> Reply:
        """A whole, accepted answer. Raises as `exchange.ports.PositionReader` says.

        When the venue finds our clock off, the clock is set and the question asked once more.
        """
        try:
            return await self._read_once(endpoint, dict(parameters or {}))
        except ReadFailed as failed:
            if failed.code not in CLOCK_CODES:
                raise
        await self.synchronise_clock()
        return await self._read_once(endpoint, dict(parameters or {}))

    async def send(self, endpoint: Endpoint, parameters: dict[str, Any]) -> bytes | Judgement:
        """Send what has its place in the budget already: the accepted answer's body, or what became of it."""
        answer = await self._wire.ask(endpoint, parameters)
        if isinstance(answer, NoAnswer):
            return judge_no_answer(answer.reason, sent=answer.sent)
        self._observe(answer)
        return answer.body if answer.status == _OK else self._judge_answer(answer)

    async def synchronise_clock(self) -> None:
        """Measure how far the venue's clock is from ours. Callers at the same time share one measurement."""
        await self._clock.get()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._clock.aclose()
        await self._wire.aclose()

    def judge_element(self, error: VenueError) -> Judgement:
        """Judge an error element inside a batch answer."""
        return self._judge(_OK, error.code, error.msg, None)

    async def _read_once(self, endpoint: Endpoint, parameters: dict[str, Any]) -> Reply:
        wait_ms = self.budget.take(endpoint.cost)
        if wait_ms > 0:
            raise ReadFailed(f"{endpoint.name}: not asked, the venue's limit is used up", retry_after_ms=wait_ms)
        started_at_ms, started_ms = self._now_ms(), self._monotonic_ms()
        answer = await self._wire.ask(endpoint, parameters)
        read_ms = self._monotonic_ms() - started_ms
        if isinstance(answer, NoAnswer):
            if answer.cut_off:
                raise ReadUnusable(endpoint.name, answer.reason)
            raise ReadFailed(f"{endpoint.name}: {answer.reason}")
        self._observe(answer)
        if answer.status != _OK:
            raise self._as_error(endpoint, self._judge_answer(answer))
        if not answer.body:
            raise ReadUnusable(endpoint.name, "the answer is empty")
        return Reply(body=answer.body, started_at_ms=started_at_ms, read_ms=read_ms)

    async def measure_clock(self) -> ClockReading:
        """How far the venue's clock is from ours, now. Raises as a reading does; changes nothing."""
        reply = await self._read_once(TIME, {})
        try:
            server_ms = _TIME.decode(reply.body).server_time
        except msgspec.DecodeError as error:
            raise ReadUnusable(TIME.name, str(error), field="serverTime") from None
        # The venue read its clock about half way through.
        half_ms = reply.read_ms // 2
        return ClockReading(offset_ms=server_ms - (reply.started_at_ms + half_ms), error_ms=reply.read_ms - half_ms)

    async def _set_clock(self) -> None:
        self._wire.clock_offset_ms = (await self.measure_clock()).offset_ms

    def _observe(self, answer: Answer) -> None:
        headers = answer.headers
        self.budget.observe(
            Usage(
                orders_10s=_count(headers.get("X-MBX-ORDER-COUNT-10S")),
                orders_1m=_count(headers.get("X-MBX-ORDER-COUNT-1M")),
                weight_1m=_count(headers.get("X-MBX-USED-WEIGHT-1M")),
            )
        )

    def _judge_answer(self, answer: Answer) -> Judgement:
        try:
            error = _ERROR.decode(answer.body)
        except msgspec.DecodeError:  # a gateway's page or plain text: the words are all there is
            error = VenueError(msg=answer.body[:_TEXT_MAX].decode(errors="replace").strip())
        return self._judge(answer.status, error.code, error.msg, parse_retry_after(answer.headers.get("Retry-After")))

    def _judge(self, status: int, code: int | None, message: str, retry_after_ms: int | None) -> Judgement:
        clean = self._wire.redact(message)[:REASON_MAX]  # in this order: half a secret would not be recognised
        judgement = judge(status, code, clean, retry_after_ms=retry_after_ms, now_ms=self._wire.nonce())
        if judgement.hold is Hold.EVERYTHING:
            self.budget.keep_silent(judgement.retry_after_ms)
        elif judgement.hold is Hold.ORDERS:
            self.budget.hold_orders(judgement.retry_after_ms)
        return judgement

    def _as_error(self, endpoint: Endpoint, judgement: Judgement) -> ReadFailed | KeyRejected:
        reason = f"{endpoint.name}: {judgement.reason}"
        if judgement.execution is Execution.KEY:
            return KeyRejected(reason, code=judgement.code)
        return ReadFailed(reason, code=judgement.code, retry_after_ms=judgement.retry_after_ms)


def _count(header: str | None) -> int | None:
    return int(header) if header is not None and header.isdecimal() and len(header) < 10 else None  # noqa: PLR2004 - no limit of the venue has ten digits
