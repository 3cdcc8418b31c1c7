"""Sending reducing orders: grouped, inside the venue's budget, all groups at once, nothing twice."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from msgspec.structs import replace

from exchange.binance_calls import BinanceCalls
from exchange.binance_orders import batch_results, cost_of, groups, judged_result, single_result, wire_order
from exchange.binance_wire import BATCH_ORDERS, ORDER
from exchange.codes import CLOCK_CODES, Judgement
from exchange.errors import ExchangeError
from exchange.model import Failed, ReducingOrder, SendResult, Unknown, Unsent

BUDGET_WAIT_MAX_MS: Final = 12_000
"""How long orders wait here for the budget: one window of ten seconds. What would wait longer is handed back."""
_ASK_AGAIN_S: Final = 0.1
"""How often a wait for the budget looks whether sending is still wanted."""

_FORBIDDEN: Final = "not sent: sending was stopped"


class OrderSender:
    """Sends orders through one account's calls. Clock and sleep are handed in."""

    def __init__(
        self,
        calls: BinanceCalls,
        monotonic_ms: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]],
        *,
        lifetime_ms: int,
    ) -> None:
        self._calls = calls
        self._monotonic_ms = monotonic_ms
        self._sleep = sleep
        self._lifetime_ms = lifetime_ms

    async def place(self, orders: Sequence[ReducingOrder], may_send: Callable[[], bool]) -> tuple[SendResult, ...]:
        """One result per order, in the same order. Earlier orders get the budget first.

        An order that must never reach a venue is `Unsent` and stops no other (I13). Raises ValueError, before anything
        is sent, for an id used twice.
        """
        if len({order.client_order_id for order in orders}) < len(orders):
            raise ValueError("two orders have the same client order id")
        parameters, results = _said(orders)
        deadline_ms = self._monotonic_ms() + BUDGET_WAIT_MAX_MS
        sent: list[asyncio.Task[list[SendResult]] | list[SendResult]] = []
        async with asyncio.TaskGroup() as running:
            for group in groups([order for order in orders if order.client_order_id in parameters]):
                held_back = await self._take(len(group), deadline_ms, may_send)
                if held_back is not None:
                    sent.append(_unsent(group, *held_back))
                else:
                    said = [parameters[order.client_order_id] for order in group]
                    sent.append(running.create_task(self._send(group, said, may_send)))
        answers = [result for part in sent for result in (part if isinstance(part, list) else part.result())]
        results |= {answer.client_order_id: answer for answer in await self._with_the_clock_set(answers)}
        return tuple(results[order.client_order_id] for order in orders)

    async def _take(self, count: int, deadline_ms: int, may_send: Callable[[], bool]) -> tuple[str, int] | None:
        """Wait for room in the budget and take it; else why not, and how many milliseconds that would take."""
        cost = cost_of(count)
        while may_send():
            wait_ms = self._calls.budget.take(cost)
            if not wait_ms:
                return None
            if self._monotonic_ms() + wait_ms > deadline_ms:
                return "not sent: the venue's order limit is used up, or it asked for silence", wait_ms
            await self._sleep(min(wait_ms / 1000, _ASK_AGAIN_S))
        return _FORBIDDEN, 0

    async def _send(
        self, group: Sequence[ReducingOrder], parameters: list[dict[str, str]], may_send: Callable[[], bool]
    ) -> list[SendResult]:
        if not may_send():  # asked again: this task may have started long after its place in the budget was taken
            return _unsent(group, _FORBIDDEN, 0)
        alone = len(group) == 1
        left_ms = self._monotonic_ms()
        answer = (
            await self._calls.send(ORDER, dict(parameters[0]))
            if alone
            else await self._calls.send(BATCH_ORDERS, {"batchOrders": parameters})
        )
        if isinstance(answer, Judgement):
            results = [judged_result(answer, order) for order in group]
        elif alone:
            results = [single_result(answer, group[0], self._calls.judge_element)]
        else:
            results = batch_results(answer, group, self._calls.judge_element)
        may_arrive_for_ms = max(0, left_ms + self._lifetime_ms - self._monotonic_ms())
        return [
            replace(result, may_arrive_for_ms=may_arrive_for_ms) if isinstance(result, Unknown) else result
            for result in results
        ]

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


def _said(orders: Sequence[ReducingOrder]) -> tuple[dict[str, dict[str, str]], dict[str, SendResult]]:
    """The wire's parameters by client order id, and a result for each order that cannot be put into any."""
    parameters: dict[str, dict[str, str]] = {}
    unsayable: dict[str, SendResult] = {}
    for order in orders:
        try:
            parameters[order.client_order_id] = wire_order(order)
        except ValueError as error:
            unsayable[order.client_order_id] = Unsent(
                client_order_id=order.client_order_id, reason=f"not sent: {error}"
            )
    return parameters, unsayable


def _unsent(group: Sequence[ReducingOrder], reason: str, wait_ms: int) -> list[SendResult]:
    return [Unsent(client_order_id=order.client_order_id, reason=reason, retry_after_ms=wait_ms) for order in group]


def _still_late(result: Failed, error: ExchangeError) -> Failed:
    return Failed(
        client_order_id=result.client_order_id,
        code=result.code,
        reason=f"{result.reason}; the clock could not be set: {error}",
        retry_after_ms=result.retry_after_ms,
    )
