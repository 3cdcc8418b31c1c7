"""Everything that the dashboards ask Prometheus, with Grafana's variables filled in."""

import re
from collections.abc import Mapping

from msgspec import Struct

from dashboards.main import dashboards

_GRAFANA: Mapping[str, str] = {"$__rate_interval": "10s", "$__range": "10m", "$symbol": ".*"}
_LABEL_VALUES = re.compile(r"label_values\((\w+), (\w+)\)")


class Question(Struct, frozen=True, kw_only=True):
    """One expression of one panel."""

    where: str
    expr: str
    over_time: bool
    labels: frozenset[str]
    """What the legend or the columns are made of."""


def questions() -> list[Question]:
    """Every expression in PromQL."""
    return [
        Question(
            where=f"{name}: {panel['title']} {target['refId']}",
            expr=_filled_in(target["expr"]),
            over_time=target["range"],
            labels=frozenset(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])),
        )
        for name, content in dashboards().items()
        for panel in content["panels"]
        if panel["type"] != "row"
        for target in panel["targets"]
        if target["datasource"]["uid"] == "prometheus"
    ]


def variables() -> list[tuple[str, str]]:
    """Metric and label of every variable that is filled from labels."""
    asked = [each["definition"] for content in dashboards().values() for each in content["templating"]["list"]]
    matches = [_LABEL_VALUES.fullmatch(definition) for definition in asked]
    assert all(matches), asked
    return [(match[1], match[2]) for match in matches if match]


def _filled_in(expr: str) -> str:
    for name, value in _GRAFANA.items():
        expr = expr.replace(name, value)
    assert "$" not in expr, f"a variable that nobody fills in: {expr}"
    return expr
