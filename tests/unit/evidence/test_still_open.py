"""What a verdict knows of what is still open, in words and as an exit code."""

import pytest

from contracts.flattening import Counts, FlattenCompleted, RunVerdict
from evidence.still_open import still_open
from flatctl import exits
from support.run_events import completed, residual, two_closed, waiting

NOT_FLAT = RunVerdict.NOT_FLAT
READ = "(exchange read at 2026-01-28 03:37:59 UTC)"
UNREAD = "unknown, the exchange could not be read at the end"
UNSURE = f"nothing was seen {READ}, but nobody can say that it stays so"
OPEN, HIDDEN = residual("ETHUSDT", "9.1", "31361"), residual("XUSDT", None, None)

CASES = {
    "flat": (completed(), 0, f"nothing {READ}"),
    "dust": (completed(RunVerdict.FLAT_EXCEPT_DUST, left=(residual("A", "1", "0.3"),)), 0, "1 positions, $0.30"),
    "open": (completed(NOT_FLAT, left=(OPEN,)), 2, "1 positions, $31,361.00"),
    "open without a price": (
        completed(NOT_FLAT, left=(OPEN, residual("A", "1", None))),
        2,
        "2 positions, $31,361.00 and 1 without a price",
    ),
    "open, and a row hidden": (
        completed(NOT_FLAT, left=(OPEN, HIDDEN)),
        2,
        "1 positions, $31,361.00; unknown, 1 rows could not be read, each may hide an open position",
    ),
    "a row hidden": (
        completed(NOT_FLAT, left=(HIDDEN,)),
        4,
        "unknown, 1 rows could not be read, each may hide an open position",
    ),
    "never read": (completed(NOT_FLAT, counts=Counts(), verified_at_ms=None), 4, UNREAD),
    "not read at the end": (
        completed(NOT_FLAT, left=(residual("ETHUSDT", None, "31361"),), verified_at_ms=None),
        4,
        f"{UNREAD}; before that 1 positions, $31,361.00",
    ),
    "not read at the end, when orders waited": (
        completed(NOT_FLAT, resting_left=(waiting("ADAUSDT"),), verified_at_ms=None),
        4,
        UNREAD,
    ),
    "waiting orders that may open": (
        completed(NOT_FLAT, resting_left=(waiting("ADAUSDT"), waiting("BUSDT", reduce_only=True))),
        2,
        f"{UNSURE}; 1 waiting orders may open a position again",
    ),
    "an order lost": (
        completed(NOT_FLAT, counts=two_closed(ok=1, orders_ok=1, unknown=1)),
        4,
        f"{UNSURE}; 1 orders of which nobody knows what became",
    ),
    "not read in order": (completed(NOT_FLAT), 4, UNSURE),
    "flat within the scope": (
        completed(counts=two_closed(nonzero=5, zero=0, seen=5, out_of_scope=3)),
        0,
        f"nothing {READ}; 3 positions outside it were not touched",
    ),
    "aborted": (completed(RunVerdict.ABORTED, left=(OPEN,), abort_reason="enough"), 4, "1 positions, $31,361.00"),
}


@pytest.mark.parametrize(("verdict", "code", "text"), CASES.values(), ids=CASES)
def test_only_what_the_last_reading_showed_is_open_and_what_it_did_not_is_unknown(
    verdict: FlattenCompleted, code: int, text: str
) -> None:
    assert (exits.of_run(verdict), still_open(verdict).text) == (code, text)


def test_every_verdict_has_an_exit_code() -> None:
    assert {exits.of_run(completed(verdict)) for verdict in RunVerdict} == {exits.OK, exits.UNKNOWN}
