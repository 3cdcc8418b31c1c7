"""What one check found, and which exit code a whole examination ends with. Pure."""

from collections.abc import Sequence

from msgspec import Struct

from contracts.vocabulary import Word
from flatctl import exits


class Grade(Word):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    """A flatten works; somebody should look at it."""
    FAILED = "failed"
    """Not fit: mend it before anybody relies on it."""
    UNKNOWN = "unknown"
    """Nobody can say from here."""


class Finding(Struct, frozen=True, kw_only=True):
    """One check. Never holds a secret (I18)."""

    check: str
    grade: Grade
    observed: str
    required: str = ""
    do: str = ""
    """What to do about it, where it is not as it should be."""
    decides: bool = True
    """Whether an unknown counts: without it, what can never be seen from here would hide what can."""


def code_of(findings: Sequence[Finding]) -> int:
    """What is surely wrong comes before what is unknown."""
    if any(found.grade is Grade.FAILED for found in findings):
        return exits.REFUSED
    if any(found.grade is Grade.UNKNOWN and found.decides for found in findings):
        return exits.UNKNOWN
    return exits.OK


SKEW_NOTED_MS = 1_000
"""The exchange refuses what is further ahead of its own clock."""
SKEW_MAX_MS = 5_000
"""The governor refuses an arm that is further ahead of Redis's clock, and the exchange an order that is older."""


def skew(check: str, offset_ms: int, error_ms: int, do: str) -> Finding:
    """How far another clock is from the one of this machine."""
    away = abs(offset_ms)
    grade = Grade.OK if away <= SKEW_NOTED_MS else Grade.WARNING if away <= SKEW_MAX_MS else Grade.FAILED
    direction = "ahead of" if offset_ms > 0 else "behind"
    return Finding(
        check=check,
        grade=grade,
        observed=f"{away} ms {direction} this machine's, give or take {error_ms} ms",
        required=f"within {SKEW_NOTED_MS} ms",
        do="" if grade is Grade.OK else do,
    )
