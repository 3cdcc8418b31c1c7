"""*Flatten*: how the last run ended, where its time went, and what became of each position."""

from dashboards import links
from dashboards.grid import Json, heading, row
from dashboards.grid import dashboard as assemble
from dashboards.panels import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    ask,
    bars,
    column,
    curves,
    fields,
    logs,
    stat,
    steps,
    table,
    words,
)

UID = "flatguard-flatten"
FUNNEL = ("seen", "nonzero", "filtered", "sent", "ok")
PARTS = ("judging", "starting", "reading", "closing", "verifying", "telling")
NONE_IS_GOOD = steps((None, GREEN), (1, RED))
NEVER = "no run so far"
_KEY = "symbol, position_side"


def dashboard() -> Json:
    """From the verdict to each position."""
    rows = [_answer(), _way_in(), heading("Funnel and time of the last run"), _funnel()]
    rows += [heading("Positions of the last run"), _positions(), heading("Every run"), _timing(), _orders()]
    rows += [
        heading("What the executor says"),
        row(10, logs("Executor", "Every order and reading.", "flatten-executor")),
    ]
    about = (
        "How the last flatten ended, what it left open, where its time went. From the record: a restart hides nothing."
    )
    return assemble(UID, "Flatguard: Flatten", about, rows)


def _answer() -> list[Json]:
    return row(
        5,
        stat(
            "Verdict of the last run",
            "What the exchange showed when the run ended.",
            [ask("max by (verdict) (flatten_last_run_info)", "{{verdict}}")],
            fields(
                no_value=NEVER,
                overrides=[
                    column("flat", color={"mode": "fixed", "fixedColor": GREEN}),
                    column("flat_except_dust", color={"mode": "fixed", "fixedColor": GREEN}),
                    column("not_flat", color={"mode": "fixed", "fixedColor": RED}),
                    column("aborted", color={"mode": "fixed", "fixedColor": RED}),
                ],
            ),
            text="name",
            width=5,
        ),
        stat(
            "Time to flat",
            "From the accepted request to the verdict.",
            [ask('max(flatten_last_seconds{part="whole"})')],
            fields("s", no_value=NEVER, thresholds=steps((None, GREEN), (5, YELLOW), (30, RED))),
        ),
        stat(
            "Still open",
            "Notional that the last run left open, in its scope, where a price is known.",
            [ask("max(flatten_last_residual_usd)")],
            fields("currencyUSD", thresholds=steps((None, GREEN), (0.01, YELLOW), (10, RED))),
        ),
        stat(
            "Unknown orders",
            "Orders of which nobody could find out what became of them.",
            [ask("max(flatten_last_unknown_orders)")],
            fields(thresholds=NONE_IS_GOOD, mappings=words((0, "none", GREEN))),
        ),
        stat(
            "Ended",
            "When the last run ended.",
            [ask("max(flatten_last_finished_timestamp_seconds) * 1000")],
            fields("dateTimeFromNow", mappings=words((0, "never", BLUE))),
        ),
        stat(
            "Now",
            "Whether a run is in hand at this moment.",
            [ask("max(flatten_running)")],
            fields(mappings=words((1, "RUNNING", YELLOW), (0, "idle", BLUE))),
            width=3,
        ),
    )


def _way_in() -> list[Json]:
    found = [links.to_trace("trace_id"), links.to_logs("trace_id")]
    return row(
        4,
        table(
            "The last run's trace and log",
            "A click on the trace's id opens the trace, from the operator's command to the last order, or the log.",
            [ask("max by (request_id, trace_id, verdict) (flatten_last_run_info)")],
            fields(no_value=NEVER, overrides=[column("trace_id", links=found)]),
            columns={"request_id": "request_id", "trace_id": "trace_id", "verdict": "verdict"},
        ),
    )


