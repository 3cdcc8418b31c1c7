"""The whole verification: the chain, what can be read, and each invariant that the streams can show."""

from collections.abc import Iterator, Sequence
from functools import partial

from msgspec import Struct

from authority.operators import Operators
from contracts.arming import ArmAccepted, ArmRequested, FlattenRequested
from contracts.flattening import FlattenCompleted, OrderIntended
from evidence.arms import apart_by_the_cooldown, one_request_for_an_arm, only_from_good_arms
from evidence.findings import Check, Finding, Standing, Verdict, unshown, verdict
from evidence.history import AUDIT, History
from evidence.links import CarriedOut, Chain, check_chain
from evidence.orders import (
    behind_passed_gates,
    intended_before_sent,
    never_more_than_the_position,
    one_id_for_one_order,
    only_against_the_position,
)
from evidence.outcomes import acknowledged_with_an_outcome, counts_add_up, flat_by_a_later_reading
from evidence.runs import runs_of


class Verification(Struct, frozen=True, kw_only=True):
    """What was found."""

    chain: Chain
    checks: tuple[Verdict, ...]
    """Without the chain's own: what can be read, then the invariants."""

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """All of them."""
        return (self.chain.verdict, *self.checks)

    @property
    def standing(self) -> Standing:
        """Of the whole: what is surely wrong comes first."""
        found = {each.standing for each in self.verdicts}
        return next((each for each in (Standing.BROKEN, Standing.CANNOT_BE_SHOWN) if each in found), Standing.HOLDS)


def checks(operators: Operators | None) -> tuple[Check, ...]:
    """Every check but the chain's. All of them always run; without operators no signature can be verified."""
    return (
        Check(name="entries", rule="everything in the evidence can be read", counts=_entries, finds=_unread),
        Check(name="I1", rule="at most one request per arm", counts=_requests, finds=one_request_for_an_arm),
        Check(
            name="I2",
            rule="no request from an expired, replayed, disarmed or wrongly signed arm",
            counts=_requests,
            finds=partial(only_from_good_arms, operators=operators),
        ),
        Check(name="I3", rule="no order unless every gate passed", counts=_runs, finds=behind_passed_gates),
        Check(name="I4", rule="accepted arms are a cooldown apart", counts=_accepted, finds=apart_by_the_cooldown),
        Check(name="I5", rule="every order is on the opposite side", counts=_orders, finds=only_against_the_position),
        Check(
            name="I6",
            rule="no more is asked for, or filled, than the position as read",
            counts=_orders,
            finds=never_more_than_the_position,
        ),
        Check(
            name="I7",
            rule="one client order id for one order, none new in doubt",
            counts=_orders,
            finds=one_id_for_one_order,
        ),
        Check(name="I8", rule="the counts add up", counts=_verdicts, finds=counts_add_up),
        Check(
            name="I9",
            rule="flat only by a reading after the last order",
            counts=_verdicts,
            finds=flat_by_a_later_reading,
        ),
        Check(
            name="I10",
            rule="the intent is on record before the order is sent",
            counts=_orders,
            finds=intended_before_sent,
        ),
        Check(
            name="I11",
            rule="nothing is acknowledged without its outcome",
            counts=_commands,
            finds=acknowledged_with_an_outcome,
        ),
    )


def verify(
    history: History, *, operators: Operators | None = None, carried_out: Sequence[CarriedOut] = ()
) -> Verification:
    """Look at everything. Pure: the same history gives the same findings, whether from Redis or from an export."""
    found = tuple(
        verdict(check.name, check.rule, check.counts(history), tuple(check.finds(history)))
        for check in checks(operators)
    )
    return Verification(chain=check_chain(history, carried_out), checks=found)


def _unread(history: History) -> Iterator[Finding]:
    for unread in history.unread:
        if unread.entry.stream in {AUDIT, FlattenRequested.stream, FlattenCompleted.stream}:
            yield unshown(unread.entry, f"this version cannot read it: {unread.problem}")


def _entries(history: History) -> int:
    return sum(len(history.entries(stream)) for stream in (AUDIT, FlattenRequested.stream, FlattenCompleted.stream))


def _requests(history: History) -> int:
    return len(history.of(FlattenRequested))


def _commands(history: History) -> int:
    return len(history.entries(ArmRequested.stream)) + len(history.entries(FlattenRequested.stream))


def _accepted(history: History) -> int:
    return len(history.of(ArmAccepted))


def _orders(history: History) -> int:
    return len(history.of(OrderIntended))


def _verdicts(history: History) -> int:
    return len(history.of(FlattenCompleted))


def _runs(history: History) -> int:
    return sum(bool(run.intended) for run in runs_of(history))
