"""Public data: time, instruments, mark prices, best bid and ask."""

from exchange_sim.core.venue import Venue
from exchange_sim.handlers.ask import Ask, encode


def ping(_venue: Venue, _ask: Ask) -> bytes:
    """GET /fapi/v1/ping."""
    return b"{}"


def time(_venue: Venue, ask: Ask) -> bytes:
    """GET /fapi/v1/time."""
    return encode({"serverTime": ask.now_ms})


def exchange_info(venue: Venue, ask: Ask) -> bytes:
    """GET /fapi/v1/exchangeInfo: all symbols; `symbol` is ignored, as on the venue."""
    return venue.feeds.exchange_info(venue.limiter, ask.now_ms)


def premium_index(venue: Venue, ask: Ask) -> bytes:
    """GET /fapi/v1/premiumIndex: mark prices."""
    return venue.feeds.premiums(symbol_of(venue, ask), venue.faults.on_rows(ask.call), ask.now_ms)


def book_ticker(venue: Venue, ask: Ask) -> bytes:
    """GET /fapi/v1/ticker/bookTicker."""
    return venue.feeds.tickers(symbol_of(venue, ask), ask.now_ms)


def symbol_of(venue: Venue, ask: Ask) -> str | None:
    """Return the symbol asked for, None for all, -1121 for an unknown one."""
    symbol = ask.params.get("symbol") or None
    if symbol is not None:
        venue.market.instrument(symbol)
    return symbol
