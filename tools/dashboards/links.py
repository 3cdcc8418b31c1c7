"""Links from a dashboard into the traces and logs of a run."""

import json
from urllib.parse import quote

from dashboards.grid import Json

_TRACE_ID = "TRACE-ID"


def to_trace(field: str) -> Json:
    """Opens the trace whose id stands in that field of the row."""
    query = {
        "refId": "A",
        "datasource": {"type": "tempo", "uid": "tempo"},
        "queryType": "traceql",
        "query": _TRACE_ID,
    }
    return {"title": "Trace of this run", "url": _explore("tempo", query, field), "targetBlank": True}


def to_logs(field: str) -> Json:
    """Opens what every service said in that trace."""
    query = {
        "refId": "A",
        "datasource": {"type": "loki", "uid": "loki"},
        "queryType": "range",
        "expr": f'{{service_name=~".+"}} |= "{_TRACE_ID}"',
    }
    return {"title": "Log of this run", "url": _explore("loki", query, field), "targetBlank": True}


def _explore(datasource: str, query: Json, field: str) -> str:
    pane = {"datasource": datasource, "queries": [query], "range": {"from": "now-24h", "to": "now"}}
    panes = quote(json.dumps({"run": pane}, separators=(",", ":")), safe="")
    return f"/explore?schemaVersion=1&orgId=1&panes={panes}".replace(_TRACE_ID, f"${{__data.fields.{field}}}")
