"""The venue over HTTP: latency, limits, authority, planned faults, and answers that may be lost on the way."""

import asyncio
import time
from typing import Final

import msgspec
from aiohttp import hdrs, web

from exchange_sim.core import desk, signing
from exchange_sim.core.errors import VenueError
from exchange_sim.core.evidence import RequestRecord
from exchange_sim.core.faults import Call, PlannedFault
from exchange_sim.core.parameters import parse_form
from exchange_sim.core.venue import Venue
from exchange_sim.handlers.ask import Ask, orders_in
from exchange_sim.handlers.table import ROUTES, Route
from exchange_sim.spoiling import Answer, cut, cut_in_the_middle, dictated, rewritten
from exchange_sim.watch import Watch

API_KEY_HEADER: Final = "X-MBX-APIKEY"
_JSON: Final = "application/json"


class Gateway:
    """Answers every path of the venue."""

    def __init__(self, venue: Venue, watch: Watch) -> None:
        self._venue = venue
        self._watch = watch
        self._released = asyncio.Event()
        self._time_is_over = asyncio.Event()
        self._on_their_way: set[asyncio.Task[None]] = set()

    def release(self) -> None:
        """Let go of every answer that is held back: their connections are cut."""
        self._released.set()
        self._released = asyncio.Event()

    def proceed(self) -> None:
        """End the time for which anything is held back now: it goes on as if it had waited that long."""
        self._time_is_over.set()
        self._time_is_over = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, or spoil the answer as planned."""
        received_us = time.time_ns() // 1000
        body = await request.text() if request.body_exists else ""
        path, _, query = request.raw_path.partition("?")
        method = request.method
        api_key = request.headers.get(API_KEY_HEADER, "")
        record = self._venue.evidence.request(method, path, api_key, received_us)
        self._watch.changed()
        await self._travel()
        params = parse_form(query, body)
        record.symbol = params.get("symbol")
        call = Call(method=method, path=path, api_key=api_key, orders=orders_in(path, method, params), params=params)
        asked = signing.Request(api_key=api_key, query=query, body=body, params=params)
        planned = self._venue.faults.on_request(call)
        if planned is None:
            answer = self._served(call, asked, record)
            await self._travel()
            return self._told(record, answer)
        record.fault = planned.name
        return await self._spoiled(request, call, asked, record, planned)

    def _served(self, call: Call, asked: signing.Request, record: RequestRecord) -> Answer:
        """Do what is asked, the normal way."""
        venue, now_us = self._venue, time.time_ns() // 1000
        now_ms = now_us // 1000 + venue.clock_offset_ms
        route = ROUTES.get((call.method, call.path))
        if route is None:
            return self._refused(
                VenueError(-5000, f"Path {call.path}, Method {call.method} is invalid", http_status=404), None, now_ms
            )
        venue.advance(now_ms)
        try:
            venue.limiter.charge_weight(route.weigh(call.params), now_ms)
            key = signing.authorise(asked, route.security, venue.keys, now_ms)
            ask = Ask(params=call.params, call=call, record=record, key=key, now_ms=now_ms, now_us=now_us)
            answer = Answer(status=200, body=route.handler(venue, ask), headers=self._headers(route, now_ms))
        except VenueError as error:
            if not venue.evidence.knows_orders_of(record):
                desk.note_unexecuted(venue, call, record, error)
            answer = self._refused(error, route, now_ms)
        self._watch.changed()
        return answer

    def _headers(self, route: Route | None, now_ms: int) -> dict[str, str]:
        headers = {hdrs.CONTENT_TYPE: _JSON, **self._venue.limiter.weight_header(now_ms)}
        if route is not None and route.counts_orders:
            headers.update(self._venue.limiter.order_headers(now_ms))
        return headers

    def _refused(self, error: VenueError, route: Route | None, now_ms: int) -> Answer:
        headers = self._headers(route, now_ms)
        if error.retry_after_s is not None:
            headers[hdrs.RETRY_AFTER] = str(error.retry_after_s)
        return Answer(status=error.http_status, body=msgspec.json.encode(error.body()), headers=headers)

    def _told(self, record: RequestRecord, answer: Answer) -> web.Response:
        record.status, record.answered_us = answer.status, time.time_ns() // 1000
        return answer.response()

    async def _spoiled(
        self, request: web.Request, call: Call, asked: signing.Request, record: RequestRecord, planned: PlannedFault
    ) -> web.StreamResponse:
        """Play a planned fault: execute or not, then answer wrongly, late or not at all."""
        fault = planned.fault
        if fault.action == "delay" and not await self._elapsed(fault.hold_ms):
            return cut(request)
        if fault.action == "late":
            arriving = asyncio.create_task(self._arrive_late(call, asked, record, planned))
            self._on_their_way.add(arriving)
            arriving.add_done_callback(self._on_their_way.discard)
            return self._told(record, dictated(fault, self._refused(desk.fault_refusal(fault), None, self._now_ms())))
        answer = self._struck(call, asked, record, planned)
        await self._travel()
        if fault.action == "truncate_body":
            return await cut_in_the_middle(request, answer)
        told = rewritten(fault, answer)
        if told is not None:
            return self._told(record, told)
        if fault.action in ("timeout_before", "timeout_after"):
            await self._elapsed(fault.hold_ms)
        elif fault.action == "hang":
            await self._released.wait()
        return cut(request)

    async def _arrive_late(
        self, call: Call, asked: signing.Request, record: RequestRecord, planned: PlannedFault
    ) -> None:
        """Serve a request that was answered already, unless everything held was released."""
        if await self._elapsed(planned.fault.hold_ms):
            self._struck(call, asked, record, planned)

    def _struck(self, call: Call, asked: signing.Request, record: RequestRecord, planned: PlannedFault) -> Answer:
        """Do what of the request still takes effect under a fault, and return the right answer to that."""
        fault, venue = planned.fault, self._venue
        now_ms = self._now_ms()
        if fault.effect is not None:
            venue.apply(fault.effect, now_ms)
        if fault.executes:
            return self._served(call, asked, record)
        desk.note_unexecuted(venue, call, record)
        self._watch.changed()
        return self._refused(desk.fault_refusal(fault), None, now_ms)

    def _now_ms(self) -> int:
        """The venue's time."""
        return time.time_ns() // 1_000_000 + self._venue.clock_offset_ms

    async def _travel(self) -> None:
        """Take half a round trip."""
        if self._venue.round_trip_ms:
            await asyncio.sleep(self._venue.round_trip_ms / 2000)

    async def _elapsed(self, hold_ms: int) -> bool:
        """Wait; False when everything held was released before the time was over."""
        waits = [asyncio.create_task(event.wait()) for event in (self._released, self._time_is_over)]
        try:
            await asyncio.wait(waits, timeout=hold_ms / 1000, return_when=asyncio.FIRST_COMPLETED)
            return not waits[0].done()
        finally:
            for wait in waits:
                wait.cancel()
