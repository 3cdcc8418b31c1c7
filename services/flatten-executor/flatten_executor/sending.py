"""Orders on their way: journaled before they are sent, sent again only when they surely failed, looked up when lost."""

import asyncio
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from closing.planning import PlannedOrder
from contracts.flattening import OrderIntended, OrderResolved, OrderState
from exchange.errors import ExchangeError
from exchange.model import Accepted, Failed, SendResult, Unknown, Unsent
from exchange.ports import OrderGateway
from flatten_executor.concurrency import all_of
from flatten_executor.core.orders import OrderRecord, answered, found, intended, not_found, on_its_way_again
from flatten_executor.lease import RunLease
from flatten_executor.observe import Observer
from flatten_executor.permit import Permit
from runtime.clock import Clock


class Patience(Struct, frozen=True, kw_only=True):
    """How long the run waits before it tries something again, in seconds."""

    resend_pauses_s: tuple[float, ...] = (0.0, 0.1, 0.2, 0.4)
    """Before each further attempt in one round to send what surely failed. The venue's own wait, if longer, counts."""
    look_up_pauses_s: tuple[float, ...] = (0.1, 0.2, 0.4, 0.8)
    """Before each look-up of an order whose answer was just lost. Later ones come with the rounds."""
    last_look_ups_s: tuple[float, ...] = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
    """Before each look-up once sending was stopped: it is the last that is done. Longer than an order lives."""
    not_found_answers: int = 4
    """So many look-ups must say "unknown order" before it counts: one soon after sending may only be lag."""
    between_rounds_s: float = 0.2
    """Before a further round; doubled, up to `between_rounds_max_s`, while rounds bring nothing to an end."""
    between_rounds_max_s: float = 2.0
    looks_again_s: tuple[float, ...] = (0.1, 0.2, 0.4)
    """Before each further reading of an answer in which rows are missing or unreadable, within one round."""


