"""The big answers, kept encoded: a row is made anew only when its symbol changed, so that a poll is a join."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from exchange_sim.core import shapes
from exchange_sim.core.account import Account
from exchange_sim.core.faults import Fault
from exchange_sim.core.limits import RateLimiter
from exchange_sim.core.market import Market
from exchange_sim.core.numbers import plain
from exchange_sim.core.universe import mark_text

FUNDING_MS: Final = 28_800_000
_TIME: Final = b"@time@"
"""Where the time of the answer goes; no symbol or number contains it."""
_FUNDING_TIME: Final = b"@funding@"

encode = msgspec.json.encode


class RowCache:
    """Encoded rows by symbol and their concatenation."""

    def __init__(self, render: Callable[[str], bytes]) -> None:
        self._render = render
        self._rows: dict[str, bytes] = {}
        self._all: bytes | None = None

    def forget(self, symbol: str) -> None:
        """Make the rows of one symbol anew next time."""
        self._rows.pop(symbol, None)
        self._all = None

    def clear(self) -> None:
        """Make everything anew next time."""
        self._rows.clear()
        self._all = None

    def of(self, symbol: str) -> bytes:
        """Return one symbol's rows, separated by commas."""
        row = self._rows.get(symbol)
        if row is None:
            row = self._rows[symbol] = self._render(symbol)
        return row

    def all(self, symbols: Iterable[str]) -> bytes:
        """Return the rows of all symbols, separated by commas."""
        if self._all is None:
            self._all = b",".join(map(self.of, symbols))
        return self._all


