"""Keys, signatures and what is neither."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from authority.keys import KeyMistake, Signer, key_id_of, public_key_from, public_key_text, verifies
from contracts.statements import signed_bytes
from support.arms import an_arm
from support.people import ALICE, ALICES_SECRET, BOB

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
TEST_1 = Signer(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
)))  # fmt: skip
"""RFC 8032, section 7.1, TEST 1."""


def test_the_published_key_is_the_published_key_and_signature_i2() -> None:
    public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )

    assert TEST_1.public_key.hex() == public
    assert TEST_1.key_id == hashlib.sha256(bytes.fromhex(public)).hexdigest()[:16]
    assert verifies(TEST_1.public_key, base64.urlsafe_b64encode(signature).decode().rstrip("="), b"")


def test_what_a_key_signs_verifies_by_it_and_by_no_other() -> None:
    arm = an_arm()

    (signature,) = ALICE.sign(arm).signatures

    assert signature.key_id == ALICE.key_id == key_id_of(ALICE.public_key)
    assert verifies(ALICE.public_key, signature.signature, signed_bytes(arm))
    assert not verifies(BOB.public_key, signature.signature, signed_bytes(arm))
    assert not verifies(ALICE.public_key, signature.signature, signed_bytes(replace(arm, reason="drilL")))


def test_an_approval_stands_behind_the_first_signature() -> None:
    assert [s.key_id for s in BOB.sign(ALICE.sign(an_arm())).signatures] == [ALICE.key_id, BOB.key_id]


@given(text=st.text(max_size=120))
def test_what_is_no_signature_verifies_nothing_and_crashes_nothing(text: str) -> None:
    assert not verifies(ALICE.public_key, text, signed_bytes(an_arm()))


@given(position=st.integers(0, 511))
def test_a_signature_with_one_bit_changed_verifies_nothing_i2(position: int) -> None:
    arm = an_arm()
    raw = bytearray(base64.urlsafe_b64decode(ALICE.sign(arm).signatures[0].signature + "=="))
    raw[position // 8] ^= 1 << position % 8

    assert not verifies(ALICE.public_key, base64.urlsafe_b64encode(raw).decode().rstrip("="), signed_bytes(arm))


def test_a_public_key_is_read_as_it_is_written() -> None:
    assert public_key_from(public_key_text(ALICE.public_key)) == ALICE.public_key


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has 0 bytes"),
        ("not base64!", "is not base64"),
        ("é", "is not base64"),
        (base64.b64encode(bytes(31)).decode(), "has 31 bytes"),
        (base64.b64encode(bytes(32)).decode(), "anybody can sign"),
        (base64.b64encode(b"\x01" + bytes(31)).decode(), "anybody can sign"),
    ],
)
def test_what_is_no_key_is_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(KeyMistake, match=words):
        public_key_from(text)


def test_every_key_of_small_order_is_refused_in_every_writing_i2() -> None:
    points = small_order_points()
    assert len(points) == 8

    for x, y in points:
        for written in {y, y + P} if y + P < 2**255 else {y}:
            for sign in (x & 1, 1 - (x & 1)):
                raw = (written | sign << 255).to_bytes(32, "little")
                with pytest.raises(KeyMistake, match="anybody can sign"):
                    public_key_from(base64.b64encode(raw).decode())


def test_a_signer_shows_nothing_of_its_key_i18() -> None:
    assert ALICES_SECRET.hex() not in f"{ALICE!r} {ALICE}"
    assert base64.b64encode(ALICES_SECRET).decode() not in f"{ALICE!r} {ALICE}"


def small_order_points() -> list[tuple[int, int]]:
    """All multiples of a point of order eight: any point of the curve times the prime order of the main group."""
    order = 2**252 + 27742317777372353535851937790883648493
    for y in range(2, 100):
        x = x_of(y)
        if x is None:
            continue
        torsion = times(order, (x, y))
        multiples = {times(n, torsion) for n in range(8)}
        if len(multiples) == 8:
            return sorted(multiples)
    raise AssertionError("no point of order eight was found")


def x_of(y: int) -> int | None:
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    root = pow(square, (P + 3) // 8, P)
    if root * root % P != square:
        root = root * pow(2, (P - 1) // 4, P) % P
    return root if root * root % P == square else None


def times(factor: int, point: tuple[int, int]) -> tuple[int, int]:
    result, step = (0, 1), point
    while factor:
        if factor & 1:
            result = added(result, step)
        step, factor = added(step, step), factor >> 1
    return result


def added(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    (x1, y1), (x2, y2) = one, other
    both = D * x1 * x2 * y1 * y2 % P
    return ((x1 * y2 + x2 * y1) * pow(1 + both, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - both, -1, P) % P)
