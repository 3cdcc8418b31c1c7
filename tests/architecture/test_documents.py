"""Documents for people stay true to the code."""

import re
from enum import StrEnum
from pathlib import PurePosixPath

import pytest

from contracts.arming import Gate
from contracts.flattening import OrderState, PositionFate, RunVerdict
from contracts.positions import AllocationMode, AllocationVerdict
from contracts.streams import EVENTS, STREAMS, Keys
from contracts.vocabulary import Environment
from support.tree import ROOT, text_of, tracked

MARKDOWN = tracked(".md")
RECORDS = [name for name in MARKDOWN if re.fullmatch(r"docs/adr/\d{4}-[a-z0-9-]+\.md", name)]
SECTIONS = ["## Context", "## Decision", "## Consequences", "## Also considered"]
WORDS: tuple[type[StrEnum], ...] = (
    Gate,
    RunVerdict,
    PositionFate,
    OrderState,
    AllocationVerdict,
    AllocationMode,
    Environment,
)


def section(text: str, heading: str) -> str:
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def first_column(text: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


@pytest.mark.parametrize("words", WORDS)
def test_the_glossary_has_every_word(words: type[StrEnum]) -> None:
    glossary = text_of("docs/glossary.md")

    assert [word for word in words if f"`{word}`" not in glossary] == []


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("Gates", Gate),
        ("Verdicts of a run", RunVerdict),
        ("What became of a position", PositionFate),
        ("What is known about an order", OrderState),
        ("Verdicts of the P2.9 check", AllocationVerdict),
    ],
)
def test_a_table_of_the_glossary_has_these_words_and_no_other(heading: str, words: type[StrEnum]) -> None:
    assert first_column(section(text_of("docs/glossary.md"), heading)) == [word.value for word in words]


def test_the_glossary_has_every_event_with_its_stream() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| `([\w.]+)` \|", text_of("docs/glossary.md"), re.MULTILINE)

    assert dict(rows) == {name: event.stream for name, event in EVENTS.items()}
    assert len(rows) == len(EVENTS)


@pytest.mark.parametrize("name", MARKDOWN)
def test_no_document_speaks_of_an_event_that_is_not_there(name: str) -> None:
    spoken = set(re.findall(r"\b[a-z_]+(?:\.[a-z_]+)+\.v\d+\b", text_of(name)))

    assert spoken <= set(EVENTS)


def test_the_architecture_names_every_stream_and_key() -> None:
    page = text_of("docs/architecture.md")
    keys = Keys("")
    named = (
        keys.arm,
        keys.last_ts,
        keys.fired,
        keys.active,
        keys.audit_head,
        keys.notifier_holder,
        keys.notifier_places,
    )

    assert [stream.name for stream in STREAMS if f"`{stream.name}`" not in page] == []
    assert all(f"`{key}`" in page for key in named)


def test_the_architecture_names_every_package() -> None:
    page = text_of("docs/architecture.md")
    packages = [str(PurePosixPath(name).parent) for name in tracked("/py.typed")]

    assert [package for package in packages if package.rpartition("/")[2] not in page] == []


@pytest.mark.parametrize("name", MARKDOWN)
def test_every_file_that_a_document_names_is_there(name: str) -> None:
    files = tracked()

    spoken = re.findall(r"`([\w./-]+\.(?:py|lua|toml|json|md|yml))`", text_of(name))

    missing = [path for path in spoken if not any(file == path or file.endswith(f"/{path}") for file in files)]
    assert missing == []


@pytest.mark.parametrize("name", MARKDOWN)
def test_every_link_inside_the_project_leads_somewhere(name: str) -> None:
    folder = (ROOT / name).parent

    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", text_of(name)) if "://" not in target]

    broken = [target for target in targets if (path := target.partition("#")[0]) and not (folder / path).exists()]
    assert broken == []


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(PurePosixPath(name).name[:4]) for name in RECORDS]

    assert numbers == list(range(1, len(RECORDS) + 1))


@pytest.mark.parametrize("name", RECORDS)
def test_a_decision_has_its_sections_on_one_page(name: str) -> None:
    text = text_of(name)

    assert re.match(r"# \d{4}\. \S.*\n\nStatus: (accepted|superseded by \[\d{4}\]\(.*\))\. Where: `", text)
    assert text.startswith(f"# {PurePosixPath(name).name[:4]}. ")
    assert re.findall(r"^## .*$", text, re.MULTILINE) == SECTIONS
    assert all(section(text, heading.removeprefix("## ")).strip() for heading in SECTIONS)
    assert len(text.splitlines()) <= 60


def test_the_index_lists_every_decision_with_its_title() -> None:
    index = text_of("docs/adr/README.md")

    for name in RECORDS:
        file = PurePosixPath(name).name
        title = text_of(name).splitlines()[0].partition(". ")[2]
        assert f"| [{file[:4]}]({file}) | {title} |" in index
