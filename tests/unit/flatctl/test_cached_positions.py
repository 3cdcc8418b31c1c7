"""Values of no known shape: what is understood, and what is said not to be."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flatctl.cached_positions import parsed, understood

KEY = "quantum:positions:ETHUSDT"


def told(value: object) -> tuple[list[tuple[str, bool]], str]:
    cached = understood(KEY, "ETHUSDT", value)
    return [(f"{leg.quantity:f}", leg.leg) for leg in cached.legs], cached.problem


@pytest.mark.parametrize(
    ("value", "legs"),
    [
        (b"9.1", [("9.1", False)]),
        (b'"-2"', [("-2", False)]),
        (b'{"positionAmt": "9.10"}', [("9.10", False)]),
        (b'{"qty": 3, "quantity": 3.0}', [("3.0", False)]),
        (b'{"symbol": "ETHUSDT", "size": 2, "side": "SHORT"}', [("-2", True)]),
        (b'{"size": -2, "side": "sell"}', [("-2", True)]),
        (b'{"position_amt": "1", "position_side": "BOTH"}', [("1", False)]),
        (b'[{"qty": 2, "side": "long"}, {"qty": 1, "side": "short"}]', [("2", True), ("-1", True)]),
        (b"[]", []),
        (b"{}", []),
    ],
)
def test_a_number_an_object_and_legs_are_understood(value: bytes, legs: list[tuple[str, bool]]) -> None:
    assert told(parsed(value)) == (legs, "")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (b"open", "not a number: 'open'"),
        (b"true", "not a number: 'True'"),
        (b"NaN", "not a number: 'NaN'"),
        (b"1e400", "not a number: '1E+400'"),
        (b'{"entry": 1}', "no quantity among its fields: entry"),
        (b'{"qty": 1, "size": 2}', "it has several quantities: 1, 2"),
        (b'{"qty": 1, "symbol": "BTCUSDT"}', "it speaks of 'BTCUSDT'"),
        (b'{"qty": 1, "side": "up"}', "its side is 'up'"),
        (b'{"qty": -1, "side": "long"}', "its side is 'long', and its quantity -1"),
        (b'[{"qty": 1}, "x"]', "not a number: 'x'"),
        (b"\xff\xfe", "not a number: '\\\\xff\\\\xfe'"),
    ],
)
def test_what_is_not_understood_says_why(value: bytes, problem: str) -> None:
    assert told(parsed(value)) == ([], problem)


@pytest.mark.parametrize(
    ("fields", "written_at_ms"),
    [
        ({"timestamp": "1769571479"}, 1_769_571_479_000),
        ({"updateTime": 1769571479123}, 1_769_571_479_123),
        ({"updated_at": Decimal("1769571479.5")}, 1_769_571_479_500),
        ({"ts": "yesterday"}, None),
        ({}, None),
    ],
)
def test_when_it_was_written_is_known_where_it_says_so(fields: dict[str, Any], written_at_ms: int | None) -> None:
    assert understood(KEY, "ETHUSDT", {"qty": 1, **fields}).written_at_ms == written_at_ms


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_no_value_crashes_the_reading(value: bytes) -> None:
    cached = understood(KEY, "ETHUSDT", parsed(value))

    assert not (cached.legs and cached.problem)
