"""The venue: market, account, limits, faults and evidence of one simulator, and every change that they go through."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from exchange_sim.core import matching
from exchange_sim.core.account import Account, Leg
from exchange_sim.core.algo import AlgoDesk, AlgoOrder
from exchange_sim.core.errors import refusal
from exchange_sim.core.evidence import Evidence
from exchange_sim.core.faults import ROW_ACTIONS, Fault, FaultPlan
from exchange_sim.core.feeds import Feeds
from exchange_sim.core.limits import Limits, RateLimiter
from exchange_sim.core.market import Depth, Market
from exchange_sim.core.numbers import LARGEST
from exchange_sim.core.orders import Order, OrderRequest
from exchange_sim.core.parameters import Params
from exchange_sim.core.scenario import RestingOrder, Scenario, ScenarioPosition
from exchange_sim.core.signing import ApiKey
from exchange_sim.core.universe import Universe
from exchange_sim.core.words import PositionSide


class Venue:
    """One account on one venue. All times are Unix milliseconds of the venue's own, possibly skewed, clock."""

    def __init__(
        self, universe: Universe, keys: Mapping[str, ApiKey], opening: Scenario, *, round_trip_ms: float = 0.0
    ) -> None:
        self._universe = universe
        self._opening = opening
        self._opening_round_trip_ms = round_trip_ms
        self.keys = keys
        self.reset(0)

    def reset(self, now_ms: int) -> None:
        """Return to how the simulator started: opening scenario, no faults, no evidence, fresh limits, clock right."""
        self.clock_offset_ms = 0
        self.round_trip_ms = self._opening_round_trip_ms
        self.faults = FaultPlan()
        self.evidence = Evidence()
        self.limiter = RateLimiter(Limits())
        self.listen_key: str | None = None
        self.load(self._opening, now_ms)

    def load(self, scenario: Scenario, now_ms: int) -> None:
        """Start `scenario` from a flat account and untouched books. Raises ValueError for what does not exist."""
        self.check(scenario)
        self.market = Market(self._universe)
        self.account = Account()
        self.algo = AlgoDesk()
        self.feeds = Feeds(self.market, self.account)
        self._countdowns: dict[str, int] = {}
        self.apply(scenario, now_ms)
        self.feeds.warm()

    def apply(self, change: Scenario, now_ms: int) -> None:
        """Change what is named in `change` and nothing else. Raises ValueError for what does not exist."""
        self.check(change)
        if change.hedge_mode is not None:
            self.account.switch_mode(hedge_mode=change.hedge_mode)
            self.feeds.mode_changed()
        if change.balance is not None:
            self.account.balance = change.balance
        if change.clock_offset_ms is not None:
            self.clock_offset_ms = change.clock_offset_ms
        for symbol, status in change.statuses.items():
            self.market.set_status(symbol, status)
            self.feeds.listing_changed()
        for symbol in change.cancel_open_orders:
            self.cancel_symbol(symbol, now_ms)
            self.cancel_algo_symbol(symbol, now_ms)
        for depth in change.book:
            self.set_depth(depth)
        for symbol, mark in change.marks.items():
            self.set_mark(symbol, mark, now_ms)
        for position in change.positions:
            self._set_position(position, now_ms)
        for order in change.resting_orders:
            self._rest(order, now_ms)

    def plan(self, faults: Sequence[Fault]) -> None:
        """Add planned faults. Raises ValueError for an effect that could not be applied."""
        for fault in faults:
            if fault.effect is not None:
                self.check(fault.effect)
            if fault.action in ROW_ACTIONS and fault.match.symbol is None:
                raise ValueError(f"fault {fault.action}: match.symbol says whose rows; it is missing")
        self.faults.add(faults)

    def set_depth(self, depth: Depth) -> None:
        """Thin a book."""
        self.market.thin(depth)
        self.feeds.price_changed(depth.symbol)

    def set_mark(self, symbol: str, mark: Decimal, now_ms: int) -> None:
        """Move a price; resting and conditional orders that it reaches trade."""
        self.market.set_mark(symbol, mark)
        matching.reprice(symbol, self.market, self.account, now_ms)
        self.algo.reprice(symbol, self.market, self.account, now_ms)
        self.feeds.price_changed(symbol)

    def set_limits(self, limits: Limits) -> None:
        """Replace the limits; counting starts anew."""
        self.limiter = RateLimiter(limits)
        self.feeds.listing_changed()

    def place(self, request: OrderRequest, now_ms: int) -> Order:
        """Place an order. Raises the venue's refusal."""
        try:
            return matching.place(request, self.market, self.account, now_ms)
        finally:
            self.feeds.position_changed(request.symbol)

    def place_algo(self, params: Params, now_ms: int) -> AlgoOrder:
        """Place a conditional order. Raises the venue's refusal."""
        return self.algo.place(params, self.market, self.account, now_ms)

    def cancel_symbol(self, symbol: str, now_ms: int) -> int:
        """Cancel every resting order of a symbol; return how many."""
        self.market.instrument(symbol)
        return len(matching.cancel_symbol(symbol, self.account, now_ms))

    def cancel_algo_symbol(self, symbol: str, now_ms: int) -> int:
        """Cancel every conditional order of a symbol; return how many."""
        self.market.instrument(symbol)
        orders = self.algo.open(symbol)
        for order in orders:
            self.algo.cancel(order, now_ms)
        return len(orders)

    def set_hedge_mode(self, now_hedge: bool) -> None:  # noqa: FBT001 - the venue's own bool
        """Switch the position mode as a client may: only while nothing is open."""
        if now_hedge == self.account.hedge_mode:
            raise refusal(-4059)
        if self.account.open or self.algo.open():
            raise refusal(-4067)
        if any(True for _ in self.account.open_legs()):
            raise refusal(-4068)
        self.account.switch_mode(hedge_mode=now_hedge)
        self.feeds.mode_changed()

    def start_countdown(self, symbol: str, countdown_ms: int, now_ms: int) -> None:
        """Arm the dead-man timer that cancels a symbol's orders; 0 disarms it."""
        self.market.instrument(symbol)
        self._countdowns.pop(symbol, None)
        if countdown_ms:
            self._countdowns[symbol] = now_ms + countdown_ms

    def advance(self, now_ms: int) -> None:
        """Let the timers run that have ended by now."""
        for symbol in [symbol for symbol, ends_ms in self._countdowns.items() if ends_ms <= now_ms]:
            del self._countdowns[symbol]
            self.cancel_symbol(symbol, now_ms)

    def check(self, scenario: Scenario) -> None:
        """Raise ValueError for a scenario that names what does not exist, so that nothing is changed by halves."""
        symbols = {
            *scenario.marks,
            *scenario.statuses,
            *scenario.cancel_open_orders,
            *(position.symbol for position in scenario.positions),
            *(order.symbol for order in scenario.resting_orders),
            *(depth.symbol for depth in scenario.book),
        }
        unknown = sorted(symbols - self._universe.instruments.keys())
        if unknown:
            raise ValueError(f"scenario: unknown symbol {', '.join(unknown)}")
        prices = {
            **scenario.marks,
            **{entry.symbol: entry.mark for entry in scenario.positions if entry.mark is not None},
        }
        for symbol, mark in prices.items():
            if not (mark.is_finite() and 0 < mark < LARGEST):
                raise ValueError(f"scenario: the mark price of {symbol} must be positive, not {mark}")
        for position in scenario.positions:
            if not (position.qty.is_finite() and abs(position.qty) < LARGEST):
                raise ValueError(f"scenario: the quantity of {position.symbol} must be finite, not {position.qty}")
        for order in scenario.resting_orders:
            if not (order.close_position or 0 < order.qty < LARGEST):
                raise ValueError(f"scenario: the resting order of {order.symbol} needs a positive qty, not {order.qty}")

    def _set_position(self, position: ScenarioPosition, now_ms: int) -> None:
        symbol = position.symbol
        if position.mark is not None:
            self.set_mark(symbol, position.mark, now_ms)
        leg = Leg(
            quantity=position.qty,
            entry_price=self.market.marks[symbol] if position.entry_price is None else position.entry_price,
            updated_ms=now_ms,
        )
        self.account.set_leg((symbol, self._side_of(position)), leg)
        matching.expire_orphans(symbol, self.account, now_ms)
        self.feeds.position_changed(symbol)

    def _side_of(self, position: ScenarioPosition) -> PositionSide:
        if position.position_side is not None:
            return position.position_side
        if not self.account.hedge_mode:
            return "BOTH"
        return "LONG" if position.qty >= 0 else "SHORT"

    def _rest(self, order: RestingOrder, now_ms: int) -> None:
        if order.type != "LIMIT":
            algo_id = self.algo.new_id()
            self.algo.orders[algo_id] = AlgoOrder(
                algo_id=algo_id,
                client_algo_id=order.client_order_id or f"simalgo{algo_id}",
                symbol=order.symbol,
                side=order.side,
                kind=order.type,
                position_side=order.position_side,
                quantity=order.qty,
                price=order.price,
                trigger_price=order.trigger_price,
                time_in_force="GTC",
                reduce_only=order.reduce_only,
                close_position=order.close_position,
                created_ms=now_ms,
                updated_ms=now_ms,
            )
            return
        order_id = self.account.new_order_id()
        matching.rest(
            Order(
                order_id=order_id,
                client_order_id=order.client_order_id or f"sim{order_id}",
                symbol=order.symbol,
                side=order.side,
                kind="LIMIT",
                quantity=order.qty,
                price=order.price,
                time_in_force="GTC",
                position_side=order.position_side,
                reduce_only=order.reduce_only,
                created_ms=now_ms,
                updated_ms=now_ms,
            ),
            self.account,
        )
