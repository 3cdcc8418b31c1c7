"""Everything that an arm is judged by, gathered beforehand: gates look nowhere else. Time is inside."""

import re
from decimal import ROUND_CEILING, Decimal

from msgspec import Struct

from authority.operators import Operators, OperatorsSeen
from authority.verdict import Judgement, judge
from contracts.arming import ArmRequested
from contracts.vocabulary import Environment

_UNIX_SECONDS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?")


class Standing(Struct, frozen=True, kw_only=True):
    """What this governor was started with: whose arms it judges, and by which rules."""

    environment: Environment
    account: str
    live_allowed: bool
    """`FLATTEN_ALLOW_LIVE` is exactly `FLATTEN_LIVE`."""
    force_flatten: bool
    confirm_phrase: str
    cooldown_ms: int
    software_version: str = ""
    config_hash: str = ""
    """No gate looks at these two: they go on record with the decision."""


class LatchSeen(Struct, frozen=True, kw_only=True):
    """What the look at the ESS latch showed."""

    is_set: bool
    readable: bool
    detail: str


class Seen(Struct, frozen=True, kw_only=True):
    """One Redis value: there, not there, or there and unreadable."""

    value: str | None = None
    problem: str = ""
    """Why it cannot be read; empty when it can."""


class StoreSeen(Struct, frozen=True, kw_only=True):
    """What Redis held at one instant, by its own clock."""

    now_ms: int
    armed: Seen
    """The arm key: which arm is armed."""
    fired: Seen
    """What is on record about this arm."""
    last_ts: Seen
    """Unix seconds of the last accepted flatten."""
    active: Seen
    """The request in flight."""


class ArmCase(Struct, frozen=True, kw_only=True):
    """One arm and all that bears on it."""

    arm: ArmRequested
    standing: Standing
    latch: LatchSeen
    operators: OperatorsSeen
    store: StoreSeen

    def signatures(self, operators: Operators) -> Judgement:
        """Who signed the arm, and whether that is enough here and now."""
        return judge(self.arm, operators, self.standing.environment, self.store.now_ms)


def unix_ms_up(seconds: str) -> int | None:
    """Unix seconds as text in milliseconds, rounded up: a fraction never shortens a wait. Nothing when unreadable."""
    if not _UNIX_SECONDS.fullmatch(seconds):
        return None
    return int((Decimal(seconds) * 1000).to_integral_value(ROUND_CEILING))
