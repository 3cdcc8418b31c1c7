"""Streams and keys: exact strings, because other programs and people at a prompt rely on them."""

import pytest

from contracts.arming import ArmRequested, DisarmRequested, FlattenRequested
from contracts.base import Event
from contracts.dead_letters import DeadLetterSettled
from contracts.drills import DrillCompleted
from contracts.flattening import FlattenCompleted
from contracts.positions import AllocationStateChanged, PositionSnapshot
from contracts.streams import (
    ACTIVE_TTL_S,
    ARM_TTL_S,
    DEFAULT_ALLOCATION_PREFIX,
    DEFAULT_NAMESPACE,
    DEFAULT_POSITIONS_PREFIX,
    EVENTS,
    EXECUTOR_GROUP,
    GOVERNOR_GROUP,
    STREAMS,
    Keys,
    Stream,
)

PROGRAMS = {"position-oracle", "governor", "flatten-executor", "notifier", "operator"}
STREAM_OF = {
    "position.snapshot.v1": "position.snapshot",
    "allocation.state_changed.v1": "allocation.checked",
    "flatten.arm_requested.v1": "flatten.arm",
    "flatten.disarm_requested.v1": "flatten.arm",
    "flatten.abort_requested.v1": "flatten.abort",
    "flatten.requested.v1": "flatten.requested",
    "flatten.completed.v1": "flatten.completed",
    "arm.accepted.v1": "flatten.audit",
    "arm.refused.v1": "flatten.audit",
    "arm.awaiting_approval.v1": "flatten.audit",
    "arm.repeated.v1": "flatten.audit",
    "arm.disarmed.v1": "flatten.audit",
    "run.started.v1": "flatten.audit",
    "order.intended.v1": "flatten.audit",
    "order.resolved.v1": "flatten.audit",
    "resting.cancelled.v1": "flatten.audit",
    "run.verified.v1": "flatten.audit",
    "run.finished.v1": "flatten.audit",
    "dead.settled.v1": "dead.settled",
    "drill.started.v1": "drill",
    "drill.completed.v1": "drill",
}


def test_the_keys_are_the_documented_strings() -> None:
    keys = Keys("quantum:gov:testnet")

    assert keys.arm == "quantum:gov:testnet:flatten:arm"
    assert keys.last_ts == "quantum:gov:testnet:flatten:last_ts"
    assert keys.fired == "quantum:gov:testnet:flatten:fired"
    assert keys.active == "quantum:gov:testnet:flatten:active"
    assert keys.audit_head == "quantum:gov:testnet:flatten:audit_head"
    assert keys.drill("drill-1").arm == "quantum:gov:testnet:drill:drill-1:flatten:arm"
    assert keys.run("req-1") == "quantum:gov:testnet:run:req-1"
    assert keys.notifier_holder == "quantum:gov:testnet:notifier:holder"
    assert keys.notifier_places == "quantum:gov:testnet:notifier:places"


def test_the_stream_keys_are_the_documented_strings() -> None:
    keys = Keys(DEFAULT_NAMESPACE)

    assert [keys.stream(stream.name) for stream in STREAMS] == [
        "quantum:gov:testnet:stream:position.snapshot",
        "quantum:gov:testnet:stream:allocation.checked",
        "quantum:gov:testnet:stream:flatten.arm",
        "quantum:gov:testnet:stream:flatten.abort",
        "quantum:gov:testnet:stream:flatten.requested",
        "quantum:gov:testnet:stream:flatten.completed",
        "quantum:gov:testnet:stream:flatten.audit",
        "quantum:gov:testnet:stream:dead",
        "quantum:gov:testnet:stream:dead.settled",
        "quantum:gov:testnet:stream:drill",
    ]


def test_the_defaults_are_the_documented_ones() -> None:
    assert DEFAULT_NAMESPACE == "quantum:gov:testnet"
    assert DEFAULT_ALLOCATION_PREFIX == "quantum:allocation:target:"
    assert DEFAULT_POSITIONS_PREFIX == "quantum:positions:"
    assert (GOVERNOR_GROUP, EXECUTOR_GROUP) == ("governor", "flatten-executor")
    assert (ARM_TTL_S, ACTIVE_TTL_S) == (60, 900)


def test_a_hash_tag_keeps_every_key_in_one_slot() -> None:
    keys = Keys("quantum:gov:{testnet}")
    every = [
        keys.arm,
        keys.last_ts,
        keys.fired,
        keys.active,
        keys.audit_head,
        keys.run("r"),
        *(keys.stream(s.name) for s in STREAMS),
    ]

    assert {key[key.index("{") + 1 : key.index("}")] for key in every} == {"testnet"}


def test_every_event_travels_in_the_documented_stream() -> None:
    assert {name: event.stream for name, event in EVENTS.items()} == STREAM_OF
    assert all(name == event.event_type() for name, event in EVENTS.items())


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_every_stream_has_writers_readers_and_a_meaning(stream: Stream) -> None:
    assert stream.writers
    assert stream.readers
    assert stream.about.endswith(".")
    assert set(stream.writers) <= PROGRAMS
    assert set(stream.readers) <= PROGRAMS | {"tools", "everyone"}


def test_an_event_is_in_one_stream_only() -> None:
    listed = [event for stream in STREAMS for event in stream.events]

    assert len(listed) == len(set(listed)) == len(EVENTS)


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_the_stream_that_an_event_names_lists_it(event: type[Event]) -> None:
    assert [stream.name for stream in STREAMS if event in stream.events] == [event.stream]
    assert Keys("ns").of(event) == f"ns:stream:{event.stream}"


def test_only_commands_are_read_through_groups() -> None:
    commands = {stream.name: stream.group for stream in STREAMS if stream.group}

    assert commands == {"flatten.arm": "governor", "flatten.requested": "flatten-executor"}


def test_each_command_and_its_answer_has_its_own_writer() -> None:
    writers = {stream.name: stream.writers for stream in STREAMS}

    assert writers[ArmRequested.stream] == writers[DisarmRequested.stream] == ("operator",)
    assert writers[FlattenRequested.stream] == ("governor",)
    assert writers[FlattenCompleted.stream] == ("flatten-executor",)
    assert writers[PositionSnapshot.stream] == ("position-oracle",)
    assert writers[AllocationStateChanged.stream] == ("governor",)
    assert writers[DeadLetterSettled.stream] == ("operator",)
    assert writers[DrillCompleted.stream] == ("operator",)


def test_a_stream_that_is_not_in_the_topology_has_no_key() -> None:
    with pytest.raises(KeyError, match=r"no stream 'flatten\.armed' in the topology"):
        Keys("ns").stream("flatten.armed")


def test_every_type_names_its_version() -> None:
    assert all(name.rpartition(".")[2] == "v1" for name in EVENTS)
