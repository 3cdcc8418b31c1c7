"""Poison: what can never be handled is kept as it was, once, and does not hold up the rest."""

from typing import Any

import msgspec
import pytest

from contracts import codec
from runtime.errors import DeadLetterLimitError, PoisonError
from runtime.group import Group
from runtime.redis_client import raw
from support.proxy import FaultyProxy
from support.streaming import FAST, GROUP, Workshop, disarm, eventually

ENVELOPE = ("specversion", "1.0", "id", "x", "source", "/t", "time", "2026-01-28T03:37:59.123Z", "subject", "main")
TYPE = "flatten.disarm_requested.v1"

POISON = {
    "not an event at all": ("hello", "world"),
    "not UTF-8": (*ENVELOPE, "type", TYPE, "data", b"\xff\xfe"),
    "an unknown type": (*ENVELOPE, "type", "flatten.unheard_of.v9", "data", "{}"),
    "not JSON": (*ENVELOPE, "type", TYPE, "data", "{"),
    "a missing field": (*ENVELOPE, "type", TYPE, "data", '{"type":"flatten.disarm_requested.v1"}'),
    "a wrong field": (*ENVELOPE, "type", TYPE, "data", '{"type":"flatten.disarm_requested.v1","arm_id":7}'),
    "nested without end": (*ENVELOPE, "type", TYPE, "data", '{"x":' + "[" * 100_000),
    "another version of the envelope": ("specversion", "2.0", *ENVELOPE[2:], "type", TYPE, "data", "{}"),
    "an event of another stream": (
        *(
            text
            for pair in codec.encode(
                disarm("a"), source="/t", subject="main", event_id="e", time_ms=1, traceparent=None
            ).items()
            if pair[0] not in ("type", "data")
            for text in pair
        ),
        "type",
        "arm.disarmed.v1",
        "data",
        '{"type":"arm.disarmed.v1","arm_id":"a","operator":"o","reason":"r","first_outcome":"","disarmed_at_ms":1}',
    ),
}


@pytest.mark.parametrize("fields", POISON.values(), ids=POISON.keys())
async def test_an_entry_that_nobody_can_read_is_dead_lettered_as_it_was(
    workshop: Workshop, fields: tuple[bytes | str, ...]
) -> None:
    entry_id = await workshop.say_raw(*fields)
    await workshop.say("next")

    async with workshop.running():
        await workshop.until_done(1)

    (letter,) = await workshop.dead_letters()
    original = {_bytes(name): _bytes(value) for name, value in zip(fields[::2], fields[1::2], strict=True)}
    assert {name: value for name, value in letter.items() if not name.startswith(b"dead_")} == original
    assert letter[b"dead_stream"] == workshop.stream.encode()
    assert letter[b"dead_entry_id"] == entry_id.encode()
    assert letter[b"dead_group"] == GROUP.encode()
    assert letter[b"dead_consumer"] == b"one"
    assert letter[b"dead_deliveries"] == b"1"
    assert letter[b"dead_error"]
    assert int(letter[b"dead_at_ms"]) > 1_700_000_000_000
    assert await workshop.pending() == 0


async def test_repeated_field_names_are_kept(workshop: Workshop) -> None:
    await workshop.say_raw("type", "a", "type", "b")
    await workshop.say("next")

    async with workshop.running():
        await workshop.until_done(1)

    ((_, fields),) = await raw(workshop.redis, "XRANGE", workshop.dead, "-", "+")
    assert fields[:4] == [b"type", b"a", b"type", b"b"]


async def test_an_entry_with_very_many_fields_does_not_stop_the_stream(workshop: Workshop) -> None:
    await workshop.say_raw(*(str(number) for number in range(20_000)))
    await workshop.say("next")

    async with workshop.running():
        await workshop.until_done(1)

    (letter,) = await workshop.dead_letters()
    assert letter[b"dead_fields_dropped"] == b"9000"


async def test_poison_that_a_handler_recognises_is_dead_lettered_with_its_reason(workshop: Workshop) -> None:
    async def body(entry: Any) -> None:
        if entry.event.arm_id == "poison":
            raise PoisonError("no such account")

    workshop.body = body
    await workshop.say("poison", "good")
    async with workshop.running():
        await workshop.until_done(1)

    (letter,) = await workshop.dead_letters()
    assert letter[b"dead_error"] == b"no such account"
    assert await workshop.effects() == {"good": 1}
    assert await workshop.pending() == 0


async def test_poison_is_dead_lettered_once_even_when_the_answer_to_that_is_lost(workshop: Workshop) -> None:
    async with FaultyProxy(workshop.url) as proxy, workshop.running(url=proxy.url):
        await workshop.say("warm-up")
        await workshop.say_raw("warm", "up")
        await workshop.say("ready")
        await workshop.until_done(2)
        for number in range(5):
            proxy.drop_next_reply(b"dead_entry_id")
            await workshop.say_raw("poison", str(number))
            await proxy.dropped.wait()
        await workshop.say("last")
        await workshop.until_done(3)

    assert [letter.get(b"poison") for letter in await workshop.dead_letters()] == [None, b"0", b"1", b"2", b"3", b"4"]
    assert await workshop.pending() == 0


async def test_an_entry_that_another_consumer_took_over_is_not_dead_lettered_by_us(workshop: Workshop) -> None:
    entry_id = await workshop.say_raw("poison", "1")
    await workshop.read_as("other")
    group = Group(redis=workshop.redis, reader=workshop.redis, stream_key=workshop.stream, group=GROUP, consumer="one")

    buried = await group.bury(workshop.dead, entry_id, ["poison", "1"])

    assert buried is False
    assert await workshop.dead_letters() == []
    assert await workshop.pending() == 1


async def test_poison_that_cannot_be_buried_stays_pending_and_holds_up_nothing(workshop: Workshop) -> None:
    await raw(workshop.redis, "SET", workshop.dead, "not a stream")
    await workshop.say_raw("poison", "1")
    await workshop.say("good")

    async with workshop.running() as (consumer, _):
        await workshop.until_done(1)
        await eventually(lambda: _was_put_off(workshop), "burying was tried and put off")
        assert consumer.ready
        assert await workshop.pending() == 1
        assert await raw(workshop.redis, "GET", workshop.dead) == b"not a stream"

        await raw(workshop.redis, "DEL", workshop.dead)
        await eventually(lambda: _nothing_is_pending(workshop), "the poison is buried")

    (letter,) = await workshop.dead_letters()
    assert letter[b"poison"] == b"1"


async def test_too_much_poison_stops_the_service_with_the_rest_pending(workshop: Workshop) -> None:
    for number in range(6):
        await workshop.say_raw("poison", str(number))

    with pytest.raises(DeadLetterLimitError, match="more than 3 dead letters within 60s"):
        await workshop.run_to_its_end(settings=msgspec.structs.replace(FAST, dead_letters_max=3))

    assert len(await workshop.dead_letters()) == 3


async def _was_put_off(workshop: Workshop) -> bool:
    labels = {"stream": "flatten.arm", "outcome": "retried"}
    return (workshop.metrics.registry.get_sample_value("flatguard_entries_total", labels) or 0) >= 2


async def _nothing_is_pending(workshop: Workshop) -> bool:
    return await workshop.pending() == 0


def _bytes(text: bytes | str) -> bytes:
    return text.encode() if isinstance(text, str) else text
