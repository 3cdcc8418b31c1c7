"""Whether the signatures of an arm are enough. Pure: arm, operators and the time in, a judgement out. Never raises."""

from msgspec import Struct

from authority.keys import verifies
from authority.operators import Operators
from contracts.arming import ArmRequested, Signature
from contracts.statements import signed_bytes
from contracts.vocabulary import Environment

LOOKED_AT_MAX = 8
"""More signatures than that are not looked at: each costs time."""


class Judgement(Struct, frozen=True, kw_only=True):
    """Who signed, and whether that is enough."""

    operator: str
    needed: int
    signed_by: tuple[str, ...]
    """The people whose signatures count, each once."""
    not_counted: tuple[str, ...] = ()
    """Why each other signature does not count. Holds no signature (I18)."""

    @property
    def by_the_operator(self) -> bool:
        """Whether the one who asks has signed: a name that anybody may write proves nothing."""
        return self.operator in self.signed_by

    @property
    def enough(self) -> bool:
        """Whether the arm may fire, as far as signatures go."""
        return self.by_the_operator and len(self.signed_by) >= self.needed

    @property
    def waits(self) -> bool:
        """Whether nothing is missing but the signatures of more people."""
        return self.by_the_operator and len(self.signed_by) < self.needed

    @property
    def told(self) -> str:
        """For people, in one line."""
        who = f"signed by {', '.join(self.signed_by)}" if self.signed_by else "signed by nobody who may"
        missing = [] if self.by_the_operator else [f"not by its operator {self.operator[:80]!r}"]
        return "; ".join([f"{who} ({len(self.signed_by)} of {self.needed})", *missing, *self.not_counted])


def judge(arm: ArmRequested, operators: Operators, environment: Environment, now_ms: int) -> Judgement:
    """Look at every signature of `arm`, up to `LOOKED_AT_MAX`.

    `environment` is where the judge stands, not what the arm says, and `now_ms` is Redis's clock.
    """
    signed_by: list[str] = []
    not_counted: list[str] = []
    for signature in arm.signatures[:LOOKED_AT_MAX]:
        name, doubt = _signer(signature, arm, operators, now_ms)
        if doubt:
            not_counted.append(f"key {signature.key_id[:20]!r} {doubt}")
        elif name in signed_by:
            not_counted.append(f"key {signature.key_id!r} is {name}'s, whose signature is there already")
        else:
            signed_by.append(name)
    if len(arm.signatures) > LOOKED_AT_MAX:
        not_counted.append(f"{len(arm.signatures) - LOOKED_AT_MAX} more signatures were not looked at")
    return Judgement(
        operator=arm.operator,
        needed=operators.policy.needed(environment),
        signed_by=tuple(signed_by),
        not_counted=tuple(not_counted),
    )


def _signer(signature: Signature, arm: ArmRequested, operators: Operators, now_ms: int) -> tuple[str, str]:
    """Whose signature it is, and why it does not count."""
    key = operators.key(signature.key_id)
    if key is None:
        return "", "is not among the operators' keys"
    doubt = key.doubt(now_ms)
    if doubt:
        return key.name, f"is {key.name}'s and {doubt}"
    try:
        statement = signed_bytes(arm)
    except ValueError:
        return key.name, "signs an arm that cannot be written down"
    if not verifies(key.raw, signature.signature, statement):
        return key.name, f"is {key.name}'s, but the signature is not of this arm"
    return key.name, ""
