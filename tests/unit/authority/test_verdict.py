"""Whose signatures count, how many it takes, and that nothing which was changed passes (I2)."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from authority.verdict import LOOKED_AT_MAX, Judgement, judge
from contracts import codec
from contracts.arming import ArmRequested, Signature
from contracts.vocabulary import Environment
from support.arms import NOW_MS, an_arm
from support.event_strategies import events
from support.people import ALICE, ALICES_SECOND, BOB, EVE, an_entry, operators

ONE, TWO = Environment.SIM, Environment.LIVE
"""How many sign there."""
NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)
PEOPLE = operators()
SIGNED = ALICE.sign(an_arm())
TWICE = BOB.sign(SIGNED)


def judged(arm: ArmRequested, *entries: str, environment: Environment = ONE, now_ms: int = NOW_MS) -> Judgement:
    return judge(arm, operators(*entries) if entries else PEOPLE, environment, now_ms)


def test_one_signature_of_the_operator_is_enough_where_one_is_needed() -> None:
    found = judged(SIGNED)

    assert found.enough
    assert not found.waits
    assert found.told == "signed by alice (1 of 1)"


def test_where_two_are_needed_one_waits_and_two_are_enough() -> None:
    assert judged(SIGNED, environment=TWO).waits
    assert not judged(SIGNED, environment=TWO).enough
    assert judged(TWICE, environment=TWO).enough
    assert judged(TWICE, environment=TWO).told == "signed by alice, bob (2 of 2)"


@pytest.mark.parametrize("arm", [an_arm(), EVE.sign(an_arm()), BOB.sign(an_arm()), EVE.sign(BOB.sign(an_arm()))])
@pytest.mark.parametrize("environment", [ONE, TWO])
def test_i2_without_the_operators_own_signature_nothing_passes_or_waits(
    arm: ArmRequested, environment: Environment
) -> None:
    found = judged(arm, environment=environment)

    assert not found.enough
    assert not found.waits
    assert "not by its operator 'alice'" in found.told


def test_two_keys_of_one_person_count_once_i2() -> None:
    entries = (an_entry(ALICE, "alice"), an_entry(ALICES_SECOND, "alice"), an_entry(BOB, "bob"))

    found = judged(ALICES_SECOND.sign(SIGNED), *entries, environment=TWO)

    assert found.signed_by == ("alice",)
    assert found.waits
    assert "alice's, whose signature is there already" in found.told


def test_the_same_signature_twice_counts_once_i2() -> None:
    assert judged(ALICE.sign(SIGNED), environment=TWO).signed_by == ("alice",)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (an_entry(ALICE, "alice", revoked="true"), "was revoked"),
        (an_entry(ALICE, "alice", revoked=NOW.isoformat()), "was revoked"),
        (an_entry(ALICE, "alice", valid_from=NOW + timedelta(milliseconds=124)), "is not valid before"),
        (an_entry(ALICE, "alice", valid_until=NOW - timedelta(seconds=1)), "was valid until"),
        (an_entry(EVE, "alice"), "is not among the operators' keys"),
    ],
)
def test_i2_revoked_expired_not_yet_valid_and_wrong_keys_do_not_count(entry: str, words: str) -> None:
    found = judged(SIGNED, entry)

    assert not found.enough
    assert not found.waits
    assert words in found.told


def test_an_approval_by_a_revoked_key_leaves_the_arm_waiting_and_says_why() -> None:
    found = judged(TWICE, an_entry(ALICE, "alice"), an_entry(BOB, "bob", revoked="true"), environment=TWO)

    assert found.waits
    assert found.not_counted == (f"key {BOB.key_id!r} is bob's and was revoked",)


def test_a_signature_under_another_keys_name_does_not_count_i2() -> None:
    (made,) = EVE.sign(an_arm()).signatures

    assert not judged(replace(an_arm(), signatures=(replace(made, key_id=ALICE.key_id),))).enough


def test_not_more_than_a_bounded_number_is_looked_at() -> None:
    junk = tuple(Signature(key_id=ALICE.key_id, signature="A" * 86) for _ in range(LOOKED_AT_MAX))

    found = judged(replace(SIGNED, signatures=junk + SIGNED.signatures))

    assert not found.enough
    assert "1 more signatures were not looked at" in found.told
    assert judged(replace(SIGNED, signatures=junk[1:] + SIGNED.signatures)).enough


def test_what_is_told_holds_no_signature_i18() -> None:
    made = [signature.signature for signature in TWICE.signatures]

    told = judged(replace(TWICE, reason="changed")).told

    assert not [signature for signature in made if signature in told]


@given(data=st.data())
def test_i2_fuzz_an_arm_with_any_field_changed_never_passes(data: st.DataObject) -> None:
    other = data.draw(events(ArmRequested))
    assert isinstance(other, ArmRequested)
    field = data.draw(st.sampled_from([name for name in other.__struct_fields__ if name != "signatures"]))
    changed = replace(TWICE, **{field: getattr(other, field)})

    found = judged(changed, environment=TWO)

    assert found.enough is (changed == TWICE)
    assert not found.waits


@given(at=st.integers(0), byte=st.integers(0, 255))
def test_i2_fuzz_a_byte_of_the_envelope_changed_never_passes_what_was_not_signed(at: int, byte: int) -> None:
    raw = bytearray(codec.to_json(TWICE).encode())
    raw[at % len(raw)] = byte
    try:
        changed = msgspec.json.decode(bytes(raw), type=ArmRequested)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return

    found = judged(changed, environment=TWO)

    assert not found.enough or replace(changed, signatures=()) == replace(TWICE, signatures=())
    assert set(found.signed_by) <= {"alice", "bob"}


@given(data=st.data())
def test_i2_fuzz_any_arm_with_any_signatures_crashes_nothing_and_passes_nothing(data: st.DataObject) -> None:
    arm = data.draw(events(ArmRequested))
    assert isinstance(arm, ArmRequested)
    key_ids = st.sampled_from([ALICE.key_id, BOB.key_id, EVE.key_id]) | st.text(max_size=20)
    texts = st.text(max_size=90) | st.binary(min_size=64, max_size=64).map(encoded)
    signatures = data.draw(st.lists(st.builds(Signature, key_id=key_ids, signature=texts), max_size=12))
    forged: Any = replace(arm, operator=data.draw(st.sampled_from(["alice", "bob", "eve"])))

    found = judged(replace(forged, signatures=tuple(signatures)), environment=data.draw(st.sampled_from(Environment)))

    assert not found.enough
    assert found.signed_by == ()
    assert "\n" not in found.told


def test_a_number_too_long_to_write_signs_nothing_and_crashes_nothing() -> None:
    found = judged(replace(SIGNED, issued_at_ms=10**5_000))

    assert not found.enough
    assert "cannot be written down" in found.told


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
