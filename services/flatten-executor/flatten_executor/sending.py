"""Orders on their way: journaled before they are sent, sent again only when they surely failed, looked up when lost."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace

from contracts.flattening import OrderIntended, OrderResolved, OrderState
from exchange.errors import ExchangeError
from exchange.model import Accepted, Failed
from exchange.ports import OrderGateway
from flatten_executor.core.orders import OrderRecord, answered, found, intended, not_found
from flatten_executor.core.planning import PlannedOrder
from flatten_executor.observe import Observer
from flatten_executor.store import RunLease
from runtime.clock import Clock

RESEND_ATTEMPTS = 3
LOOK_UP_PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
NOT_FOUND_ANSWERS = 4
"""So many look-ups in a row must say "unknown order" before it counts: one soon after sending may only be lag."""

Halt = Callable[[], Awaitable[str]]
"""Says why nothing more may be sent; empty while sending is allowed."""


class Sender:
    """Sends the orders of a run and finds out what became of each. Keeps the records, by client order id."""

    def __init__(
        self,
        lease: RunLease,
        gateway: OrderGateway,
        *,
        clock: Clock,
        observer: Observer,
        halt: Halt,
        deadline_s: float,
    ) -> None:
        self._lease = lease
        self._gateway = gateway
        self._clock = clock
        self._observer = observer
        self._halt = halt
        self._deadline_s = deadline_s
        self.records: dict[str, OrderRecord] = {record.client_order_id: record for record in lease.records}

    async def send(self, planned: Sequence[PlannedOrder]) -> None:
        """Put the intents on record (I10), send them all, and resolve every answer. One leg stops no other."""
        if not planned:
            return
        now_ms = self._clock.now_ms()
        batch = [intended(order, now_ms) for order in planned]
        events = [_intended_event(self._lease, order, now_ms) for order in planned]
        await self._lease.record(orders=batch, events=events)
        self._keep(batch)
        await self._attempt(batch)
        await self.resolve_lost([self.records[record.client_order_id] for record in batch])

    async def resolve_lost(self, records: Sequence[OrderRecord]) -> None:
        """Look up every order that may be live until the exchange says what became of it, within bounds (I7)."""
        open_ids = [record.client_order_id for record in records if record.may_be_live]
        missed = dict.fromkeys(open_ids, 0)
        for pause_s in LOOK_UP_PAUSES_S:
            if not open_ids:
                return
            await self._clock.sleep(pause_s)
            looked_up = await asyncio.gather(*(self._look_up(self.records[order_id], missed) for order_id in open_ids))
            await self._note([record for record in looked_up if record != self.records[record.client_order_id]])
            open_ids = [order_id for order_id in open_ids if self.records[order_id].may_be_live]
        lost = [self.records[order_id] for order_id in open_ids]
        await self._note([replace(record, state=OrderState.UNKNOWN) for record in lost])

    async def _attempt(self, batch: Sequence[OrderRecord]) -> None:
        """Send; send again what surely did not execute, under the same id, while that is allowed."""
        waiting = batch
        for _ in range(RESEND_ATTEMPTS):
            self._lease.require()
            sent_at_ms = self._clock.now_ms()
            results = await self._gateway.place_reducing([record.as_order() for record in waiting])
            now_ms = self._clock.now_ms()
            after = [answered(record, result, now_ms) for record, result in zip(waiting, results, strict=True)]
            self._observer.answered(after, sent_at_ms, now_ms)
            await self._note(after)
            failed = [result for result in results if isinstance(result, Failed)]
            waiting = [record for record, result in zip(after, results, strict=True) if isinstance(result, Failed)]
            wait_s = max((result.retry_after_ms for result in failed), default=0) / 1000
            if not waiting or self._clock.monotonic_s() + wait_s > self._deadline_s:
                return
            await self._clock.sleep(wait_s)
            if await self._halt():
                return

    async def _look_up(self, record: OrderRecord, missed: dict[str, int]) -> OrderRecord:
        try:
            answer = await self._gateway.look_up(record.symbol, record.client_order_id)
        except ExchangeError as error:
            self._observer.reading_failed(f"order {record.client_order_id}", error)
            return record
        now_ms = self._clock.now_ms()
        if isinstance(answer, Accepted):
            return found(record, answer, now_ms)
        missed[record.client_order_id] += 1
        if missed[record.client_order_id] < NOT_FOUND_ANSWERS:
            return record
        return not_found(record, answer, now_ms)

    async def _note(self, changed: Sequence[OrderRecord]) -> None:
        if not changed:
            return
        self._keep(changed)
        now_ms = self._clock.now_ms()
        await self._lease.record(
            orders=changed, events=[_resolved_event(self._lease, record, now_ms) for record in changed]
        )

    def _keep(self, records: Sequence[OrderRecord]) -> None:
        self.records.update({record.client_order_id: record for record in records})


def _intended_event(lease: RunLease, planned: PlannedOrder, now_ms: int) -> OrderIntended:
    order = planned.order
    return OrderIntended(
        request_id=lease.request_id,
        client_order_id=order.client_order_id,
        fence=lease.fence,
        symbol=order.symbol,
        position_side=order.position_side,
        order_side=order.side,
        quantity=order.quantity,
        position_quantity=planned.position_quantity,
        mark_price=planned.mark_price,
        round_number=planned.round_number,
        chunk=planned.chunk,
        intended_at_ms=now_ms,
    )


def _resolved_event(lease: RunLease, record: OrderRecord, now_ms: int) -> OrderResolved:
    return OrderResolved(
        request_id=lease.request_id,
        client_order_id=record.client_order_id,
        fence=lease.fence,
        symbol=record.symbol,
        position_side=record.position_side,
        state=record.state,
        exchange_order_id=record.exchange_order_id,
        filled_quantity=record.filled,
        detail=record.detail,
        resolved_at_ms=now_ms,
    )
