"""Answers in the shapes that Binance documents for USD-M futures, with invented values."""

import json
from typing import Any


def body(value: object) -> bytes:
    return json.dumps(value).encode()


def position_row(symbol: Any = "ETHUSDT", amount: Any = "9.1", **changed: Any) -> dict[str, Any]:
    """One row of GET /fapi/v2/positionRisk. A field set to None here is left out."""
    row = {
        "symbol": symbol,
        "positionAmt": amount,
        "entryPrice": "3401.25",
        "breakEvenPrice": "3402.6105",
        "markPrice": "3446.26373626",
        "unRealizedProfit": "409.62500000",
        "liquidationPrice": "1820.55",
        "leverage": "10",
        "maxNotionalValue": "20000000",
        "marginType": "cross",
        "isolatedMargin": "0.00000000",
        "isAutoAddMargin": "false",
        "positionSide": "BOTH",
        "notional": "31361.00000000",
        "isolatedWallet": "0",
        "updateTime": 1764000000000,
        **changed,
    }
    return {name: value for name, value in row.items() if value is not None}


def mark_row(symbol: str = "ETHUSDT", mark: Any = "3446.26373626") -> dict[str, Any]:
    """One row of GET /fapi/v1/premiumIndex."""
    return {
        "symbol": symbol,
        "markPrice": mark,
        "indexPrice": "3447.01000000",
        "estimatedSettlePrice": "3445.90000000",
        "lastFundingRate": "0.00010000",
        "interestRate": "0.00010000",
        "nextFundingTime": 1764028800000,
        "time": 1764000000000,
    }


def symbol_row(symbol: str = "ETHUSDT", **changed: Any) -> dict[str, Any]:
    """One symbol of GET /fapi/v1/exchangeInfo."""
    return {
        "symbol": symbol,
        "pair": symbol,
        "contractType": "PERPETUAL",
        "status": "TRADING",
        "baseAsset": "ETH",
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "39.86", "maxPrice": "306177", "tickSize": "0.01"},
            {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "10000", "stepSize": "0.001"},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "2000", "stepSize": "0.001"},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MIN_NOTIONAL", "notional": "20"},
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": "1.0500",
                "multiplierDown": "0.9500",
                "multiplierDecimal": "4",
            },
        ],
        **changed,
    }


def exchange_info(*symbols: dict[str, Any]) -> dict[str, Any]:
    """GET /fapi/v1/exchangeInfo."""
    return {
        "timezone": "UTC",
        "serverTime": 1764000000000,
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
            {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1100},
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 290},
        ],
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": list(symbols or [symbol_row()]),
    }


def order_row(client_order_id: str, *, symbol: str = "ETHUSDT", filled: Any = "1", **changed: Any) -> dict[str, Any]:
    """The answer to POST /fapi/v1/order, and one element of a batch answer: without a fill price."""
    row = {
        "clientOrderId": client_order_id,
        "executedQty": filled,
        "orderId": 22542179,
        "origQty": "1",
        "origType": "MARKET",
        "price": "0.00",
        "reduceOnly": True,
        "side": "SELL",
        "positionSide": "BOTH",
        "status": "FILLED",
        "stopPrice": "0.00",
        "closePosition": False,
        "symbol": symbol,
        "timeInForce": "GTC",
        "type": "MARKET",
        "updateTime": 1764000000000,
        **changed,
    }
    return {name: value for name, value in row.items() if value is not None}


def open_order_row(**changed: Any) -> dict[str, Any]:
    """One row of GET /fapi/v1/openOrders."""
    row = {
        "avgPrice": "0.00",
        "clientOrderId": "web_entry",
        "cumQuote": "0",
        "executedQty": "0",
        "orderId": 1917641,
        "origQty": "0.40",
        "origType": "LIMIT",
        "price": "3300",
        "reduceOnly": False,
        "closePosition": False,
        "side": "BUY",
        "positionSide": "BOTH",
        "status": "NEW",
        "symbol": "ETHUSDT",
        "time": 1764000000000,
        "timeInForce": "GTC",
        "type": "LIMIT",
        **changed,
    }
    return {name: value for name, value in row.items() if value is not None}


def open_algo_order_row(**changed: Any) -> dict[str, Any]:
    """One row of GET /fapi/v1/openAlgoOrders."""
    row = {
        "algoId": 2148627,
        "clientAlgoId": "stop_loss",
        "algoType": "CONDITIONAL",
        "orderType": "STOP_MARKET",
        "symbol": "ETHUSDT",
        "side": "SELL",
        "positionSide": "BOTH",
        "timeInForce": "GTC",
        "quantity": "0.01",
        "algoStatus": "NEW",
        "triggerPrice": "3000.00",
        "workingType": "CONTRACT_PRICE",
        "closePosition": False,
        "reduceOnly": True,
        "createTime": 1764000000000,
        **changed,
    }
    return {name: value for name, value in row.items() if value is not None}
