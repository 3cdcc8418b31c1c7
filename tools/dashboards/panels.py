"""Panels, as small as they can be: what is asked, how it is put into words, and what it means."""

from collections.abc import Mapping, Sequence

from dashboards.grid import Json

PROMETHEUS: Json = {"type": "prometheus", "uid": "prometheus"}
LOKI: Json = {"type": "loki", "uid": "loki"}
GREEN, YELLOW, RED, BLUE, GREY = "green", "yellow", "red", "blue", "text"


def ask(expr: str, legend: str = "", *, over_time: bool = False, exemplars: bool = False, table: bool = False) -> Json:
    """One expression: what holds now, or `over_time`."""
    return {
        "datasource": PROMETHEUS,
        "expr": expr,
        "legendFormat": legend or "__auto",
        "instant": not over_time,
        "range": over_time,
        "exemplar": exemplars,
        "format": "table" if table else "time_series",
    }


def words(*pairs: tuple[float, str, str], unknown: str = "unknown") -> list[Json]:
    """Values as words, each with its colour: a colour alone tells nothing to those who do not see it."""
    values = {f"{value:g}": {"text": text, "color": color, "index": i} for i, (value, text, color) in enumerate(pairs)}
    return [
        {"type": "value", "options": values},
        {
            "type": "special",
            "options": {"match": "null+nan", "result": {"text": unknown, "color": RED, "index": len(pairs)}},
        },
    ]


def steps(*rising: tuple[float | None, str]) -> Json:
    """From which value on which colour holds; the first one from the very bottom."""
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in rising]}


CALM = steps((None, GREY))


def fields(
    unit: str = "none",
    *,
    thresholds: Json = CALM,
    mappings: Sequence[Json] = (),
    no_value: str = "no data",
    overrides: Sequence[Json] = (),
    decimals: int | None = None,
) -> Json:
    """How values are shown."""
    defaults = {
        "unit": unit,
        "color": {"mode": "thresholds"},
        "thresholds": thresholds,
        "mappings": list(mappings),
        "noValue": no_value,
    }
    return {
        "defaults": defaults if decimals is None else {**defaults, "decimals": decimals},
        "overrides": list(overrides),
    }


def column(name: str, **properties: object) -> Json:
    """What is different in one column or series; `__` in a property's name stands for a dot."""
    wanted = [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()]
    return {"matcher": {"id": "byName", "options": name}, "properties": wanted}


def stat(
    title: str, about: str, asked: Sequence[Json], shown: Json, *, width: int | None = None, text: str = "auto"
) -> Json:
    """One or more values, large. `text`: auto, value, name or value_and_name."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": text,
        "colorMode": "background",
        "graphMode": "none",
        "justifyMode": "center",
        "orientation": "auto",
    }
    return _panel("stat", title, about, asked, shown, options, width)


def bars(title: str, about: str, asked: Sequence[Json], shown: Json, *, width: int | None = None) -> Json:
    """Values as bars under one another, in the order of the questions."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "displayMode": "basic",
        "orientation": "horizontal",
        "showUnfilled": True,
        "valueMode": "text",
        "namePlacement": "left",
    }
    return _panel("bargauge", title, about, asked, shown, options, width)


def curves(
    title: str, about: str, asked: Sequence[Json], unit: str, *, width: int | None = None, points: bool = False
) -> Json:
    """Values over time. `points`: for what is there only now and then."""
    shown = fields(unit)
    shown["defaults"]["color"] = {"mode": "palette-classic"}
    shown["defaults"]["custom"] = {
        "drawStyle": "points" if points else "line",
        "lineWidth": 1,
        "fillOpacity": 0,
        "showPoints": "auto",
        "spanNulls": False,
    }
    options = {
        "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return _panel("timeseries", title, about, asked, shown, options, width)


def states(title: str, about: str, asked: Sequence[Json], shown: Json, *, width: int | None = None) -> Json:
    """Words over time, one band for each series."""
    options = {
        "mergeValues": True,
        "showValue": "auto",
        "rowHeight": 0.9,
        "legend": {"showLegend": False, "displayMode": "list", "placement": "bottom", "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return _panel("state-timeline", title, about, asked, shown, options, width)


def table(
    title: str,
    about: str,
    asked: Sequence[Json],
    shown: Json,
    *,
    columns: Mapping[str, str],
    sort_by: str = "",
    width: int | None = None,
) -> Json:
    """Rows that agree in their labels, merged. `columns`: what each is called, in order; no other is shown.

    The value of the first question is `Value #A`, and so on.
    """
    hide = [
        {"id": "filterFieldsByName", "options": {"include": {"names": list(columns)}}},
        {
            "id": "organize",
            "options": {
                "excludeByName": {},
                "indexByName": {name: index for index, name in enumerate(columns)},
                "renameByName": dict(columns),
            },
        },
    ]
    merge = [{"id": "merge", "options": {}}] if len(asked) > 1 else []
    shown["defaults"]["custom"] = {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True}
    options = {
        "showHeader": True,
        "cellHeight": "sm",
        "sortBy": [{"displayName": sort_by, "desc": True}] if sort_by else [],
    }
    panel = _panel("table", title, about, [{**each, "format": "table"} for each in asked], shown, options, width)
    return {**panel, "transformations": [*merge, *hide]}


def logs(title: str, about: str, service: str) -> Json:
    """What a service says."""
    asked = [{"datasource": LOKI, "expr": f'{{service_name="{service}"}}', "queryType": "range"}]
    options = {
        "showTime": True,
        "wrapLogMessage": True,
        "sortOrder": "Descending",
        "enableLogDetails": True,
        "dedupStrategy": "none",
    }
    panel = _panel("logs", title, about, asked, {"defaults": {}, "overrides": []}, options, None)
    return {**panel, "datasource": LOKI}


def _panel(
    kind: str, title: str, about: str, asked: Sequence[Json], shown: Json, options: Json, width: int | None
) -> Json:
    panel = {
        "type": kind,
        "title": title,
        "description": about,
        "datasource": PROMETHEUS,
        "targets": [{"refId": chr(ord("A") + index), **each} for index, each in enumerate(asked)],
        "fieldConfig": shown,
        "options": options,
    }
    return panel if width is None else {**panel, "w": width}
