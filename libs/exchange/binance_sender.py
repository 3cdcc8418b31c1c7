"""Sending reducing orders: grouped, inside the venue's budget, all groups at once, nothing twice."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from exchange.binance_calls import BinanceCalls
from exchange.binance_orders import batch_results, groups, judged_result, single_result, wire_order
from exchange.binance_wire import BATCH_ORDERS, ORDER
from exchange.budget import Cost
from exchange.codes import CLOCK_CODES, Judgement
from exchange.errors import ExchangeError
from exchange.model import Failed, ReducingOrder, SendResult

BUDGET_WAIT_MAX_MS: Final = 12_000
"""How long orders wait here for the budget: one window of ten seconds. What would wait longer is handed back."""


class OrderSender:
    """Sends orders through one account's calls. Clock and sleep are handed in."""

    def __init__(
        self, calls: BinanceCalls, monotonic_ms: Callable[[], int], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._calls = calls
        self._monotonic_ms = monotonic_ms
        self._sleep = sleep

    async def place(self, orders: Sequence[ReducingOrder]) -> tuple[SendResult, ...]:
        """One result per order, in the same order. Earlier orders get the budget first.

        Raises ValueError, before anything is sent, for an order that must never reach a venue or an id used twice.
        """
        if len({order.client_order_id for order in orders}) < len(orders):
            raise ValueError("two orders have the same client order id")
        prepared = [(group, [wire_order(order) for order in group]) for group in groups(orders)]
        deadline_ms = self._monotonic_ms() + BUDGET_WAIT_MAX_MS
        sent: list[asyncio.Task[list[SendResult]] | list[SendResult]] = []
        async with asyncio.TaskGroup() as running:
            for group, parameters in prepared:
                too_long_ms = await self._take(len(group), deadline_ms)
                if too_long_ms:
                    sent.append([_held_back(order, too_long_ms) for order in group])
                else:
                    sent.append(running.create_task(self._send(group, parameters)))
        results = [result for part in sent for result in (part if isinstance(part, list) else part.result())]
        return tuple(await self._with_the_clock_set(results))

    async def _take(self, count: int, deadline_ms: int) -> int:
        """Wait for room in the budget and take it; or how long the wait would be, when that is past the deadline."""
        cost = _cost(count)
        while wait_ms := self._calls.budget.take(cost):
            if self._monotonic_ms() + wait_ms > deadline_ms:
                return wait_ms
            await self._sleep(wait_ms / 1000)
        return 0

    async def _send(self, group: Sequence[ReducingOrder], parameters: list[dict[str, str]]) -> list[SendResult]:
        alone = len(group) == 1
        answer = (
            await self._calls.send(ORDER, dict(parameters[0]))
            if alone
            else await self._calls.send(BATCH_ORDERS, {"batchOrders": parameters})
        )
        if isinstance(answer, Judgement):
            return [judged_result(answer, order) for order in group]
        if alone:
            return [single_result(answer, group[0], self._calls.judge_element)]
        return batch_results(answer, group, self._calls.judge_element)

    async def _with_the_clock_set(self, results: list[SendResult]) -> list[SendResult]:
        """When the venue found our clock off, set it, so that the caller may send those orders again at once."""
        late = [isinstance(result, Failed) and result.code in CLOCK_CODES for result in results]
        if not any(late):
            return results
        try:
            await self._calls.synchronise_clock()
        except ExchangeError as error:
            return [
                _still_late(result, error) if is_late and isinstance(result, Failed) else result
                for result, is_late in zip(results, late, strict=True)
            ]
        return results


def _cost(count: int) -> Cost:
    """A batch counts each of its orders in the ten seconds' limit, itself in the minute's, and five in weight."""
    endpoint = ORDER if count == 1 else BATCH_ORDERS
    return Cost(orders_10s=count, orders_1m=1, weight=endpoint.weight)


def _held_back(order: ReducingOrder, wait_ms: int) -> Failed:
    reason = "not sent: the venue's order limit is used up, or it asked for silence"
    return Failed(client_order_id=order.client_order_id, code=None, reason=reason, retry_after_ms=wait_ms)


def _still_late(result: Failed, error: ExchangeError) -> Failed:
    return Failed(
        client_order_id=result.client_order_id,
        code=result.code,
        reason=f"{result.reason}; the clock could not be set: {error}",
        retry_after_ms=result.retry_after_ms,
    )
