"""Whether a request may run here and now: write access to Redis alone must not flatten an account."""

from collections.abc import Iterator

from msgspec import Struct

from authority.operators import OperatorsSeen
from authority.verdict import judge
from contracts.arming import ARM_LIFETIME_MAX_MS, ISSUED_AHEAD_MAX_MS, FlattenRequested, Gate
from contracts.streams import ACTIVE_TTL_S
from contracts.vocabulary import Environment

RESUMED_MAX_AGE_MS = ACTIVE_TTL_S * 1_000
"""A run that had orders is brought to its end while it counts as in flight; after that a new arm has to say so."""
AHEAD_MAX_MS = 5_000
"""Request and executor go by the same Redis server's clock; more than this ahead of it is no honest request."""


class AdmissionCase(Struct, frozen=True, kw_only=True):
    """Everything that the decision looks at."""

    request: FlattenRequested
    account: str
    environment: Environment
    live_allowed: bool
    """`FLATTEN_ALLOW_LIVE` is exactly `FLATTEN_LIVE`."""
    latch_set: bool
    latch_detail: str
    operators: OperatorsSeen
    """Who may sign arms, by this executor's own operators' file."""
    now_ms: int
    """By the Redis server's clock, as is the request's time."""
    max_age_ms: int
    orders_on_record: bool
    """An earlier attempt was admitted and intended orders."""
    own_request_id: str
    """The only request that this arm may become."""
    fired_request_id: str | None
    """What the governor's record says that the arm fired; nothing when it does not know the arm."""
    active_request_id: str | None
    """The request in flight when the run began; nothing when none was."""


def standing_objections(environment: Environment, *, live_allowed: bool) -> tuple[str, ...]:
    """Why every request will be refused, by the settings alone; empty when not."""
    if environment is Environment.LIVE and not live_allowed:
        return ("the environment is live, and FLATTEN_ALLOW_LIVE is not FLATTEN_LIVE",)
    return ()


def objections(case: AdmissionCase) -> tuple[str, ...]:
    """Why the run must not send orders; empty when it may. All reasons, not only the first (I3)."""
    request = case.request
    age_ms = case.now_ms - request.requested_at_ms
    allowed_ms = max(case.max_age_ms, RESUMED_MAX_AGE_MS) if case.orders_on_record else case.max_age_ms
    failed_gates = [verdict.gate for verdict in request.gates if not verdict.passed]
    missing_gates = set(Gate) - {verdict.gate for verdict in request.gates}
    rules = (
        (
            request.arm.account == case.account,
            f"the request is for account {request.arm.account!r}, not {case.account!r}",
        ),
        (
            request.arm.environment == case.environment,
            f"the request is for environment {request.arm.environment}, not {case.environment}",
        ),
        (case.latch_set, f"the ESS latch is not set: {case.latch_detail}"),
        (
            age_ms <= allowed_ms,
            f"the request is {age_ms} ms old, more than {allowed_ms}",
        ),
        (age_ms >= -AHEAD_MAX_MS, f"the request is from {-age_ms} ms in the future"),
        (not failed_gates, f"the request itself says that gates failed: {', '.join(failed_gates)}"),
        (not missing_gates, f"the request carries no verdict of {', '.join(sorted(missing_gates))}"),
        (
            case.active_request_id in {None, request.request_id},
            f"request {case.active_request_id!r} is in flight",
        ),
        (
            case.fired_request_id == request.request_id,
            f"the governor's record says that the arm fired {case.fired_request_id!r}, not {request.request_id!r}",
        ),
        (
            request.request_id == case.own_request_id,
            f"the arm can only become {case.own_request_id!r}, not {request.request_id!r}",
        ),
    )
    standing = standing_objections(case.environment, live_allowed=case.live_allowed)
    return (*standing, *(reason for holds, reason in rules if not holds), *_not_permitted(case))


def _not_permitted(case: AdmissionCase) -> Iterator[str]:
    """What the operators' own words say against it: whoever can write to Redis can forge everything else (I2)."""
    arm, decided_at_ms = case.request.arm, case.request.requested_at_ms
    lifetime_ms = arm.expires_at_ms - arm.issued_at_ms
    if lifetime_ms > ARM_LIFETIME_MAX_MS:
        yield f"the arm is valid for {lifetime_ms} ms, more than the {ARM_LIFETIME_MAX_MS} that an arm may live"
    if not arm.issued_at_ms - ISSUED_AHEAD_MAX_MS <= decided_at_ms < arm.expires_at_ms:
        yield "the request was not decided in the time for which the arm was made"
    operators, problem = case.operators.operators, case.operators.problem
    if operators is not None:
        found = judge(arm, operators, case.environment, case.now_ms)
        if not found.enough:
            yield f"the arm is not authentic: {found.told}"
    elif problem:
        yield f"the arm cannot be verified: {problem}"
    elif case.environment is not Environment.SIM:
        yield f"the arm is not verified: OPERATORS_FILE is not set, and the environment is {case.environment}"
