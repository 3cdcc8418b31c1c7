"""A dashboard from its rows of panels: ids, places on the grid, links to the other dashboards."""

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]

COLUMNS = 24
SCHEMA_VERSION = 39
"""Of Grafana 11; a newer Grafana brings it up to date by itself."""
TAG = "flatguard"


def row(height: int, *panels: Json) -> list[Json]:
    """Panels side by side, each with its width in `w`; those that say none share what is left evenly."""
    left = COLUMNS - sum(panel.get("w", 0) for panel in panels)
    share = left // max(1, sum("w" not in panel for panel in panels))
    placed, x = [], 0
    for panel in panels:
        width = panel.get("w", share)
        placed.append({**panel, "w": width, "gridPos": {"h": height, "w": width, "x": x, "y": 0}})
        x += width
    return placed


def heading(title: str) -> list[Json]:
    """A line between parts of a dashboard."""
    return [{"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"h": 1, "w": 24, "x": 0}}]


def stack(rows: Sequence[Sequence[Json]]) -> list[Json]:
    """The rows from top to bottom, every panel with an id."""
    panels: list[Json] = []
    y = 0
    for placed in rows:
        for panel in placed:
            numbered = {"id": len(panels) + 1, **panel, "gridPos": {**panel["gridPos"], "y": y}}
            numbered.pop("w", None)
            panels.append(numbered)
        y += max(panel["gridPos"]["h"] for panel in placed)
    return panels


def dashboard(uid: str, title: str, about: str, rows: Sequence[Sequence[Json]], variables: Sequence[Json] = ()) -> Json:
    """The whole of it."""
    return {
        "uid": uid,
        "title": title,
        "description": about,
        "tags": [TAG],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "utc",
        "refresh": "5s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": list(variables)},
        "annotations": {"list": []},
        "links": [
            {
                "type": "dashboards",
                "title": "Flatguard",
                "icon": "external link",
                "tooltip": "the other dashboards",
                "tags": [TAG],
                "asDropdown": False,
                "includeVars": False,
                "keepTime": True,
                "targetBlank": False,
            }
        ],
        "panels": stack(rows),
    }
