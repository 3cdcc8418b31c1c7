"""The record of an arm, and the request that it becomes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.arming import request_id_of
from governor.core.record import ArmOutcome, ArmRecord, read_record, write_record

words = st.text(max_size=30)
namespaces = st.from_regex(r"[!-~]{1,20}", fullmatch=True)


@given(namespaces, words, namespaces, words)
def test_i1_one_arm_of_one_namespace_has_one_request_and_no_other_has_it(
    namespace: str, arm_id: str, other_namespace: str, other_arm_id: str
) -> None:
    one, other = request_id_of(namespace, arm_id), request_id_of(other_namespace, other_arm_id)

    assert re.fullmatch(r"req-[0-9a-f]{20}", one)
    assert (one == other) == ((namespace, arm_id) == (other_namespace, other_arm_id))


def test_i16_the_request_s_id_never_changes_between_versions() -> None:
    assert request_id_of("quantum:gov:testnet", "arm-1") == "req-37c611d2cce94e2e49fe"


@given(st.builds(ArmRecord, outcome=st.sampled_from(ArmOutcome), request_id=words, entry_id=words))
def test_a_record_survives_the_wire(record: ArmRecord) -> None:
    assert read_record(write_record(record)) == record


@pytest.mark.parametrize("text", ["", "{", "1", '"fired"', "{}", '{"outcome":"perhaps"}', '{"outcome":1}'])
def test_i1_whatever_is_on_record_the_arm_counts_as_judged(text: str) -> None:
    record = read_record(text)

    assert record.outcome is ArmOutcome.UNREADABLE
    assert record.judged


def test_only_a_disarm_that_came_first_leaves_the_arm_to_be_judged() -> None:
    judged = {outcome: ArmRecord(outcome=outcome).judged for outcome in ArmOutcome}

    assert judged == {
        ArmOutcome.FIRED: True,
        ArmOutcome.REFUSED: True,
        ArmOutcome.DISARMED: False,
        ArmOutcome.UNREADABLE: True,
    }
    assert ArmRecord(outcome=ArmOutcome.DISARMED, entry_id="1-1").judged
