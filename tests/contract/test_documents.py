"""The generated documents: current, valid, and as strict as the code."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from contracts import generate
from contracts.asyncapi import document
from contracts.json_schema import DECIMAL_PATTERN, schema_of
from contracts.streams import EVENTS, STREAMS
from support.event_samples import EVENT_SAMPLES

ROOT = Path(__file__).parents[2]
SAMPLES = Path(__file__).parent / "samples"


def data_of(event_type: str) -> dict[str, Any]:
    fields = json.loads((SAMPLES / f"{event_type}.json").read_text(encoding="utf-8"))
    data: dict[str, Any] = json.loads(fields["data"])
    return data


def refs_in(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            yield from refs_in(value)
    elif isinstance(node, list):
        for item in node:
            yield from refs_in(item)


def pointed_at(whole: Any, ref: str) -> Any:
    node = whole
    for step in ref.removeprefix("#/").split("/"):
        node = node[step]
    return node


def test_the_checked_in_documents_are_what_the_code_says() -> None:
    assert generate.stale(ROOT / "docs") == [], "run `make docs` and commit"


@pytest.mark.parametrize("event_type", EVENTS)
def test_a_schema_is_valid_and_self_contained(event_type: str) -> None:
    schema = schema_of(EVENTS[event_type])

    Draft202012Validator.check_schema(schema)
    for ref in refs_in(schema):
        assert pointed_at(schema, ref)["title"] == ref.rpartition("/")[2]


@pytest.mark.parametrize("event_type", EVENTS)
def test_a_sample_is_valid_by_its_schema(event_type: str) -> None:
    validator = Draft202012Validator(schema_of(EVENTS[event_type]))

    validator.validate(data_of(event_type))
    validator.validate({**data_of(event_type), "added_in_2031": 1})


@pytest.mark.parametrize("event_type", EVENTS)
def test_a_schema_asks_for_the_same_fields_as_the_code(event_type: str) -> None:
    schema = schema_of(EVENTS[event_type])
    validator = Draft202012Validator(schema)

    for field in schema["required"]:
        shorter = data_of(event_type)
        del shorter[field]
        with pytest.raises(ValidationError, match=f"'{field}' is a required property"):
            validator.validate(shorter)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "", "1,5", "0x10", ".5", "1.", 9.1, 9])
def test_a_schema_takes_decimals_as_text_only(word: object) -> None:
    validator = Draft202012Validator(schema_of(EVENTS["order.resolved.v1"]))

    with pytest.raises(ValidationError):
        validator.validate({**data_of("order.resolved.v1"), "filled_quantity": word})


@pytest.mark.parametrize("word", ["0", "-0", "9.100", "-0.00000001", "1E-8", "1E+3", "12345678901234567890.5"])
def test_the_decimal_pattern_takes_what_the_codec_writes(word: str) -> None:
    assert re.search(DECIMAL_PATTERN, word)


@pytest.mark.parametrize("event_type", EVENTS)
def test_every_time_and_amount_tells_its_unit(event_type: str) -> None:
    schema = schema_of(EVENTS[event_type])
    owners = [schema, *schema.get("$defs", {}).values()]
    properties = {name: field for owner in owners for name, field in owner.get("properties", {}).items()}

    for name, field in properties.items():
        if name.endswith(("_ms", "_usd", "quantity", "_price")):
            assert re.search(
                r"Unix milliseconds\.|Milliseconds\.|US dollars\.|asset units\.|Quote units\.", field["description"]
            ), name


def test_every_message_points_to_the_schema_of_its_event() -> None:
    messages = document()["components"]["messages"]

    assert set(messages) == {*EVENTS, "dead.letter"}
    for event_type in EVENTS:
        assert messages[event_type]["name"] == event_type
        assert (ROOT / "docs" / messages[event_type]["payload"]["$ref"]).is_file()
        location = messages[event_type].get("correlationId", {}).get("location")
        if location:
            assert location.rpartition("/")[2] in schema_of(EVENTS[event_type])["required"]


def test_every_stream_is_a_channel_with_its_address_and_messages() -> None:
    channels = document()["channels"]

    assert set(channels) == {stream.name for stream in STREAMS}
    for stream in STREAMS:
        channel = channels[stream.name]
        assert channel["address"] == f"{{namespace}}:stream:{stream.name}"
        assert set(channel["parameters"]) == set(re.findall(r"\{(\w+)\}", channel["address"]))
        assert channel.get("x-consumer-group") == stream.group
        assert set(channel["messages"]) == ({event.event_type() for event in stream.events} or {"dead.letter"})


def test_every_program_has_an_operation_for_each_of_its_streams() -> None:
    operations = document()["operations"]

    told = {(op["tags"][0]["name"], op["action"], op["channel"]["$ref"]) for op in operations.values()}

    assert told == {
        (program, action, f"#/channels/{stream.name}")
        for stream in STREAMS
        for action, programs in (("send", stream.writers), ("receive", stream.readers))
        for program in programs
    }
    for operation in operations.values():
        assert all(ref["$ref"].startswith(operation["channel"]["$ref"] + "/") for ref in operation["messages"])


def test_the_asyncapi_document_has_the_shape_of_version_3() -> None:
    whole = document()

    assert whole["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= set(whole["info"])
    assert whole["servers"]["redis"].keys() >= {"host", "protocol"}
    assert all(operation["action"] in {"send", "receive"} for operation in whole["operations"].values())
    for ref in refs_in(whole):
        target = pointed_at(whole, ref) if ref.startswith("#/") else (ROOT / "docs" / ref).is_file()
        assert target, ref


@pytest.mark.parametrize("event_type", EVENTS)
def test_a_samples_attributes_are_valid_by_the_envelope(event_type: str) -> None:
    fields = json.loads((SAMPLES / f"{event_type}.json").read_text(encoding="utf-8"))
    whole = document()
    headers = whole["components"]["messages"][event_type]["headers"]

    validator = Draft202012Validator({**headers, "components": whole["components"]})
    validator.validate(fields)
    for name in whole["components"]["schemas"]["envelope"]["required"]:
        with pytest.raises(ValidationError):
            validator.validate({key: value for key, value in fields.items() if key != name})
    with pytest.raises(ValidationError):
        validator.validate({**fields, "type": "another.v1"})


def test_the_dead_letter_message_names_the_fields_that_the_runtime_writes() -> None:
    source = (ROOT / "libs/runtime/dead_letters.py").read_text(encoding="utf-8")

    told = document()["components"]["messages"]["dead.letter"]["payload"]["properties"]

    assert set(told) == set(re.findall(r'"(dead_\w+)"', source))


def test_generating_twice_gives_the_same_text() -> None:
    assert generate.documents() == generate.documents()


def test_check_names_each_stale_file_and_writing_brings_them_up_to_date(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate.main(["--docs", str(tmp_path)])
    (tmp_path / "asyncapi.json").write_text("{}", encoding="utf-8")
    (tmp_path / "schemas" / "run.started.v1.json").unlink()
    (tmp_path / "schemas" / "gone.v1.json").write_text("{}", encoding="utf-8")
    capsys.readouterr()

    assert generate.main(["--docs", str(tmp_path), "--check"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert all(name in said for name in ("asyncapi.json", "run.started.v1.json", "gone.v1.json", "make docs"))
    assert "flatten.completed.v1.json" not in said

    assert generate.main(["--docs", str(tmp_path)]) == 0
    assert generate.main(["--docs", str(tmp_path), "--check"]) == 0
    assert not (tmp_path / "schemas" / "gone.v1.json").exists()


def test_without_a_directory_one_line_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--docs", str(tmp_path / "nowhere"), "--check"]) == 2

    assert capsys.readouterr().err.count("\n") == 1


def test_there_is_a_sample_for_every_schema() -> None:
    schemas = {path.name for path in (ROOT / "docs" / "schemas").glob("*.json")}

    assert schemas == {f"{name}.json" for name in EVENT_SAMPLES}
