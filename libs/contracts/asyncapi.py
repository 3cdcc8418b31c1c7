"""The AsyncAPI 3 document: streams as channels, what each program sends and receives, and the entries' envelopes."""

from collections.abc import Sequence
from typing import Any

import msgspec

from contracts import docstrings
from contracts.base import Event
from contracts.chain import FIELD
from contracts.codec import CONTENT_TYPE, SPEC_VERSION
from contracts.streams import DEFAULT_NAMESPACE, EVENTS, STREAMS, Stream

ASYNCAPI_VERSION = "3.0.0"
DOCUMENT_VERSION = "1.1.0"
"""Of the events, not of the software: a new event or field raises the second number, a new type version the first."""
SCHEMAS = "schemas"
"""Where the events' JSON Schemas are, beside the document."""
DEAD_LETTER = "dead.letter"

_DEAD_LETTER_FIELDS = {
    "dead_stream": "The key of the stream that the entry was in.",
    "dead_entry_id": "Its id there.",
    "dead_group": "The consumer group that could not handle it.",
    "dead_consumer": "The consumer that put it here.",
    "dead_error": "Why it can never be handled.",
    "dead_deliveries": "How often it had been delivered, as text.",
    "dead_at_ms": "Unix milliseconds, as text.",
    "dead_fields_dropped": "How many further fields the entry had; absent when none.",
}

Json = dict[str, Any]


def document() -> Json:
    """The whole document, ready for JSON."""
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "info": {
            "title": "Flatguard",
            "version": DOCUMENT_VERSION,
            "description": (
                "Events over Redis Streams. One entry carries one event: its fields are CloudEvents 1.0 attributes, "
                "`traceparent`, and `data`, a JSON document. Decimals travel as strings. Readers ignore unknown "
                "fields; a changed meaning is a new version of the type. Generated from the code; do not edit."
            ),
            "license": {"name": "MIT"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "redis": {"host": "127.0.0.1:6379", "protocol": "redis", "description": "Redis 7 or later: `REDIS_URL`."}
        },
        "channels": {stream.name: _channel(stream) for stream in STREAMS},
        "operations": {key: value for stream in STREAMS for key, value in _operations(stream).items()},
        "components": {
            "messages": {**{name: _message(event) for name, event in EVENTS.items()}, DEAD_LETTER: _dead_letter()},
            "schemas": {"envelope": _envelope()},
            "parameters": {
                "namespace": {
                    "description": "One account in one environment: `FLATTEN_NAMESPACE`.",
                    "default": DEFAULT_NAMESPACE,
                    "examples": [DEFAULT_NAMESPACE, "quantum:gov:{testnet}"],
                }
            },
        },
    }


def _names(stream: Stream) -> Sequence[str]:
    return [event.event_type() for event in stream.events] or [DEAD_LETTER]


def _channel(stream: Stream) -> Json:
    channel = {
        "address": f"{{namespace}}:stream:{stream.name}",
        "description": stream.about,
        "parameters": {"namespace": {"$ref": "#/components/parameters/namespace"}},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _names(stream)},
    }
    return channel | ({"x-consumer-group": stream.group} if stream.group else {})


def _operations(stream: Stream) -> Json:
    """One for each program and stream. In a stream with several writers each may send any of its messages."""
    roles = [(writer, "send") for writer in stream.writers] + [(reader, "receive") for reader in stream.readers]
    return {
        f"{program}.{action}.{stream.name}": {
            "action": action,
            "channel": {"$ref": f"#/channels/{stream.name}"},
            "summary": f"{program} {'writes' if action == 'send' else 'reads'} {stream.name}.",
            "tags": [{"name": program}],
            "messages": [{"$ref": f"#/channels/{stream.name}/messages/{name}"} for name in _names(stream)],
        }
        for program, action in roles
    }


def _message(event: type[Event]) -> Json:
    name = event.event_type()
    fields = {field.name for field in msgspec.structs.fields(event)}
    key = next(
        (field for field in ("drill_id", "request_id", "arm_id", "snapshot_id", "letter_id") if field in fields), None
    )
    message = {
        "name": name,
        "title": event.__name__,
        "summary": docstrings.summary(event),
        "contentType": CONTENT_TYPE,
        "headers": {
            "allOf": [
                {"$ref": "#/components/schemas/envelope"},
                {"type": "object", "properties": {"type": {"const": name}}},
            ]
        },
        "payload": {"$ref": f"{SCHEMAS}/{name}.json"},
    }
    return message | ({"correlationId": {"location": f"$message.payload#/{key}"}} if key else {})


def _envelope() -> Json:
    """Every field of an entry but `data`."""
    texts: Json = {
        "specversion": {"const": SPEC_VERSION},
        "id": {"description": "Names the fact: the same fact told twice has the same id."},
        "source": {"description": "Which program said it, e.g. `/flatguard/governor`."},
        "type": {"description": "The event's type and version."},
        "time": {"format": "date-time", "description": "RFC 3339, UTC, milliseconds."},
        "subject": {"description": "The account."},
        "datacontenttype": {"const": CONTENT_TYPE},
        "traceparent": {
            "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
            "description": "W3C trace context of the span that published the event.",
        },
        FIELD: {
            "pattern": "^[0-9]+:[0-9a-f]{40}$",
            "description": "In the audit stream: where its chain stood before the entry (`contracts.chain`).",
        },
    }
    return {
        "title": "CloudEvents attributes",
        "description": "The fields of the entry besides `data`, which is the payload.",
        "type": "object",
        "properties": {name: {"type": "string", **rest} for name, rest in texts.items()},
        "required": [name for name in texts if name not in {"traceparent", FIELD}],
    }


def _dead_letter() -> Json:
    return {
        "name": DEAD_LETTER,
        "title": "DeadLetter",
        "summary": "The fields of an entry that can never be handled, as they were, followed by these.",
        "contentType": "application/octet-stream",
        "payload": {
            "type": "object",
            "properties": {name: {"type": "string", "description": text} for name, text in _DEAD_LETTER_FIELDS.items()},
            "required": [name for name in _DEAD_LETTER_FIELDS if name != "dead_fields_dropped"],
        },
    }
