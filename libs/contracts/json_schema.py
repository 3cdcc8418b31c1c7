"""JSON Schemas (2020-12) of the events, from their structs: what `data` holds in an entry."""

from typing import Any

import msgspec

from contracts import arming, base, dead_letters, docstrings, drills, flattening, positions, resting, vocabulary
from contracts.base import Event
from contracts.vocabulary import Word

JSON_SCHEMA = "https://json-schema.org/draft/2020-12/schema"
DECIMAL_PATTERN = r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
"""An exact, finite decimal as text. Readers also take a JSON number; writers never send one."""

Schema = dict[str, Any]

_OWNERS: dict[str, type] = {
    name: owner
    for module in (vocabulary, base, positions, arming, resting, flattening, dead_letters, drills)
    for name, owner in vars(module).items()
    if isinstance(owner, type) and owner.__module__ == module.__name__
}


def schema_of(event: type[Event]) -> Schema:
    """The schema of one event's `data`. Self-contained: what it refers to stands in its `$defs`."""
    _, components = msgspec.json.schema_components([event], ref_template="#/$defs/{name}")
    described = {name: _described(name, schema) for name, schema in components.items()}
    own = described.pop(event.__name__)
    head = {"$schema": JSON_SCHEMA, "$id": f"urn:flatguard:event:{event.event_type()}"}
    defs = {"$defs": dict(sorted(described.items()))} if described else {}
    return {**head, **own, **defs}


def _described(name: str, schema: Schema) -> Schema:
    """The schema with the docstrings' texts and the decimals' pattern."""
    owner = _OWNERS[name]
    schema = _exact(schema) | {"description": docstrings.summary(owner)}
    texts = docstrings.members(owner)
    if issubclass(owner, Word):
        lines = [f"`{word}`: {texts[word.name]}" for word in owner if word.name in texts]
        return schema | {"type": "string", "description": " ".join([schema["description"], *lines])}
    schema["properties"] = {
        field: _with_text(field, texts.get(field, ""), inner) for field, inner in schema["properties"].items()
    }
    return schema


def _with_text(field: str, text: str, schema: Schema) -> Schema:
    text = docstrings.described(field, text)
    return schema | {"description": text} if text else schema


def _exact(schema: Any) -> Any:  # noqa: ANN401 - JSON is what it is
    """A decimal gets its pattern, and a single allowed value its own keyword."""
    if isinstance(schema, list):
        return [_exact(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    exact = {key: _exact(value) for key, value in schema.items()}
    if exact.get("format") == "decimal":
        exact["pattern"] = DECIMAL_PATTERN
    if isinstance(exact.get("enum"), list) and len(exact["enum"]) == 1:
        exact["const"] = exact.pop("enum")[0]
    return exact
