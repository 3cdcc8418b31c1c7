"""Arms and requests: one request for an arm, none from an arm that may not fire, and never too soon after another."""

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from authority.keys import verifies
from authority.operators import Operators
from authority.verdict import judge
from contracts.arming import (
    ISSUED_AHEAD_MAX_MS,
    ArmAccepted,
    ArmDisarmed,
    ArmRefused,
    ArmRequested,
    FlattenRequested,
    Gate,
)
from contracts.statements import signed_bytes
from contracts.vocabulary import Environment
from evidence.findings import Finding, broken, unshown
from evidence.history import Entry, History, Told

STAMPED_LATER_MS = 100
"""Redis before 7 stamps an entry when it is appended, a moment after the script has read the time."""
_COOLDOWN = re.compile(r">= ([0-9]{1,9}(?:\.[0-9]{1,9})?)s")


def one_request_for_an_arm(history: History) -> Iterator[Finding]:
    """I1: at most one request, and one acceptance, for each arm."""
    requested = [(told.entry, told.event.arm.arm_id) for told in history.of(FlattenRequested)]
    accepted = [(told.entry, told.event.arm_id) for told in history.of(ArmAccepted)]
    for became in (requested, accepted):
        first: dict[str, str] = {}
        for entry, arm_id in became:
            if first.setdefault(arm_id, entry.id) != entry.id:
                yield broken(entry, f"arm {arm_id} became a request before, in {first[arm_id]}")


def only_from_good_arms(history: History, operators: Operators | None) -> Iterator[Finding]:
    """I2: no request from an arm that was expired, used up, taken back, wrongly signed, or never asked for."""
    asked: dict[str, list[Told[ArmRequested]]] = {}
    for request in history.of(ArmRequested):
        asked.setdefault(request.event.arm_id, []).append(request)
    used_up = _used_up(history)
    accepted = {told.event.arm_id: told.entry for told in reversed(history.of(ArmAccepted))}
    for told in history.of(FlattenRequested):
        arm, at_ms = told.event.arm, told.entry.at_ms
        if at_ms >= arm.expires_at_ms + STAMPED_LATER_MS:
            yield broken(told.entry, f"arm {arm.arm_id} had expired {at_ms - arm.expires_at_ms} ms before")
        if arm.issued_at_ms > at_ms + ISSUED_AHEAD_MAX_MS:
            yield broken(told.entry, f"arm {arm.arm_id} was issued {arm.issued_at_ms - at_ms} ms in the future")
        before, decision = used_up.get(arm.arm_id), accepted.get(arm.arm_id)
        if before is not None and decision is not None and before[0].order < decision.order:
            yield broken(decision, f"arm {arm.arm_id} had been {before[1]} before, in {before[0].id}")
        yield from _as_asked(history, told, asked.get(arm.arm_id, []))
        yield from _signatures(told, operators)


def apart_by_the_cooldown(history: History) -> Iterator[Finding]:
    """I4: accepted arms are as far apart as the later one's gate asked for, by the Redis server's clock."""
    accepted = history.of(ArmAccepted)
    for before, told in pairwise(accepted):
        required = next((gate.required for gate in told.event.gates if gate.gate is Gate.COOLDOWN), "")
        asked = _COOLDOWN.fullmatch(required)
        apart_ms = told.entry.at_ms - before.entry.at_ms
        if asked is None:
            yield unshown(told.entry, f"its cooldown is not on record: {required[:60]!r}")
        elif apart_ms + STAMPED_LATER_MS < Decimal(asked[1]) * 1000:
            yield broken(
                told.entry, f"accepted {apart_ms} ms after {before.entry.id}, and the cooldown is {asked[1]} s"
            )


def _used_up(history: History) -> dict[str, tuple[Entry, str]]:
    """The first decision that an arm may not fire any more, for each arm."""
    found: dict[str, tuple[Entry, str]] = {}
    for refused in history.of(ArmRefused):
        found.setdefault(refused.event.arm_id, (refused.entry, "refused"))
    for disarmed in history.of(ArmDisarmed):
        if not disarmed.event.first_outcome:
            known = found.get(disarmed.event.arm_id)
            if known is None or disarmed.entry.order < known[0].order:
                found[disarmed.event.arm_id] = (disarmed.entry, "taken back")
    return found


def _as_asked(history: History, told: Told[FlattenRequested], asked: list[Told[ArmRequested]]) -> Iterator[Finding]:
    arm = told.event.arm
    if any(_same(each.event, arm) and each.entry.at_ms <= told.entry.at_ms for each in asked):
        return
    if asked:
        yield broken(told.entry, f"arm {arm.arm_id} is not what was asked for in {asked[0].entry.id}")
    elif history.whole(ArmRequested.stream):
        yield broken(told.entry, f"nobody asked for arm {arm.arm_id}")
    else:
        yield unshown(told.entry, f"who asked for arm {arm.arm_id} is not in this record")


def _same(one: ArmRequested, other: ArmRequested) -> bool:
    try:
        return signed_bytes(one) == signed_bytes(other)
    except ValueError:
        return False


def _signatures(told: Told[FlattenRequested], operators: Operators | None) -> Iterator[Finding]:
    arm = told.event.arm
    if not arm.signatures:
        if arm.environment is not Environment.SIM:
            yield broken(told.entry, f"arm {arm.arm_id} is not signed, and the environment is {arm.environment}")
        elif operators is not None:
            yield unshown(told.entry, f"arm {arm.arm_id} is not signed: sim allows it where no operators are named")
        return
    if operators is None:
        yield unshown(told.entry, f"the signatures of arm {arm.arm_id}: OPERATORS_FILE is not set here")
        return
    judgement = judge(arm, operators, arm.environment, told.entry.at_ms)
    if judgement.enough:
        return
    forged = [
        signature.key_id
        for signature in arm.signatures
        if (key := operators.key(signature.key_id)) is not None
        and not verifies(key.raw, signature.signature, signed_bytes(arm))
    ]
    if forged:
        yield broken(told.entry, f"arm {arm.arm_id}: {judgement.told}")
    else:
        yield unshown(told.entry, f"arm {arm.arm_id}, by today's operators: {judgement.told}")