class Feeds:
    """positionRisk, premiumIndex, bookTicker and exchangeInfo of one venue."""

    def __init__(self, market: Market, account: Account) -> None:
        self._market = market
        self._account = account
        self._positions = RowCache(self._position_rows)
        self._premiums = RowCache(self._premium_row)
        self._tickers = RowCache(self._ticker_row)
        self._listing: bytes | None = None

    def warm(self) -> None:
        """Encode what clients poll, so that the first poll is as fast as the next."""
        self._positions.all(self._market.instruments)
        self._premiums.all(self._market.instruments)

    def position_changed(self, symbol: str) -> None:
        """Tell that a position moved."""
        self._positions.forget(symbol)

    def price_changed(self, symbol: str) -> None:
        """Tell that mark price or book moved."""
        for cache in (self._positions, self._premiums, self._tickers):
            cache.forget(symbol)

    def mode_changed(self) -> None:
        """Tell that every symbol has other rows now."""
        self._positions.clear()

    def listing_changed(self) -> None:
        """Tell that a symbol's status or a limit changed."""
        self._listing = None

    def exchange_info(self, limiter: RateLimiter, now_ms: int) -> bytes:
        """Return GET exchangeInfo."""
        if self._listing is None:
            self._listing = encode(
                {
                    "futuresType": "U_MARGINED",
                    "rateLimits": limiter.published(),
                    "exchangeFilters": [],
                    "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
                    "symbols": [instrument.listing for instrument in self._market.instruments.values()],
                }
            )
        return b'{"timezone":"UTC","serverTime":%d,' % now_ms + self._listing[1:]

    def positions(self, symbol: str | None, edits: Sequence[Fault]) -> bytes:
        """Return v2 positionRisk, all symbols or one."""
        return b"[" + self._edited(self._positions, symbol, edits, _edit_position) + b"]"

    def premiums(self, symbol: str | None, edits: Sequence[Fault], now_ms: int) -> bytes:
        """Return premiumIndex: an array, or one object when a symbol is asked for."""
        rows = self._edited(self._premiums, symbol, edits, _edit_premium)
        funding_ms = (now_ms // FUNDING_MS + 1) * FUNDING_MS
        rows = rows.replace(_TIME, b"%d" % now_ms).replace(_FUNDING_TIME, b"%d" % funding_ms)
        return rows or b"{}" if symbol is not None else b"[" + rows + b"]"

    def tickers(self, symbol: str | None, now_ms: int) -> bytes:
        """Return bookTicker: an array, or one object when a symbol is asked for."""
        rows = self._edited(self._tickers, symbol, (), _edit_premium).replace(_TIME, b"%d" % now_ms)
        return rows if symbol is not None else b"[" + rows + b"]"

    def _edited(
        self,
        cache: RowCache,
        symbol: str | None,
        edits: Sequence[Fault],
        edit: Callable[[list[shapes.Row], Fault], list[shapes.Row]],
    ) -> bytes:
        if not edits:
            return cache.all(self._market.instruments) if symbol is None else cache.of(symbol)
        parts: list[bytes] = []
        for name in self._market.instruments if symbol is None else (symbol,):
            mine = [fault for fault in edits if fault.match.symbol == name]
            part = cache.of(name)
            if mine:
                rows: list[shapes.Row] = msgspec.json.decode(
                    b"[" + part.replace(_TIME, b"0").replace(_FUNDING_TIME, b"0") + b"]"
                )
                for fault in mine:
                    rows = edit(rows, fault)
                part = b",".join(map(encode, rows))
            parts.append(part)
        return b",".join(part for part in parts if part)

    def _position_rows(self, symbol: str) -> bytes:
        instrument, mark = self._market.instruments[symbol], self._market.marks[symbol]
        return b",".join(
            encode(shapes.position_v2(instrument, side, self._account.leg(symbol, side), mark))
            for side in self._account.sides()
        )

    def _premium_row(self, symbol: str) -> bytes:
        mark = self._market.marks[symbol]
        row = encode(
            {
                "symbol": symbol,
                "markPrice": mark_text(mark),
                "indexPrice": mark_text(mark * Decimal("1.0001")),
                "estimatedSettlePrice": mark_text(mark),
                "lastFundingRate": "0.00010000",
                "interestRate": "0.00010000",
            }
        )
        return row[:-1] + b',"nextFundingTime":' + _FUNDING_TIME + b',"time":' + _TIME + b"}"

    def _ticker_row(self, symbol: str) -> bytes:
        instrument = self._market.instruments[symbol]
        bid, ask = self._market.best(symbol)
        bid_quantity, ask_quantity = (min(amount, instrument.lot.maximum) for amount in self._market.quantities(symbol))
        row = encode(
            {
                "symbol": symbol,
                "bidPrice": plain(bid, instrument.price_places),
                "bidQty": plain(bid_quantity, instrument.quantity_places),
                "askPrice": plain(ask, instrument.price_places),
                "askQty": plain(ask_quantity, instrument.quantity_places),
                "lastUpdateId": 1,
            }
        )
        return row[:-1] + b',"time":' + _TIME + b"}"


def _edit_position(rows: list[shapes.Row], fault: Fault) -> list[shapes.Row]:
    side = fault.match.position_side
    struck = [row for row in rows if side in (None, row["positionSide"])]
    return [row for row in rows if row not in struck] + _struck(struck, fault)


def _struck(rows: list[shapes.Row], fault: Fault) -> list[shapes.Row]:
    if fault.action == "drop_row":
        return []
    if fault.action == "nan_quantity":
        return [{**row, "positionAmt": "NaN"} for row in rows]
    if fault.action == "missing_mark":
        return [{**row, "markPrice": "0.00000000", "notional": "0"} for row in rows]
    return [_patched(row, fault) for row in rows]


def _edit_premium(rows: list[shapes.Row], fault: Fault) -> list[shapes.Row]:
    if fault.action in ("missing_mark", "drop_row"):
        return []
    return rows if fault.action == "nan_quantity" else [_patched(row, fault) for row in rows]


def _patched(row: shapes.Row, fault: Fault) -> shapes.Row:
    return {name: value for name, value in {**row, **fault.patch}.items() if value is not None}
