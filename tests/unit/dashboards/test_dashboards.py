"""The dashboards as far as they can be judged without Grafana."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dashboards.main import FOLDER, dashboards, main
from support.tree import ROOT, text_of

NAMES = tuple(dashboards())
VISUALS = {"stat", "bargauge", "timeseries", "state-timeline", "table", "logs", "row"}
SOURCES = {"prometheus", "tempo", "loki"}
OURS = r"\b(?:gov|oracle|flatten|flatguard)_[a-z0-9_]+"


def panels(name: str, *, rows: bool = False) -> list[dict[str, Any]]:
    every: list[dict[str, Any]] = dashboards()[name]["panels"]
    return [panel for panel in every if rows or panel["type"] != "row"]


def every_value(node: object, key: str) -> Iterator[Any]:
    """Every value under that key, however deep."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key:
                yield value
            yield from every_value(value, key)
    elif isinstance(node, list):
        for each in node:
            yield from every_value(each, key)


def test_the_files_are_what_the_code_says() -> None:
    assert main(["--check", "--folder", str(ROOT / FOLDER)]) == 0, "run `make docs` and commit"


def test_check_names_what_is_stale_missing_or_left_over_and_writing_repairs_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old.json").write_text("{}")

    assert main(["--check", "--folder", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert [name for name in (*NAMES, "old.json") if f"{tmp_path}/{name}" not in told] == []
    assert main(["--folder", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)
    assert main(["--check", "--folder", str(tmp_path)]) == 0
    assert main(["--folder", str(tmp_path / "nowhere")]) == 2


def test_the_dashboards_have_ids_of_their_own_and_lead_to_each_other() -> None:
    every = dashboards().values()

    assert len({each["uid"] for each in every}) == len({each["title"] for each in every}) == len(NAMES)
    for each in every:
        assert each["description"]
        assert [(link["type"], link["tags"]) for link in each["links"]] == [("dashboards", each["tags"])]


@pytest.mark.parametrize("name", NAMES)
def test_panels_have_ids_of_their_own_and_cover_no_other(name: str) -> None:
    every = panels(name, rows=True)

    assert len({panel["id"] for panel in every}) == len(every)
    assert {panel["type"] for panel in every} <= VISUALS
    for panel in every:
        at = panel["gridPos"]
        assert 0 <= at["x"] < at["x"] + at["w"] <= 24, panel["title"]
        assert at["h"] > 0
    overlapping = [(a["title"], b["title"]) for a, b in combinations(every, 2) if _overlap(a["gridPos"], b["gridPos"])]
    assert overlapping == []


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_the_grid_is_full(name: str) -> None:
    width: dict[int, int] = {}
    for panel in panels(name, rows=True):
        width[panel["gridPos"]["y"]] = width.get(panel["gridPos"]["y"], 0) + panel["gridPos"]["w"]

    assert set(width.values()) == {24}


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_asks_something_of_a_provisioned_source_and_says_what_it_means(name: str) -> None:
    for panel in panels(name):
        assert panel["title"], panel
        assert len(panel["description"]) > 10, panel["title"]
        assert panel["targets"], panel["title"]
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)
        for target in panel["targets"]:
            assert target["expr"].strip(), panel["title"]
            assert target["datasource"] == panel["datasource"]
            assert target["datasource"]["uid"] in SOURCES


@pytest.mark.parametrize("name", NAMES)
def test_every_source_that_is_named_anywhere_is_provisioned(name: str) -> None:
    named = [source for source in every_value(dashboards()[name], "datasource") if source]

    assert {source["uid"] for source in named} <= SOURCES
    assert all(source["uid"] == source["type"] for source in named)


@pytest.mark.parametrize("name", NAMES)
def test_no_colour_stands_without_a_word(name: str) -> None:
    for mappings in every_value(dashboards()[name], "mappings"):
        for mapping in mappings:
            options = mapping["options"]
            results = options.values() if mapping["type"] == "value" else [options["result"]]
            assert all(result["text"].strip() for result in results)


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_that_is_asked_for_is_declared(name: str) -> None:
    told = set(re.findall(r"^\| `([a-z0-9_]+)` \|", text_of("docs/metrics.md"), re.MULTILINE))
    text = json.dumps([list(every_value(panels(name), "expr")), dashboards()[name]["templating"]])

    asked = {re.sub(r"_(?:bucket|sum|count)$", "", found) for found in re.findall(OURS, text)}

    assert asked
    assert asked - told == set()


def test_no_column_is_hidden_by_a_mistyped_name() -> None:
    for name in NAMES:
        for panel in (panel for panel in panels(name) if panel["type"] == "table"):
            organized = panel["transformations"][-1]["options"]["renameByName"]
            values = {f"Value #{target['refId']}" for target in panel["targets"]}
            labels = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"by \(([^)]*)\)", _asked(panel)))))
            assert set(organized) <= values | labels, panel["title"]
            shown = set(organized.values())
            named = {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]}
            assert named <= shown, panel["title"]
            assert {column["displayName"] for column in panel["options"]["sortBy"]} <= shown, panel["title"]


def test_the_last_run_leads_to_its_trace_and_its_log() -> None:
    found = [
        link for links in every_value(panels("flatten.json"), "value") if isinstance(links, list) for link in links
    ]
    asked = {}
    for link in found:
        parts = urlsplit(link["url"])
        (panes,) = parse_qs(parts.query)["panes"]
        (pane,) = json.loads(panes).values()
        assert parts.path == "/explore"
        asked[pane["datasource"]] = pane["queries"][0]

    assert asked["tempo"]["query"] == "${__data.fields.trace_id}"
    assert asked["tempo"]["queryType"] == "traceql"
    assert asked["loki"]["expr"] == '{service_name=~".+"} |= "${__data.fields.trace_id}"'


def test_what_shows_times_of_runs_asks_for_exemplars() -> None:
    asked = [target for panel in panels("flatten.json") for target in panel["targets"] if "_bucket" in target["expr"]]

    assert {found for target in asked for found in re.findall(r"(\w+)_bucket", target["expr"])} == {
        "flatten_order_seconds",
        "flatten_run_seconds",
        "flatguard_entry_seconds",
    }
    assert all(target["exemplar"] and target["range"] for target in asked)


def _asked(panel: dict[str, Any]) -> str:
    return " ".join(target["expr"] for target in panel["targets"])


def _overlap(a: dict[str, int], b: dict[str, int]) -> bool:
    beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
    below = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
    return not (beside or below)
