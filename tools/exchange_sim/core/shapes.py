"""The venue's JSON objects: orders, trades, conditional orders, account rows."""

from decimal import Decimal

from exchange_sim.core.account import COMMISSION_RATE, Account, Leg
from exchange_sim.core.algo import AlgoOrder
from exchange_sim.core.instruments import Instrument
from exchange_sim.core.market import Market
from exchange_sim.core.numbers import ZERO, plain, short
from exchange_sim.core.orders import Order, Trade

Row = dict[str, object]

_PRICE_PLACES = 8


def placed(order: Order, instrument: Instrument, *, as_new: bool) -> Row:
    """Return the answer to a new or cancelled order: no fill price in it. `as_new` is what ACK says, filled or not."""
    executed = ZERO if as_new else order.executed
    places = instrument.quantity_places
    return {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": "NEW" if as_new else order.status,
        "clientOrderId": order.client_order_id,
        "price": plain(order.price, instrument.price_places),
        "origQty": plain(order.quantity, places),
        "executedQty": plain(executed, places),
        "cumQty": plain(executed, places),
        "timeInForce": order.time_in_force,
        "type": order.kind,
        "reduceOnly": order.reduce_only,
        "closePosition": False,
        "side": order.side,
        "positionSide": order.position_side,
        "stopPrice": plain(ZERO, instrument.price_places),
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": order.kind,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "goodTillDate": 0,
        "updateTime": order.updated_ms,
    }


def queried(order: Order, instrument: Instrument) -> Row:
    """Return what GET order and openOrders say: with average price, quote volume and time of creation."""
    row = placed(order, instrument, as_new=False)
    del row["cumQty"]
    average = order.quote / order.executed if order.executed else ZERO
    return {
        **row,
        "avgPrice": plain(average, instrument.price_places),
        "cumQuote": short(order.quote),
        "time": order.created_ms,
    }


def trade(entry: Trade, instrument: Instrument) -> Row:
    """Return one row of userTrades."""
    quote = entry.price * entry.quantity
    return {
        "symbol": entry.symbol,
        "id": entry.trade_id,
        "orderId": entry.order_id,
        "side": entry.side,
        "price": plain(entry.price, instrument.price_places),
        "qty": plain(entry.quantity, instrument.quantity_places),
        "realizedPnl": plain(entry.realized, _PRICE_PLACES),
        "quoteQty": plain(quote, _PRICE_PLACES),
        "commission": plain(quote * COMMISSION_RATE, _PRICE_PLACES),
        "commissionAsset": instrument.margin_asset,
        "time": entry.time_ms,
        "positionSide": entry.position_side,
        "buyer": entry.side == "BUY",
        "maker": entry.maker,
    }


def algo(order: AlgoOrder, instrument: Instrument) -> Row:
    """Return a conditional order as the algo service shows it."""
    return {
        "algoId": order.algo_id,
        "clientAlgoId": order.client_algo_id,
        "algoType": "CONDITIONAL",
        "orderType": order.kind,
        "symbol": order.symbol,
        "side": order.side,
        "positionSide": order.position_side,
        "timeInForce": order.time_in_force,
        "quantity": plain(order.quantity, instrument.quantity_places),
        "algoStatus": order.status,
        "actualOrderId": "" if order.order_id is None else str(order.order_id),
        "triggerPrice": plain(order.trigger_price, instrument.price_places),
        "price": plain(order.price, instrument.price_places),
        "icebergQuantity": None,
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "workingType": "CONTRACT_PRICE",
        "priceMatch": "NONE",
        "closePosition": order.close_position,
        "priceProtect": False,
        "reduceOnly": order.reduce_only,
        "createTime": order.created_ms,
        "updateTime": order.updated_ms,
        "triggerTime": order.triggered_ms,
        "goodTillDate": 0,
    }


def position_v2(instrument: Instrument, side: str, leg: Leg, mark: Decimal) -> Row:
    """Return one row of v2 positionRisk."""
    profit = (mark - leg.entry_price) * leg.quantity
    return {
        "symbol": instrument.symbol,
        "positionAmt": plain(leg.quantity, _quantity_places(instrument, leg)),
        "entryPrice": _price(leg.entry_price),
        "breakEvenPrice": _price(leg.entry_price * (1 + COMMISSION_RATE * (1 if leg.quantity > 0 else -1))),
        "markPrice": plain(mark, _PRICE_PLACES),
        "unRealizedProfit": plain(profit, _PRICE_PLACES),
        "liquidationPrice": "0",
        "leverage": "20",
        "maxNotionalValue": "1000000",
        "marginType": "cross",
        "isolatedMargin": plain(ZERO, _PRICE_PLACES),
        "isAutoAddMargin": "false",
        "positionSide": side,
        "notional": _notional(leg, mark),
        "isolatedWallet": "0",
        "updateTime": leg.updated_ms,
        "isolated": False,
        "adlQuantile": 2 if leg.quantity else 0,
    }


