"""*Allocation*: what each symbol holds against its target and its burst cap (P2.9)."""

from dashboards.grid import Json, heading, row
from dashboards.grid import dashboard as assemble
from dashboards.panels import (
    BLUE,
    GREEN,
    PROMETHEUS,
    RED,
    YELLOW,
    ask,
    bars,
    column,
    curves,
    fields,
    stat,
    steps,
    table,
    words,
)

UID = "flatguard-allocation"
OF_CAP = "max by (symbol) (gov_p29_position_usd) / max by (symbol) (gov_p29_burst_cap_usd > 0)"
OF_CHOSEN = 'max by (symbol) ({}{{symbol=~"$symbol"}})'
SHARE = steps((None, GREEN), (0.5, YELLOW), (1, RED))
SYMBOLS: Json = {
    "type": "query",
    "name": "symbol",
    "label": "Symbol",
    "datasource": PROMETHEUS,
    "query": {"qryType": 1, "query": "label_values(gov_p29_verdict, symbol)", "refId": "A"},
    "definition": "label_values(gov_p29_verdict, symbol)",
    "refresh": 2,
    "sort": 1,
    "multi": True,
    "includeAll": True,
    "allValue": ".*",
    "current": {"text": ["All"], "value": ["$__all"]},
    "options": [],
}


def dashboard() -> Json:
    """From the number of breaches to each symbol."""
    rows = [_answer(), heading("Each symbol"), _symbols(), heading("Over time"), _over_time(), _checks()]
    about = (
        "Each open symbol's notional against its allocation target and burst cap (P2.9). The check informs: it trades"
        " nothing and blocks no flatten. A symbol that is closed is not shown any more."
    )
    return assemble(UID, "Flatguard: Allocation", about, rows, [SYMBOLS])


def _answer() -> list[Json]:
    return row(
        5,
        stat(
            "Breaches",
            "Symbols beyond their burst cap, those in shadow mode included.",
            [ask('sum(gov_p29_symbols{verdict="breach"})')],
            fields(thresholds=steps((None, GREEN), (1, RED)), mappings=words((0, "none", GREEN))),
            width=4,
        ),
        stat(
            "Symbols by verdict",
            "Each open symbol's newest verdict. Missing or stale: nobody knows whether it is too much.",
            [ask("sum by (verdict) (gov_p29_symbols)", "{{verdict}}")],
            fields(
                overrides=[
                    *(column(bad, thresholds=steps((None, GREEN), (1, RED))) for bad in ("breach", "unreadable")),
                    *(
                        column(unsure, thresholds=steps((None, GREEN), (1, YELLOW)))
                        for unsure in ("missing_target", "stale_target", "unpriced")
                    ),
                ]
            ),
            text="value_and_name",
        ),
        stat(
            "Notional, gross",
            "Over all open symbols whose notional is known.",
            [ask("sum(gov_p29_position_usd)")],
            fields("currencyUSD", no_value="nothing is open"),
            width=4,
        ),
        stat(
            "The check",
            "Failing: targets cannot be read or changes not published; what is shown is from before.",
            [ask("max(gov_p29_failing) + 2 * (1 - max(gov_testnet_p29_enabled))")],
            fields(
                mappings=words(
                    (0, "works", GREEN), (1, "FAILING", RED), (2, "switched off", YELLOW), (3, "off", YELLOW)
                )
            ),
            width=4,
        ),
        stat(
            "Snapshot age",
            "The amounts are as old as that.",
            [ask("max(gov_snapshot_age_seconds)")],
            fields("s", thresholds=steps((None, GREEN), (10, YELLOW), (60, RED)), decimals=1),
            width=3,
        ),
    )


def _symbols() -> list[Json]:
    return row(
        14,
        table(
            "Notional against target and burst cap",
            "Sorted by the share of the burst cap that is used: beyond 100 % is a breach. An empty cell is not known.",
            [
                ask("max by (symbol, verdict) (gov_p29_verdict)"),
                ask(OF_CAP),
                ask("max by (symbol) (gov_p29_position_usd)"),
                ask("max by (symbol) (gov_p29_target_usd)"),
                ask("max by (symbol) (gov_p29_burst_cap_usd)"),
            ],
            fields(
                "currencyUSD",
                no_value="nothing is open",
                overrides=[
                    column(
                        "of burst cap",
                        unit="percentunit",
                        thresholds=SHARE,
                        custom__cellOptions={"type": "color-text"},
                        decimals=0,
                    )
                ],
            ),
            columns={
                "symbol": "symbol",
                "verdict": "verdict",
                "Value #B": "of burst cap",
                "Value #C": "position",
                "Value #D": "target",
                "Value #E": "burst cap",
            },
            sort_by="of burst cap",
            width=15,
        ),
        bars(
            "Largest shares of the burst cap",
            "The fifteen that use most of it.",
            [ask(f"sort_desc(topk(15, {OF_CAP}))", "{{symbol}}")],
            fields("percentunit", thresholds=SHARE, no_value="nothing is open"),
        ),
    )


def _over_time() -> list[Json]:
    return row(
        10,
        curves(
            "Chosen symbols: notional, target, burst cap",
            "Choose one symbol above to see its three lines.",
            [
                ask(OF_CHOSEN.format(f"gov_p29_{what}_usd"), f"{{{{symbol}}}} {name}", over_time=True)
                for what, name in (("position", "notional"), ("target", "target"), ("burst_cap", "burst cap"))
            ],
            "currencyUSD",
            width=16,
        ),
        curves(
            "Symbols by verdict",
            "When breaches began and ended.",
            [ask("sum by (verdict) (gov_p29_symbols)", "{{verdict}}", over_time=True)],
            "none",
        ),
    )


def _checks() -> list[Json]:
    kinds = (("block", "breach"), ("missing", "no target"), ("stale", "stale target"))
    return row(
        8,
        curves(
            "Checks",
            "Checks of chosen symbols, and those that found something; shadow mode counts no breach here.",
            [
                ask('sum(rate(gov_p29_checked_total{symbol=~"$symbol"}[$__rate_interval]))', "checked", over_time=True),
                *(
                    ask(f'sum(rate(gov_p29_{kind}_total{{symbol=~"$symbol"}}[$__rate_interval]))', name, over_time=True)
                    for kind, name in kinds
                ),
            ],
            "ops",
        ),
        bars(
            "Checks that found a breach in this time",
            "By symbol, also those that are closed by now.",
            [
                ask(
                    'sort_desc(topk(15, sum by (symbol) (increase(gov_p29_block_total{symbol=~"$symbol"}[$__range]))))',
                    "{{symbol}}",
                )
            ],
            fields(thresholds=steps((None, BLUE)), decimals=0),
        ),
    )
