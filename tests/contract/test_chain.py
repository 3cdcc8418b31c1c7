"""The audit chain's arithmetic, to the byte: what stands in somebody's stream must be verified for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import codec
from contracts.chain import Head, beginning, chained, digest_of, read_head
from contracts.flattening import FlattenCompleted
from support.event_samples import EVENT_SAMPLES

FIELDS = ["specversion", "1.0", "id", "req-1:accepted", "data", '{"größe":1}']
# Worked out with sha256sum and sha1sum.
DIGEST = "6cd0f552793e9169c625e7c5cd1728022ad80e3bab618c19d422a358a6d262b1"


def test_the_digest_and_the_links_are_these() -> None:
    first = beginning("quantum:gov:testnet:stream:flatten.audit")
    digest = digest_of(text.encode() for text in FIELDS)
    second = first.after("1769571479123-0", digest)

    assert digest == DIGEST
    assert str(first) == "0:1026780b003e1e117241434c18f6c5589578a928"
    assert str(second) == "1:159dae8c2f3b16327417fbfe3714c39ed9d02972"


def test_a_script_gets_the_digest_the_number_of_texts_and_the_texts() -> None:
    assert chained(FIELDS) == [DIGEST, 6, *FIELDS]


@given(st.lists(st.binary(max_size=6), max_size=4), st.lists(st.binary(max_size=6), max_size=4))
def test_other_texts_have_another_digest_wherever_they_are_cut(one: list[bytes], other: list[bytes]) -> None:
    assert (digest_of(one) == digest_of(other)) == (one == other)


@pytest.mark.parametrize(
    "text", ["", "17", "17:", "17:abc", f"-1:{'a' * 40}", f"01:{'a' * 40}", f"1:{'A' * 40}", f"1:{'a' * 40}\n"]
)
def test_what_is_no_head_is_not_read_as_one(text: str) -> None:
    assert read_head(text) is None


def test_a_head_is_read_as_it_was_written() -> None:
    head = Head(17, "ab" * 20)

    assert read_head(str(head)) == head


def test_a_verdict_has_one_place_for_the_head_whatever_its_texts_say() -> None:
    sample = EVENT_SAMPLES["flatten.completed.v1"]
    assert isinstance(sample, FlattenCompleted)
    tricky = codec.to_json(sample).replace('"rounds":', '"abort_reason":"\\"audit_head\\":\\"\\"","rounds":')

    before, after = codec.around(tricky, "audit_head")

    assert before.endswith('"audit_head":"')
    assert f"{before}17:ab{after}" == tricky.replace('"audit_head":""', '"audit_head":"17:ab"')