def position_v3(instrument: Instrument, side: str, leg: Leg, mark: Decimal) -> Row:
    """Return one row of v3 positionRisk, which leaves leverage and margin type out."""
    margin = short(abs(leg.quantity * mark) / 20)
    return {
        "symbol": instrument.symbol,
        "positionSide": side,
        "positionAmt": plain(leg.quantity, _quantity_places(instrument, leg)),
        "entryPrice": _price(leg.entry_price),
        "breakEvenPrice": _price(leg.entry_price * (1 + COMMISSION_RATE * (1 if leg.quantity > 0 else -1))),
        "markPrice": plain(mark, _PRICE_PLACES),
        "unRealizedProfit": plain((mark - leg.entry_price) * leg.quantity, _PRICE_PLACES),
        "liquidationPrice": "0",
        "isolatedMargin": "0",
        "notional": _notional(leg, mark),
        "marginAsset": instrument.margin_asset,
        "isolatedWallet": "0",
        "initialMargin": margin,
        "maintMargin": short(abs(leg.quantity * mark) / 200),
        "positionInitialMargin": margin,
        "openOrderInitialMargin": "0",
        "adl": 2 if leg.quantity else 0,
        "bidNotional": "0",
        "askNotional": "0",
        "updateTime": leg.updated_ms,
    }


def balances(account: Account, now_ms: int) -> list[Row]:
    """Return v2 balance: one asset."""
    amount = plain(account.balance, _PRICE_PLACES)
    return [
        {
            "accountAlias": "SimSim",
            "asset": "USDT",
            "balance": amount,
            "crossWalletBalance": amount,
            "crossUnPnl": plain(ZERO, _PRICE_PLACES),
            "availableBalance": amount,
            "maxWithdrawAmount": amount,
            "marginAvailable": True,
            "updateTime": now_ms,
        }
    ]


def account_summary(account: Account, market: Market, now_ms: int, *, may_trade: bool) -> Row:
    """Return account: totals and the open positions."""
    amount, nothing = plain(account.balance, _PRICE_PLACES), plain(ZERO, _PRICE_PLACES)
    profit = sum(
        ((market.marks[symbol] - leg.entry_price) * leg.quantity for (symbol, _), leg in account.open_legs()), ZERO
    )
    return {
        "feeTier": 0,
        "canTrade": may_trade,
        "canDeposit": False,
        "canWithdraw": False,
        "multiAssetsMargin": False,
        "updateTime": now_ms,
        "totalInitialMargin": nothing,
        "totalMaintMargin": nothing,
        "totalWalletBalance": amount,
        "totalUnrealizedProfit": plain(profit, _PRICE_PLACES),
        "totalMarginBalance": plain(account.balance + profit, _PRICE_PLACES),
        "totalPositionInitialMargin": nothing,
        "totalOpenOrderInitialMargin": nothing,
        "totalCrossWalletBalance": amount,
        "totalCrossUnPnl": plain(profit, _PRICE_PLACES),
        "availableBalance": amount,
        "maxWithdrawAmount": amount,
        "assets": [{"asset": "USDT", "walletBalance": amount, "availableBalance": amount, "updateTime": now_ms}],
        "positions": [
            position_v3(market.instruments[symbol], side, leg, market.marks[symbol])
            for (symbol, side), leg in account.open_legs()
        ],
    }


def _quantity_places(instrument: Instrument, leg: Leg) -> int:
    # A scenario may hold dust finer than the step; it is shown as it is, not rounded away.
    return max(instrument.quantity_places, len(short(leg.quantity).partition(".")[2]))


def _price(price: Decimal) -> str:
    return "0.0" if price == 0 else short(price.quantize(Decimal("1e-10")))


def _notional(leg: Leg, mark: Decimal) -> str:
    return "0" if leg.quantity == 0 else plain(leg.quantity * mark, _PRICE_PLACES)
