"""Counts that do not add up cannot exist, neither made nor read (I8)."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from contracts import codec
from contracts.codec import UndecodableEntry
from contracts.flattening import Counts
from support.event_samples import EVENT_SAMPLES
from support.event_strategies import counts

GOOD = Counts(
    seen=674, zero=630, nonzero=44, filtered=44, sent=44, ok=44, orders_sent=46, orders_ok=46, resting_cancelled=2
)
IN_SUMS = sorted(set(asdict(GOOD)) - {"resting_cancelled"})


@given(counts())
def test_a_funnel_only_narrows(good: Counts) -> None:
    assert good.seen >= good.nonzero >= good.filtered >= good.sent >= good.ok >= 0
    assert good.orders_sent >= good.orders_ok


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"seen": 675}, "seen = zero + unreadable + nonzero"),
        ({"unreadable": 1}, "seen = zero + unreadable + nonzero"),
        ({"filtered": 43, "sent": 43, "ok": 43}, "nonzero = filtered + dust"),
        ({"dust": 1}, "nonzero = filtered + dust"),
        ({"sent": 45}, "filtered >= sent >= ok >= 0"),
        ({"ok": 45}, "filtered >= sent >= ok >= 0"),
        ({"ok": -1}, "filtered >= sent >= ok >= 0"),
        ({"orders_sent": 47}, "orders_sent = orders_ok"),
        ({"errors": 1}, "orders_sent = orders_ok"),
        ({"zero": 631, "unreadable": -1}, "no negative count"),
        ({"filtered": 45, "below_step": -1}, "no negative count"),
        ({"resting_cancelled": -1}, "no negative count"),
    ],
)
def test_a_broken_sum_is_named(change: dict[str, int], rule: str) -> None:
    with pytest.raises(ValueError, match=f"^counts do not add up: .*{rule.replace('+', '[+]')}"):
        replace(GOOD, **change)


@given(good=counts(), name=st.sampled_from(IN_SUMS), wrong=st.integers(-5, 5_000))
def test_one_count_that_is_wrong_alone_is_always_found(good: Counts, name: str, wrong: int) -> None:
    right = getattr(good, name)
    # Between its neighbours in the funnel, `sent` and `ok` are bounded, not determined.
    assume(wrong != right and name not in {"sent", "ok"})

    with pytest.raises(ValueError, match=r"^counts do not add up"):
        replace(good, **{name: wrong})


@pytest.mark.parametrize("event_type", ["flatten.completed.v1", "run.finished.v1"])
def test_an_event_whose_counts_do_not_add_up_is_not_read(event_type: str) -> None:
    event = EVENT_SAMPLES[event_type]
    fields = codec.encode(event, source="/test", subject="main", event_id="1", time_ms=1, traceparent=None)
    data = json.loads(fields["data"])
    data["counts"]["ok"] = data["counts"]["sent"] + 1

    with pytest.raises(
        UndecodableEntry, match=r"counts do not add up: filtered >= sent >= ok >= 0 fails .* `\$.counts`"
    ):
        codec.decode({**fields, "data": json.dumps(data)})
