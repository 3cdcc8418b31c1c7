"""Account data: positions, mode, balances, trades, listen keys."""

from typing import Final

from exchange_sim.core import parameters, shapes
from exchange_sim.core.errors import refusal
from exchange_sim.core.venue import Venue
from exchange_sim.handlers.ask import Ask, encode
from exchange_sim.handlers.market import symbol_of

TRADES_DEFAULT: Final = 500
TRADES_MAX: Final = 1000


def position_risk_v2(venue: Venue, ask: Ask) -> bytes:
    """GET /fapi/v2/positionRisk: every symbol, open or not; three rows of each in hedge mode."""
    return venue.feeds.positions(symbol_of(venue, ask), venue.faults.on_rows(ask.call))


def position_risk_v3(venue: Venue, ask: Ask) -> bytes:
    """GET /fapi/v3/positionRisk: only symbols with a position or an open order."""
    wanted, account = symbol_of(venue, ask), venue.account
    busy = {order.symbol for order in account.open.values()}
    rows = [
        shapes.position_v3(instrument, side, leg, venue.market.marks[symbol])
        for symbol, instrument in venue.market.instruments.items()
        if wanted in (None, symbol)
        for side in account.sides()
        for leg in (account.leg(symbol, side),)
        if leg.quantity or symbol in busy
    ]
    return encode(rows)


def position_mode(venue: Venue, _ask: Ask) -> bytes:
    """GET /fapi/v1/positionSide/dual."""
    return encode({"dualSidePosition": venue.account.hedge_mode})


def set_position_mode(venue: Venue, ask: Ask) -> bytes:
    """POST /fapi/v1/positionSide/dual."""
    parameters.required(ask.params, "dualSidePosition")
    venue.set_hedge_mode(bool(parameters.flag(ask.params, "dualSidePosition")))
    return encode({"code": 200, "msg": "success"})


def balance(venue: Venue, ask: Ask) -> bytes:
    """GET /fapi/v2/balance."""
    return encode(shapes.balances(venue.account, ask.now_ms))


def account(venue: Venue, ask: Ask) -> bytes:
    """GET /fapi/v2/account."""
    may_trade = ask.key is not None and ask.key.may_trade
    return encode(shapes.account_summary(venue.account, venue.market, ask.now_ms, may_trade=may_trade))


def user_trades(venue: Venue, ask: Ask) -> bytes:
    """GET /fapi/v1/userTrades: executions of one symbol, oldest first."""
    symbol = parameters.required(ask.params, "symbol")
    instrument = venue.market.instrument(symbol)
    order_id = parameters.integer(ask.params, "orderId")
    since = parameters.integer(ask.params, "startTime") or 0
    until = parameters.integer(ask.params, "endTime")
    first = parameters.integer(ask.params, "fromId")
    limit = min(parameters.integer(ask.params, "limit") or TRADES_DEFAULT, TRADES_MAX)
    rows = [
        shapes.trade(trade, instrument)
        for trade in venue.account.trades
        if trade.symbol == symbol
        and order_id in (None, trade.order_id)
        and trade.time_ms >= since
        and (until is None or trade.time_ms <= until)
        and (first is None or trade.trade_id >= first)
    ]
    return encode(rows[:limit] if first is not None or since else rows[-limit:])


def start_listen_key(venue: Venue, _ask: Ask) -> bytes:
    """POST /fapi/v1/listenKey: the same key as long as it lives. There is no stream behind it."""
    venue.listen_key = venue.listen_key or "SimulatedListenKey".ljust(64, "0")
    return encode({"listenKey": venue.listen_key})


def keep_listen_key(venue: Venue, _ask: Ask) -> bytes:
    """PUT /fapi/v1/listenKey."""
    if venue.listen_key is None:
        raise refusal(-1125)
    return encode({"listenKey": venue.listen_key})


def end_listen_key(venue: Venue, _ask: Ask) -> bytes:
    """DELETE /fapi/v1/listenKey."""
    venue.listen_key = None
    return b"{}"


def api_restrictions(_venue: Venue, ask: Ask) -> bytes:
    """GET /sapi/v1/account/apiRestrictions: what the key that asks may do."""
    may_trade = ask.key is not None and ask.key.may_trade
    return encode(
        {
            "ipRestrict": True,
            "createTime": 1_600_000_000_000,
            "enableReading": True,
            "enableFutures": may_trade,
            "enableWithdrawals": ask.key is not None and ask.key.may_withdraw,
            "enableInternalTransfer": False,
            "enableMargin": False,
            "enableSpotAndMarginTrading": False,
            "permitsUniversalTransfer": False,
            "enableVanillaOptions": False,
        }
    )
