"""Events about arming: what operators ask for, and what became of it."""

import hashlib
from typing import ClassVar

from msgspec import Struct

from contracts.base import Event
from contracts.positions import AllocationCheck
from contracts.vocabulary import Environment, Word

ISSUED_AHEAD_MAX_MS = 5_000
"""How far an operator's clock may be ahead of Redis's."""
ARM_LIFETIME_MAX_MS = 300_000
"""An arm is for now. One that a program armed for days would fire when nobody thinks of it any more."""


class Scope(Struct, frozen=True, kw_only=True):
    """What an arm covers: the whole account, or the named symbols."""

    symbols: tuple[str, ...] = ()
    """Empty: the whole account."""

    @property
    def whole_account(self) -> bool:
        """Whether every symbol is covered."""
        return not self.symbols

    def covers(self, symbol: str) -> bool:
        """Whether a position in `symbol` may be closed."""
        return self.whole_account or symbol in self.symbols


class Signature(Struct, frozen=True, kw_only=True):
    """One operator's signature of an arm, over `contracts.statements.signed_bytes`."""

    key_id: str
    """Which key made it: the first 16 hex digits of SHA-256 of the raw public key."""
    signature: str
    """Ed25519, 64 bytes in base64url without padding."""


class ArmRequested(Event, frozen=True, kw_only=True, tag="flatten.arm_requested.v1"):
    """An operator asked for one flatten. The same `arm_id` again is the same arm, with an approval more or without."""

    stream: ClassVar[str] = "flatten.arm"

    arm_id: str
    operator: str
    reason: str
    environment: Environment
    account: str
    scope: Scope
    issued_at_ms: int
    expires_at_ms: int
    plan_hash: str = ""
    """Of the plan that the operator looked at before; empty when there was none."""
    signatures: tuple[Signature, ...] = ()
    """The operator's own, and those of who approved. Empty where arms are not signed."""


class DisarmRequested(Event, frozen=True, kw_only=True, tag="flatten.disarm_requested.v1"):
    """An operator took an arm back before it was judged."""

    stream: ClassVar[str] = "flatten.arm"

    arm_id: str
    operator: str
    reason: str
    environment: Environment
    account: str
    issued_at_ms: int


class AbortRequested(Event, frozen=True, kw_only=True, tag="flatten.abort_requested.v1"):
    """An operator asked a run to stop: nothing more is sent, what is on its way is resolved, what is open is told."""

    stream: ClassVar[str] = "flatten.abort"

    request_id: str
    """The run to stop. One that has not begun yet will send nothing; one that is finished is not changed."""
    operator: str
    reason: str
    environment: Environment
    account: str
    issued_at_ms: int


class Gate(Word):
    """The conditions that must hold for an arm to become a request."""

    ENVIRONMENT = "environment"
    FORCE_FLAG = "force_flag"
    CONFIRM_PHRASE = "confirm_phrase"
    ESS_LATCH = "ess_latch"
    ARM_AUTHENTIC = "arm_authentic"
    ARM_UNUSED = "arm_unused"
    COOLDOWN = "cooldown"
    NO_RUN_IN_FLIGHT = "no_run_in_flight"


class GateVerdict(Struct, frozen=True, kw_only=True):
    """What one gate saw. Never holds a secret (I18)."""

    gate: Gate
    passed: bool
    observed: str
    required: str


class FlattenRequested(Event, frozen=True, kw_only=True, tag="flatten.requested.v1"):
    """Every gate passed: the executor shall flatten, once."""

    stream: ClassVar[str] = "flatten.requested"

    request_id: str
    """`request_id_of` namespace and arm id, so that a repeat is recognised."""
    arm: ArmRequested
    gates: tuple[GateVerdict, ...]
    breaches: tuple[AllocationCheck, ...]
    """P2.9 breaches in the newest snapshot: information, never a condition."""
    snapshot_id: str | None
    """Nothing when the oracle has published no snapshot: that does not stop a flatten."""
    snapshot_age_ms: int | None
    requested_at_ms: int


def request_id_of(namespace: str, arm_id: str) -> str:
    """The request that an arm becomes: always the same one, so that a repeat is recognised everywhere."""
    digest = hashlib.blake2b(f"{namespace}\0{arm_id}".encode(), digest_size=10).hexdigest()
    return f"req-{digest}"


class ArmAccepted(Event, frozen=True, kw_only=True, tag="arm.accepted.v1"):
    """The arm passed every gate and became a request."""

    stream: ClassVar[str] = "flatten.audit"

    arm_id: str
    request_id: str
    operator: str
    reason: str
    gates: tuple[GateVerdict, ...]
    decided_at_ms: int
    """By the Redis server's clock."""
    software_version: str = ""
    """The governor's. Empty in what older versions wrote."""
    config_hash: str = ""
    """Of the governor's settings, secrets aside, as in its first log line. Empty in what older versions wrote."""


class ArmRefused(Event, frozen=True, kw_only=True, tag="arm.refused.v1"):
    """The arm failed at least one gate. It is used up all the same."""

    stream: ClassVar[str] = "flatten.audit"

    arm_id: str
    operator: str
    reason: str
    gates: tuple[GateVerdict, ...]
    """All of them, passed ones too."""
    decided_at_ms: int


class ArmAwaitingApproval(Event, frozen=True, kw_only=True, tag="arm.awaiting_approval.v1"):
    """The arm passed every other gate and needs signatures of more people. It is not used up: it waits, and expires."""

    stream: ClassVar[str] = "flatten.audit"

    arm_id: str
    operator: str
    reason: str
    signed_by: tuple[str, ...]
    """The people whose signatures count, the operator among them."""
    needed: int
    """How many people have to sign."""
    expires_at_ms: int
    seen_at_ms: int
    """By the Redis server's clock."""
    not_counted: tuple[str, ...] = ()
    """Why other signatures of the arm do not count."""


class ArmRepeated(Event, frozen=True, kw_only=True, tag="arm.repeated.v1"):
    """An arm that had been decided was published again. Nothing was done: an arm works once (I1, I2)."""

    stream: ClassVar[str] = "flatten.audit"

    arm_id: str
    operator: str
    first_outcome: str
    """`fired`, `refused` or `disarmed`."""
    seen_at_ms: int


class ArmDisarmed(Event, frozen=True, kw_only=True, tag="arm.disarmed.v1"):
    """An arm was taken back; it can never fire."""

    stream: ClassVar[str] = "flatten.audit"

    arm_id: str
    operator: str
    reason: str
    first_outcome: str
    """What had become of the arm before: empty when the disarm came in time."""
    disarmed_at_ms: int
