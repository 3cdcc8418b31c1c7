"""Golden wire samples: what stands in somebody's stream already must be read for ever, and as it was meant."""

import json
from pathlib import Path
from typing import Any

import pytest

from contracts import codec
from contracts.streams import EVENTS
from support.event_samples import EVENT_SAMPLES

SAMPLES = {path.name.removesuffix(".json"): path for path in (Path(__file__).parent / "samples").glob("*.json")}


def fields_of(event_type: str) -> dict[str, str]:
    fields: dict[str, str] = json.loads(SAMPLES[event_type].read_text(encoding="utf-8"))
    return fields


def test_every_event_has_a_sample_and_every_sample_an_event() -> None:
    assert set(SAMPLES) == set(EVENTS) == set(EVENT_SAMPLES)


@pytest.mark.parametrize("event_type", EVENTS)
def test_a_sample_decodes_to_exactly_its_event(event_type: str) -> None:
    fields = fields_of(event_type)

    decoded = codec.decode(fields)

    assert decoded.event == EVENT_SAMPLES[event_type]
    assert type(decoded.event) is EVENTS[event_type]
    assert decoded.envelope == codec.Envelope(
        id=fields["id"],
        source=fields["source"],
        type=event_type,
        time="2026-01-28T03:37:59.123Z",
        subject="main",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )


@pytest.mark.parametrize("event_type", EVENTS)
def test_a_sample_as_redis_returns_it_in_bytes_decodes_alike(event_type: str) -> None:
    fields = fields_of(event_type)

    decoded = codec.decode({name.encode(): value.encode() for name, value in fields.items()})

    assert decoded == codec.decode(fields)


@pytest.mark.parametrize("event_type", EVENTS)
def test_a_sample_encodes_again_to_the_same_data(event_type: str) -> None:
    fields = fields_of(event_type)

    again = codec.encode(
        EVENT_SAMPLES[event_type],
        source=fields["source"],
        subject=fields["subject"],
        event_id=fields["id"],
        time_ms=1_769_571_479_123,
        traceparent=fields["traceparent"],
    )

    # A field that came later, with a default, may be more than the sample has; nothing may be less or other.
    assert_holds(json.loads(again.pop("data")), json.loads(fields.pop("data")))
    assert again == fields


@pytest.mark.parametrize("event_type", EVENTS)
def test_money_and_quantities_stand_as_text(event_type: str) -> None:
    def refuse(text: str) -> None:
        raise AssertionError(f"{text} is a float on the wire")

    json.loads(fields_of(event_type)["data"], parse_float=refuse)


def assert_holds(newer: Any, older: Any) -> None:
    if isinstance(older, dict):
        assert older.keys() <= newer.keys()
        for name, value in older.items():
            assert_holds(newer[name], value)
    elif isinstance(older, list):
        assert len(newer) == len(older)
        for one, other in zip(newer, older, strict=True):
            assert_holds(one, other)
    else:
        assert newer == older
