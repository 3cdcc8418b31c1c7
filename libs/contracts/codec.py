"""Events to stream entries and back: CloudEvents 1.0 attributes, `traceparent`, and `data` as one JSON document."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from contracts.base import Event
from contracts.streams import EVENTS

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"

_encoder = msgspec.json.Encoder(decimal_format="string")
_decoders: dict[str, msgspec.json.Decoder[Any]] = {name: msgspec.json.Decoder(event) for name, event in EVENTS.items()}


class UndecodableEntry(ValueError):
    """The entry is not an event that this program knows; reading it again will not help."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The CloudEvents attributes of an entry."""

    id: str
    source: str
    """Which program said it, e.g. `/flatguard/governor`."""
    type: str
    time: str
    """RFC 3339, UTC, milliseconds."""
    subject: str
    """The account."""
    traceparent: str | None = None
    """W3C trace context of the span that published the event."""


class Decoded(msgspec.Struct, frozen=True):
    """An entry that was read: who said it and what it says."""

    envelope: Envelope
    event: Event


def rfc3339(unix_ms: int) -> str:
    """Unix milliseconds as RFC 3339 in UTC: `2026-01-28T03:37:59.123Z`."""
    moment = datetime.fromtimestamp(unix_ms // 1000, UTC).replace(microsecond=unix_ms % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encode(
    event: Event, *, source: str, subject: str, event_id: str, time_ms: int, traceparent: str | None
) -> dict[str, str]:
    """The fields of the stream entry that carries `event`."""
    fields = {
        "specversion": SPEC_VERSION,
        "id": event_id,
        "source": source,
        "type": event.event_type(),
        "time": rfc3339(time_ms),
        "subject": subject,
        "datacontenttype": CONTENT_TYPE,
    }
    if traceparent:
        fields["traceparent"] = traceparent
    fields["data"] = to_json(event)
    return fields


def to_json(value: object) -> str:
    """Any struct of the contracts as JSON text; decimals as strings."""
    return _encoder.encode(value).decode()


def around(data: str, field: str) -> tuple[str, str]:
    """`data` as it stands before and after the value of an empty text field, which another writes between them.

    Inside of a text no name stands with its quotes: there they are escaped. Raises ValueError where it is not once.
    """
    before, after = data.split(f'"{field}":""')
    return f'{before}"{field}":"', f'"{after}'


def decode(fields: Mapping[bytes, bytes] | Mapping[str, str]) -> Decoded:
    """Read an entry's fields. Raises UndecodableEntry, which says which attribute or field is wrong."""
    texts = {_text(key): _text(value) for key, value in fields.items()}
    missing = [name for name in ("specversion", "id", "source", "type", "time", "data") if name not in texts]
    if missing:
        raise UndecodableEntry(f"no {', '.join(missing)} in the entry")
    if texts["specversion"] != SPEC_VERSION:
        raise UndecodableEntry(f"specversion is {texts['specversion'][:20]!r}, not {SPEC_VERSION}")
    decoder = _decoders.get(texts["type"])
    if decoder is None:
        raise UndecodableEntry(f"unknown event type {texts['type'][:80]!r}")
    try:
        event = decoder.decode(texts["data"])
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise UndecodableEntry(f"{texts['type']}: {error}") from error
    envelope = Envelope(
        id=texts["id"],
        source=texts["source"],
        type=texts["type"],
        time=texts["time"],
        subject=texts.get("subject", ""),
        traceparent=texts.get("traceparent"),
    )
    return Decoded(envelope, event)


def _text(value: bytes | str) -> str:
    if isinstance(value, str):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise UndecodableEntry(f"not UTF-8: {value[:40]!r}") from error
