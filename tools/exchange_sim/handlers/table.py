"""Every path of the venue: who may ask, what it weighs, what answers."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from exchange_sim.core.parameters import Params
from exchange_sim.core.signing import Security
from exchange_sim.handlers import account, market, trading
from exchange_sim.handlers.ask import Handler


class Route(Struct, frozen=True):
    """One path. `weight_all` is the weight when no symbol is asked for."""

    handler: Handler
    security: Security
    weight: int = 1
    weight_all: int | None = None
    counts_orders: bool = False
    """Whether the answer carries the order-count headers."""

    def weigh(self, params: Params) -> int:
        """Return what this request adds to the used weight."""
        return self.weight if self.weight_all is None or params.get("symbol") else self.weight_all


_PUBLIC, _KEY, _READ, _TRADE = Security.PUBLIC, Security.KEY, Security.READ, Security.TRADE

ROUTES: Final[Mapping[tuple[str, str], Route]] = {
    ("GET", "/fapi/v1/ping"): Route(market.ping, _PUBLIC),
    ("GET", "/fapi/v1/time"): Route(market.time, _PUBLIC),
    ("GET", "/fapi/v1/exchangeInfo"): Route(market.exchange_info, _PUBLIC),
    ("GET", "/fapi/v1/premiumIndex"): Route(market.premium_index, _PUBLIC, weight_all=10),
    ("GET", "/fapi/v1/ticker/bookTicker"): Route(market.book_ticker, _PUBLIC, 2, weight_all=5),
    ("GET", "/fapi/v2/positionRisk"): Route(account.position_risk_v2, _READ, 5),
    ("GET", "/fapi/v3/positionRisk"): Route(account.position_risk_v3, _READ, 5),
    ("GET", "/fapi/v1/positionSide/dual"): Route(account.position_mode, _READ, 30),
    ("POST", "/fapi/v1/positionSide/dual"): Route(account.set_position_mode, _TRADE),
    ("GET", "/fapi/v2/balance"): Route(account.balance, _READ, 5),
    ("GET", "/fapi/v3/balance"): Route(account.balance, _READ, 5),
    ("GET", "/fapi/v2/account"): Route(account.account, _READ, 5),
    ("GET", "/fapi/v3/account"): Route(account.account, _READ, 5),
    ("GET", "/fapi/v1/userTrades"): Route(account.user_trades, _READ, 5),
    ("POST", "/fapi/v1/listenKey"): Route(account.start_listen_key, _KEY),
    ("PUT", "/fapi/v1/listenKey"): Route(account.keep_listen_key, _KEY),
    ("DELETE", "/fapi/v1/listenKey"): Route(account.end_listen_key, _KEY),
    ("POST", "/fapi/v1/order"): Route(trading.place, _TRADE, 0, counts_orders=True),
    ("GET", "/fapi/v1/order"): Route(trading.query, _READ),
    ("DELETE", "/fapi/v1/order"): Route(trading.cancel, _TRADE),
    ("POST", "/fapi/v1/batchOrders"): Route(trading.place_batch, _TRADE, 5, counts_orders=True),
    ("GET", "/fapi/v1/openOrders"): Route(trading.open_orders, _READ, weight_all=40),
    ("DELETE", "/fapi/v1/allOpenOrders"): Route(trading.cancel_all, _TRADE),
    ("POST", "/fapi/v1/algoOrder"): Route(trading.place_algo, _TRADE, 0, counts_orders=True),
    ("GET", "/fapi/v1/algoOrder"): Route(trading.query_algo, _READ),
    ("DELETE", "/fapi/v1/algoOrder"): Route(trading.cancel_algo, _TRADE),
    ("GET", "/fapi/v1/openAlgoOrders"): Route(trading.open_algo_orders, _READ, weight_all=40),
    ("DELETE", "/fapi/v1/algoOpenOrders"): Route(trading.cancel_all_algo, _TRADE),
    ("POST", "/fapi/v1/countdownCancelAll"): Route(trading.countdown, _TRADE, 10),
    ("GET", "/sapi/v1/account/apiRestrictions"): Route(account.api_restrictions, _READ),
}