def _funnel() -> list[Json]:
    return row(
        8,
        bars(
            "Funnel: seen → ok",
            "Rows seen, of which positions, of which to close, of which an order was sent for, of which confirmed"
            " closed. From `filtered` on no number may fall.",
            [ask(f'max(flatten_last_positions{{stage="{stage}"}})', stage) for stage in FUNNEL],
            fields(thresholds=steps((None, BLUE))),
        ),
        bars(
            "Orders",
            "Orders of the last run: sent, filled, refused or failed, unknown.",
            [
                ask(f'max(gov_last_flatten_orders{{result="{result}"}})', result)
                for result in ("sent", "ok", "errors", "unknown")
            ],
            fields(
                thresholds=steps((None, BLUE)),
                overrides=[column(name, thresholds=NONE_IS_GOOD) for name in ("errors", "unknown")],
            ),
        ),
        bars(
            "Where the time went",
            "Judging is the governor's part, from the operator's arm on; the rest is the executor's. A part that was"
            " not reached is absent.",
            [ask(f'max(flatten_last_seconds{{part="{part}"}})', part) for part in PARTS],
            fields("s", thresholds=steps((None, BLUE)), no_value=NEVER),
        ),
    )


def _positions() -> list[Json]:
    return row(
        12,
        table(
            "Each position",
            "Before and after. Closed: by our orders. Gone: flat, but not only by them. An empty cell is not known.",
            [
                ask(f"max by ({_KEY}, fate) (flatten_last_position_fate)"),
                ask(f"max by ({_KEY}) (flatten_last_position_usd)"),
                ask(f'max by ({_KEY}) (flatten_last_position_quantity{{when="before"}})'),
                ask(f'max by ({_KEY}) (flatten_last_position_quantity{{when="after"}})'),
            ],
            fields(no_value=NEVER, overrides=[column("before, USD", unit="currencyUSD")]),
            columns={
                "symbol": "symbol",
                "position_side": "side",
                "fate": "fate",
                "Value #B": "before, USD",
                "Value #C": "quantity before",
                "Value #D": "quantity after",
            },
            sort_by="before, USD",
        ),
    )


def _timing() -> list[Json]:
    return row(
        8,
        curves(
            "Order → answer",
            "How long the exchange takes to answer an order. The points are orders: a click leads to the trace.",
            [
                ask(
                    _quantile(quantile, "flatten_order_seconds"), f"p{quantile * 100:g}", over_time=True, exemplars=True
                )
                for quantile in (0.5, 0.99)
            ],
            "s",
            points=True,
        ),
        curves(
            "Request → verdict",
            "How long a run takes. The points are runs: a click leads to the trace.",
            [ask(_quantile(0.99, "flatten_run_seconds"), "p99", over_time=True, exemplars=True)],
            "s",
            points=True,
        ),
        curves(
            "Handling one entry",
            "By stream: for a request this is the whole run, for an arm its judging.",
            [
                ask(
                    _quantile(0.99, "flatguard_entry_seconds", "stream, le"),
                    "{{stream}}",
                    over_time=True,
                    exemplars=True,
                )
            ],
            "s",
            points=True,
        ),
    )


def _orders() -> list[Json]:
    return row(
        8,
        bars(
            "Runs in this time, by verdict",
            "Of the executor that runs now; a restart begins at nothing.",
            [ask("sum by (verdict) (increase(flatten_runs_total[$__range]))", "{{verdict}}")],
            fields(thresholds=steps((None, BLUE)), decimals=0),
        ),
        bars(
            "Answers to orders in this time, by state",
            "An order that is unknown at first and filled later counts twice.",
            [ask("sum by (state) (increase(flatten_orders_total[$__range]))", "{{state}}")],
            fields(thresholds=steps((None, BLUE)), decimals=0),
        ),
        bars(
            "Readings that failed in this time",
            "By what was to be read. They are tried again, or the run says what it could not read.",
            [ask("sum by (what) (increase(flatten_reads_failed_total[$__range]))", "{{what}}")],
            fields(thresholds=NONE_IS_GOOD, decimals=0),
        ),
    )


def _quantile(quantile: float, histogram: str, by: str = "le") -> str:
    return f"histogram_quantile({quantile:g}, sum by ({by}) (rate({histogram}_bucket[$__rate_interval])))"
