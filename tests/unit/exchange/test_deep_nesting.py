"""JSON that is nested too deeply for the stack is an unusable answer like any other, wherever it stands (I14)."""

from collections.abc import Callable

import pytest

from exchange import binance_decode as decode
from exchange.binance_instruments import catalogue
from exchange.binance_orders import UnreadableOrder, batch_results, order_state, single_result
from exchange.codes import Execution, Judgement
from exchange.errors import ReadUnusable
from exchange.model import Unknown
from support.exchange_builders import reducing
from support.venue_samples import body, exchange_info, position_row, symbol_row

DEEP = b"[" * 100_000 + b"]" * 100_000
READERS: dict[str, Callable[[bytes], object]] = {
    "positions": decode.positions,
    "marks": decode.marks,
    "mode": decode.position_mode,
    "open orders": decode.open_orders,
    "algo orders": decode.open_algo_orders,
    "instruments": catalogue,
    "order": order_state,
}


def unjudged(error: object) -> Judgement:
    return Judgement(execution=Execution.UNKNOWN, code=None, reason=str(error))


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("answer", [DEEP, b'{"symbols":[],"x":' + DEEP + b"}", b'[{"x":' + DEEP + b"}]"])
def test_an_answer_that_is_nested_too_deeply_is_unusable(read: Callable[[bytes], object], answer: bytes) -> None:
    with pytest.raises((ReadUnusable, UnreadableOrder)):
        read(answer)


def test_one_row_that_is_nested_too_deeply_is_unreadable_and_takes_no_other_with_it() -> None:
    rows = body([position_row("BTCUSDT")])[:-1] + b',{"symbol":"ETHUSDT","x":' + DEEP + b"}]"

    with pytest.raises(ReadUnusable, match="nested too deeply"):
        decode.positions(rows)


def test_one_instrument_that_is_nested_too_deeply_makes_the_list_unusable() -> None:
    listing = body(exchange_info(symbol_row("BTCUSDT"))).replace(b'"symbols": [', b'"symbols": [{"x":' + DEEP + b"},")

    with pytest.raises(ReadUnusable):
        catalogue(listing)


def test_an_answer_to_an_order_that_is_nested_too_deeply_leaves_it_unknown_i7() -> None:
    one = single_result(DEEP, reducing("a"), unjudged)
    many = batch_results(b"[" + DEEP + b"]", [reducing("a")], unjudged)

    assert isinstance(one, Unknown)
    assert isinstance(many[0], Unknown)