class Sender:
    """Sends the orders of a run and finds out what became of each. Keeps the records, by client order id."""

    def __init__(
        self,
        lease: RunLease,
        gateway: OrderGateway,
        permit: Permit,
        *,
        clock: Clock,
        observer: Observer,
        patience: Patience,
        deadline_s: float,
    ) -> None:
        self._lease = lease
        self._gateway = gateway
        self._permit = permit
        self._clock = clock
        self._observer = observer
        self._patience = patience
        self._deadline_s = deadline_s
        self.records: dict[str, OrderRecord] = {record.client_order_id: record for record in lease.records}
        self._not_found: dict[str, int] = {}
        """How often the exchange did not know an order."""
        inherited_s = max(0.0, gateway.order_lifetime_ms / 1000 - lease.silent_s)
        self._inherited_until_s = clock.monotonic_s() + inherited_s
        self._may_arrive_until_s: dict[str, float] = {}
        """By client order id, for orders that this process sent; for those on record before it, the one above."""

    async def send(self, planned: Sequence[PlannedOrder]) -> None:
        """Put the intents on record (I10), send them all, and resolve every answer. One leg stops no other."""
        if not planned:
            return
        now_ms = self._clock.now_ms()
        batch = [intended(order, now_ms) for order in planned]
        events = [_intended_event(self._lease, order, now_ms) for order in planned]
        await self._lease.record(orders=batch, events=events)
        self._keep(batch)
        await self._attempt(batch, self._patience.resend_pauses_s)

    async def look_up_once(self) -> None:
        """Ask once, and at once, about every order that may be live."""
        await self._resolve_lost(tuple(self.records.values()), (0.0,))

    async def look_up_last(self) -> None:
        """Ask about every order that may be live until nothing more can become of it, within bounds."""
        await self._resolve_lost(tuple(self.records.values()), self._patience.last_look_ups_s)

    async def _resolve_lost(self, records: Sequence[OrderRecord], pauses_s: Sequence[float]) -> None:
        """Look up every order that may be live until the exchange says what became of it, within bounds (I7)."""
        open_ids = [record.client_order_id for record in records if record.may_be_live]
        for pause_s in pauses_s:
            if not open_ids:
                return
            if pause_s:
                if self._clock.monotonic_s() + pause_s > self._deadline_s:
                    break
                await self._clock.sleep(pause_s)
            looked_up = await asyncio.gather(*(self._look_up(self.records[order_id]) for order_id in open_ids))
            await self._note([record for record in looked_up if record != self.records[record.client_order_id]])
            open_ids = [order_id for order_id in open_ids if self.records[order_id].may_be_live]
        lost = [self.records[order_id] for order_id in open_ids]
        unsure = [replace(record, state=OrderState.UNKNOWN) for record in lost]
        await self._note([record for record in unsure if record != self.records[record.client_order_id]])

    async def _attempt(self, batch: Sequence[OrderRecord], pauses_s: Sequence[float]) -> None:
        """Send, then look up what was lost and send again, under the same id, what surely did not execute."""
        sent_at_ms = self._clock.now_ms()
        results = await self._gateway.place_reducing([record.as_order() for record in batch], may_send=self._may_send)
        self._note_arrivals(results)
        now_ms = self._clock.now_ms()
        after = [answered(record, result, now_ms) for record, result in zip(batch, results, strict=True)]
        self._observer.answered(after, sent_at_ms, now_ms)
        await self._note(after)
        again = [record for record, result in zip(after, results, strict=True) if isinstance(result, Failed | Unsent)]
        await all_of(self._resolve_lost(after, self._patience.look_up_pauses_s), self._again(again, results, pauses_s))

    def _may_send(self) -> bool:
        """Orders that wait for room in the budget do not outlive the run."""
        return self._permit.may_send() and self._clock.monotonic_s() < self._deadline_s

    def _note_arrivals(self, results: Sequence[SendResult]) -> None:
        now_s = self._clock.monotonic_s()
        for result in results:
            if isinstance(result, Unknown):
                self._may_arrive_until_s[result.client_order_id] = now_s + result.may_arrive_for_ms / 1000
                self._not_found.pop(result.client_order_id, None)

    async def _again(
        self, waiting: Sequence[OrderRecord], results: Sequence[SendResult], pauses_s: Sequence[float]
    ) -> None:
        """Send once more after the wait that the venue asks for, while that is allowed.

        Waiting for room in the budget costs none of the attempts: it is bounded by the deadline alone.
        """
        if not waiting:
            return
        asked_s = max(result.retry_after_ms for result in results if isinstance(result, Failed | Unsent)) / 1000
        if any(isinstance(result, Failed) or _found_nobody(result) for result in results):
            if not pauses_s:
                return
            pause_s, *pauses_s = pauses_s
            asked_s = max(asked_s, pause_s)
        if self._clock.monotonic_s() + asked_s > self._deadline_s:
            return
        await self._permit.sleep(asked_s)
        if await self._permit.look():
            return
        batch = [on_its_way_again(record) for record in waiting]
        await self._lease.record(orders=batch)
        self._keep(batch)
        await self._attempt(batch, pauses_s)

    async def _look_up(self, record: OrderRecord) -> OrderRecord:
        """The record after one look-up. Not to be known counts only once the order can no longer arrive (I7)."""
        name = record.client_order_id
        may_still_arrive = self._clock.monotonic_s() < self._may_arrive_until_s.get(name, self._inherited_until_s)
        try:
            answer = await self._gateway.look_up(record.symbol, record.client_order_id)
        except ExchangeError as error:
            self._observer.reading_failed(f"order {record.client_order_id}", error)
            return record
        now_ms = self._clock.now_ms()
        if isinstance(answer, Accepted):
            return found(record, answer, now_ms)
        self._not_found[name] = self._not_found.get(name, 0) + 1
        if may_still_arrive or self._not_found[name] < self._patience.not_found_answers:
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


def _found_nobody(result: SendResult) -> bool:
    return isinstance(result, Unsent) and result.retry_after_ms == 0


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
        limit_price=order.limit_price,
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
