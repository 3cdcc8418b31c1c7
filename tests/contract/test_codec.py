"""What a reader takes and what it refuses, for every event. A refusal names the field (I13)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import codec
from contracts.arming import ArmRequested
from contracts.base import Event
from contracts.codec import UndecodableEntry
from contracts.streams import EVENTS
from support.event_samples import EVENT_SAMPLES
from support.event_strategies import decimal_fields, events, required_fields


def entry(event_type: str, **changes: str) -> dict[str, str]:
    event = EVENT_SAMPLES[event_type]
    fields = codec.encode(event, source="/test", subject="main", event_id="1", time_ms=1, traceparent=None)
    return {**fields, **changes}


def with_data(event_type: str, **changes: Any) -> dict[str, str]:
    fields = entry(event_type)
    return {**fields, "data": json.dumps({**json.loads(fields["data"]), **changes})}


EVERY_DECIMAL = [(name, field) for name, event in EVENTS.items() for field in decimal_fields(event)]
EVERY_REQUIRED = [(name, field) for name, event in EVENTS.items() for field in required_fields(event)]


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
@given(data=st.data())
def test_every_event_survives_the_wire(event: type[Event], data: st.DataObject) -> None:
    told = data.draw(events(event))

    fields = codec.encode(told, source="/test", subject="main", event_id="1", time_ms=1, traceparent=None)
    read = codec.decode(fields).event

    assert read == told
    assert codec.to_json(read) == fields["data"]


@pytest.mark.parametrize("event_type", EVENTS)
def test_unknown_fields_and_attributes_are_ignored(event_type: str) -> None:
    fields = with_data(event_type, added_in_2031={"nested": [1, 2]}, another="x") | {"dataschema": "urn:x", "k": "v"}

    assert codec.decode(fields).event == EVENT_SAMPLES[event_type]


@pytest.mark.parametrize(("event_type", "field"), EVERY_REQUIRED)
def test_a_missing_field_is_named(event_type: str, field: str) -> None:
    fields = entry(event_type)
    data = json.loads(fields["data"])
    del data[field]

    with pytest.raises(UndecodableEntry, match=rf"^{event_type}: .*\b{field}\b"):
        codec.decode({**fields, "data": json.dumps(data)})


@pytest.mark.parametrize(("event_type", "field"), EVERY_REQUIRED)
def test_a_field_of_the_wrong_type_is_named(event_type: str, field: str) -> None:
    with pytest.raises(UndecodableEntry, match=rf"^{event_type}: .*\b{field}\b"):
        codec.decode(with_data(event_type, **{field: [[]]}))


@pytest.mark.parametrize("word", ["NaN", "-NaN", "sNaN", "Infinity", "-Infinity", "1e61", "1e-999999999"])
@pytest.mark.parametrize(("event_type", "field"), EVERY_DECIMAL)
def test_a_number_that_is_none_is_refused_and_named(event_type: str, field: str, word: str) -> None:
    value = {"ETHUSDT": word} if field == "marks" else word

    with pytest.raises(UndecodableEntry, match=rf"^{event_type}: .*\b{field}\b"):
        codec.decode(with_data(event_type, **{field: value}))


@pytest.mark.parametrize(
    ("event_type", "outer", "inner"),
    [
        ("position.snapshot.v1", "positions", "quantity"),
        ("position.snapshot.v1", "positions", "entry_price"),
        ("position.snapshot.v1", "positions", "mark_price"),
        ("flatten.completed.v1", "outcomes", "quantity_before"),
        ("flatten.completed.v1", "outcomes", "quantity_after"),
        ("flatten.completed.v1", "outcomes", "filled_quantity"),
        ("flatten.completed.v1", "residual", "quantity"),
        ("flatten.completed.v1", "residual", "notional_usd"),
        ("flatten.requested.v1", "breaches", "position_usd"),
        ("flatten.requested.v1", "breaches", "ratio"),
    ],
)
@pytest.mark.parametrize("word", ["NaN", "Infinity", "twelve"])
def test_a_bad_number_inside_a_list_is_named(event_type: str, outer: str, inner: str, word: str) -> None:
    rows = json.loads(entry(event_type)["data"])[outer]
    rows[0][inner] = word

    with pytest.raises(UndecodableEntry, match=rf"\b{inner}\b") as refusal:
        codec.decode(with_data(event_type, **{outer: rows}))
    assert f"$.{outer}[" in str(refusal.value)


@pytest.mark.parametrize("attribute", ["specversion", "id", "source", "type", "time", "data"])
def test_a_missing_attribute_is_named(attribute: str) -> None:
    fields = entry("flatten.arm_requested.v1")
    del fields[attribute]

    with pytest.raises(UndecodableEntry, match=rf"^no {attribute} in the entry$"):
        codec.decode(fields)


@pytest.mark.parametrize("version", ["", "0.3", "1", "1.0.0", "2.0", "x" * 1000])
def test_another_specversion_is_refused(version: str) -> None:
    with pytest.raises(UndecodableEntry, match=r"^specversion is '.{0,20}', not 1\.0$"):
        codec.decode(entry("flatten.arm_requested.v1", specversion=version))


@pytest.mark.parametrize("event_type", ["", "flatten.arm_requested", "flatten.arm_requested.v2", "nonsense"])
def test_an_unknown_type_is_refused(event_type: str) -> None:
    with pytest.raises(UndecodableEntry, match=rf"^unknown event type '{event_type}'$"):
        codec.decode(entry("flatten.arm_requested.v1", type=event_type))


def test_data_of_another_type_than_the_envelope_says_is_refused() -> None:
    with pytest.raises(UndecodableEntry, match=r"Invalid value 'flatten.arm_requested.v1' - at `\$.type`"):
        codec.decode(entry("flatten.arm_requested.v1", type="flatten.requested.v1"))


@pytest.mark.parametrize("data", ["", "{", "[]", "null", '"text"', "{} {}", '{"arm_id": "a"'])
def test_data_that_is_no_document_is_refused(data: str) -> None:
    with pytest.raises(UndecodableEntry, match=r"^flatten\.arm_requested\.v1: "):
        codec.decode(entry("flatten.arm_requested.v1", data=data))


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(UndecodableEntry, match="not UTF-8"):
        codec.decode({name.encode(): b"\xff\xfe" for name in entry("flatten.arm_requested.v1")})


def test_a_decimal_sent_as_a_json_number_keeps_its_digits() -> None:
    fields = entry("order.resolved.v1")
    text = fields["data"].replace('"filled_quantity":"9.100"', '"filled_quantity":9.100')
    assert text != fields["data"]

    assert codec.decode({**fields, "data": text}).event == EVENT_SAMPLES["order.resolved.v1"]


def test_the_envelope_tells_time_in_utc_with_milliseconds() -> None:
    assert codec.rfc3339(0) == "1970-01-01T00:00:00.000Z"
    assert codec.rfc3339(1_769_571_479_009) == "2026-01-28T03:37:59.009Z"


def test_an_entry_outside_of_any_trace_has_no_traceparent() -> None:
    assert "traceparent" not in entry(ArmRequested.event_type())
