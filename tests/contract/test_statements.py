"""What operators sign: bytes that are fixed for ever, and that no two different arms share."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts import codec
from contracts.arming import ArmRequested, Scope, Signature
from contracts.statements import signed_bytes
from contracts.vocabulary import Environment
from support.event_samples import EVENT_SAMPLES
from support.event_strategies import events

SAMPLE = EVENT_SAMPLES["flatten.arm_requested.v1"]
assert isinstance(SAMPLE, ArmRequested)
ARM: ArmRequested = SAMPLE
NOT_SIGNED = {"signatures"}
CHANGES: dict[str, Any] = {
    "arm_id": "arm-2",
    "operator": "bob",
    "reason": "another",
    "environment": Environment.LIVE,
    "account": "other",
    "scope": Scope(),
    "issued_at_ms": ARM.issued_at_ms + 1,
    "expires_at_ms": ARM.expires_at_ms + 1,
    "plan_hash": "0a",
}


def test_the_bytes_are_what_they_were() -> None:
    assert signed_bytes(ARM) == (
        b'["flatguard.arm.v1","flatten.arm_requested.v1","arm-20260128T033759Z-5f3a9c01","main","testnet",'
        b'["ETHUSDT","BTCUSDT"],"","alice","runaway governor",1769571479123,1769571539123]'
    )


def test_what_is_not_ascii_is_escaped_as_json_does_it() -> None:
    told = signed_bytes(replace(ARM, reason='é"\n\u2028'))

    assert rb'"\u00e9\"\n\u2028"' in told
    assert told.isascii()


@pytest.mark.parametrize("field", CHANGES)
def test_every_field_is_signed(field: str) -> None:
    assert signed_bytes(replace(ARM, **{field: CHANGES[field]})) != signed_bytes(ARM)


def test_no_field_of_an_arm_is_forgotten() -> None:
    assert set(ARM.__struct_fields__) == CHANGES.keys() | NOT_SIGNED


def test_signatures_themselves_are_not_signed_so_that_an_approval_can_be_added() -> None:
    signed = replace(ARM, signatures=(Signature(key_id="0123456789abcdef", signature="x"),))

    assert signed_bytes(signed) == signed_bytes(ARM)


@given(one=events(ArmRequested), other=events(ArmRequested))
def test_two_different_arms_never_share_their_bytes(one: ArmRequested, other: ArmRequested) -> None:
    same = replace(one, signatures=()) == replace(other, signatures=())

    assert (signed_bytes(one) == signed_bytes(other)) is same


@given(arm=events(ArmRequested), at=st.integers(1, 9), moved=st.integers(1, 9))
def test_text_cannot_move_from_one_field_into_the_next(arm: ArmRequested, at: int, moved: int) -> None:
    row = [arm.arm_id, arm.account, arm.operator, arm.reason]
    joined = "".join(row)
    cut = replace(arm, arm_id=joined[:at], account=joined[at : at + moved], operator=joined[at + moved :], reason="")
    same = [cut.arm_id, cut.account, cut.operator, cut.reason] == row

    assert (signed_bytes(cut) == signed_bytes(arm)) is same


@given(arm=events(ArmRequested))
def test_the_wire_changes_nothing(arm: ArmRequested) -> None:
    fields = codec.encode(arm, source="/test", subject="main", event_id="1", time_ms=1, traceparent=None)
    read = codec.decode(fields).event

    assert isinstance(read, ArmRequested)
    assert signed_bytes(read) == signed_bytes(arm)
    assert json.loads(signed_bytes(arm))[-2:] == [arm.issued_at_ms, arm.expires_at_ms]
