"""*Ready?*: would an arm become a flatten right now, and if not, why not."""

from dashboards.grid import Json, heading, row
from dashboards.grid import dashboard as assemble
from dashboards.panels import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    ask,
    curves,
    fields,
    logs,
    stat,
    states,
    steps,
    words,
)

UID = "flatguard-ready"
GATES_OPEN = "min(gov_gate_passes)"
_DECIDING = '{job=~"governor|flatten-executor"}'
CARRIED_OUT = f"min(flatguard_check_ok{_DECIDING} or up{_DECIDING})"
"""A process that is down has no checks left: it counts by itself."""
PASSES = words((1, "passes", GREEN), (0, "FAILS", RED))
READY = words((1, "ready", GREEN), (0, "NOT READY", RED))
LATCH = words((1, "SET", BLUE), (0, "not set", YELLOW), (2, "CANNOT BE READ", RED))
NONE_IS_GOOD = steps((None, GREEN), (1, RED))


def dashboard() -> Json:
    """From the answer to its reasons."""
    rows = [_answer(), heading("Gates"), _gates(), _gates_before(), heading("Services")]
    rows += [_services(), heading("Oracle and streams"), _ages(), _streams(), heading("What the governor says")]
    rows += [row(9, logs("Governor", "Every decision with its reasons.", "governor"))]
    about = "Would an arm become a flatten right now? The answer is in the first line, the reasons are below."
    return assemble(UID, "Flatguard: Ready?", about, rows)


def _answer() -> list[Json]:
    return row(
        5,
        stat(
            "Would an arm pass?",
            "Every gate that can be judged without an arm, with this configuration, now. Whether the arm itself is"
            " authentic, in time and unused shows when there is one.",
            [ask(GATES_OPEN)],
            fields(mappings=words((1, "YES", GREEN), (0, "NO: see Gates", RED)), no_value="NOT KNOWN"),
        ),
        stat(
            "Could it be carried out?",
            "The least ready part of governor and executor, as their /readyz says. A flatten needs no oracle.",
            [ask(CARRIED_OUT)],
            fields(mappings=words((1, "YES", GREEN), (0, "NO: see Services", RED)), no_value="NOT KNOWN"),
        ),
        stat(
            "ESS latch",
            "Trading is stopped while it is set, and only then a flatten may run. One that cannot be read counts as not"
            " set.",
            [ask('max(gov_ess_latch{state="set"}) + 2 * max(gov_ess_latch{state="unreadable"})')],
            fields(mappings=LATCH, no_value="NOT KNOWN"),
        ),
        stat(
            "Oracle age",
            "Age of the newest position snapshot, as the governor sees it while the oracle is down. No flatten waits"
            " for it.",
            [ask("max(oracle_snapshot_age_seconds) or max(gov_snapshot_age_seconds)")],
            fields("s", thresholds=steps((None, GREEN), (10, YELLOW), (60, RED)), decimals=1),
        ),
        stat(
            "Pending entries",
            "Commands that were delivered and not finished.",
            [ask("sum(max by (stream) (flatguard_pending_entries))")],
            fields(thresholds=NONE_IS_GOOD),
        ),
        stat(
            "Redis",
            "Whether it answered the deciding services' last look.",
            [ask('min(flatguard_check_ok{check="redis"})')],
            fields(mappings=words((1, "reachable", GREEN), (0, "AWAY", RED)), no_value="NOT KNOWN"),
        ),
    )


def _gates() -> list[Json]:
    return row(
        6,
        stat(
            "Each gate now",
            "As the governor would judge an arm for this account at this moment.",
            [ask("min by (gate) (gov_gate_passes)", "{{gate}}")],
            fields(mappings=PASSES),
            width=16,
            text="value_and_name",
        ),
        stat(
            "Cooldown left",
            "Until when an arm comes too soon after the last flatten.",
            [ask("max(gov_cooldown_left_seconds)")],
            fields("s", thresholds=steps((None, GREEN), (0.001, YELLOW)), mappings=words((0, "none", GREEN))),
        ),
        stat(
            "Run in flight since",
            "When the request was accepted that is not finished.",
            [ask("max(gov_run_in_flight_timestamp_seconds) * 1000")],
            fields("dateTimeFromNow", mappings=words((0, "none", GREEN)), thresholds=steps((None, YELLOW))),
        ),
    )


def _gates_before() -> list[Json]:
    return row(
        8,
        states(
            "Each gate over time",
            "When a gate began to refuse, and when it let pass again.",
            [ask("min by (gate) (gov_gate_passes)", "{{gate}}", over_time=True)],
            fields(mappings=PASSES),
            width=16,
        ),
        stat(
            "Arms decided",
            "When an arm was last accepted, refused, or taken back; from the record, so a restart hides nothing.",
            [ask("max by (decision) (gov_last_arm_decision_timestamp_seconds) * 1000", "{{decision}}")],
            fields("dateTimeFromNow", mappings=words((0, "never", BLUE))),
            text="value_and_name",
        ),
    )


def _services() -> list[Json]:
    return row(
        7,
        stat(
            "Processes",
            "Whether Prometheus reaches them.",
            [ask("min by (job) (up)", "{{job}}")],
            fields(mappings=words((1, "up", GREEN), (0, "DOWN", RED))),
            width=6,
            text="value_and_name",
        ),
        stat(
            "Parts of each service",
            "What /readyz asks of each. /readyz itself says why a part is not ready.",
            [ask("min by (job, check) (flatguard_check_ok)", "{{job}}: {{check}}")],
            fields(mappings=READY),
            text="value_and_name",
        ),
    )


def _ages() -> list[Json]:
    return row(
        8,
        curves(
            "Age of the newest snapshot",
            "As the oracle published it, and as it reached the governor.",
            [
                ask("max(oracle_snapshot_age_seconds)", "published", over_time=True),
                ask("max(gov_snapshot_age_seconds)", "at the governor", over_time=True),
            ],
            "s",
        ),
        curves(
            "Polls of the exchange",
            "By what became of them.",
            [ask("sum by (result) (rate(oracle_polls_total[$__rate_interval]))", "{{result}}", over_time=True)],
            "ops",
        ),
        stat(
            "Rows nobody could read",
            "In the oracle's last reading: positions may hide there.",
            [ask("max(oracle_unreadable_rows)")],
            fields(thresholds=NONE_IS_GOOD),
            width=4,
        ),
    )


def _streams() -> list[Json]:
    return row(
        8,
        curves(
            "Oldest pending entry",
            "By stream. Handling an entry takes milliseconds; a run takes as long as the run.",
            [ask("max by (stream) (flatguard_oldest_pending_seconds)", "{{stream}}", over_time=True)],
            "s",
        ),
        curves(
            "Entries handled, retried, buried",
            "By stream and by what became of them.",
            [
                ask(
                    "sum by (stream, outcome) (rate(flatguard_entries_total[$__rate_interval]))",
                    "{{stream}}: {{outcome}}",
                    over_time=True,
                )
            ],
            "ops",
        ),
        stat(
            "Streams",
            "Whether each is being read.",
            [ask("min by (stream) (flatguard_stream_ready)", "{{stream}}")],
            fields(mappings=words((1, "being read", GREEN), (0, "NOT READ", RED))),
            width=5,
            text="value_and_name",
        ),
        stat(
            "Dead letters",
            "Commands that could never be handled.",
            [ask("max(flatguard_dead_letters)")],
            fields(thresholds=NONE_IS_GOOD),
            width=3,
        ),
    )
