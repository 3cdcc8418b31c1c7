"""The policy: every gate, in the order in which they are reported. All of them always run."""

from collections.abc import Callable

from msgspec import Struct

from authority.verdict import Judgement
from contracts.arming import Gate, GateVerdict
from governor.core.case import ArmCase
from governor.core.gates.arm_authentic import arm_authentic
from governor.core.gates.arm_unused import arm_unused
from governor.core.gates.confirm_phrase import confirm_phrase
from governor.core.gates.cooldown import cooldown
from governor.core.gates.environment import environment
from governor.core.gates.ess_latch import ess_latch
from governor.core.gates.force_flag import force_flag
from governor.core.gates.no_run_in_flight import no_run_in_flight

GATES: tuple[Callable[[ArmCase], GateVerdict], ...] = (
    environment,
    force_flag,
    confirm_phrase,
    ess_latch,
    arm_authentic,
    arm_unused,
    cooldown,
    no_run_in_flight,
)


class Decision(Struct, frozen=True, kw_only=True):
    """What the gates said about one arm: one verdict for each of them."""

    verdicts: tuple[GateVerdict, ...]

    @property
    def passed(self) -> bool:
        """Whether the arm may become a request: every gate was asked, and every one passed (I3)."""
        return len(self.verdicts) == len(GATES) and all(verdict.passed for verdict in self.verdicts)

    @property
    def failed(self) -> tuple[GateVerdict, ...]:
        """The gates that refuse."""
        return tuple(verdict for verdict in self.verdicts if not verdict.passed)


def lacking(case: ArmCase, decision: Decision) -> Judgement | None:
    """Who signed so far, if the arm lacks nothing but the signatures of more people; nothing otherwise.

    Such an arm waits. One that would be refused anyway is refused at once: nobody is woken up to approve it.
    """
    operators = case.operators.operators
    if operators is None or [verdict.gate for verdict in decision.failed] != [Gate.ARM_AUTHENTIC]:
        return None
    judgement = case.signatures(operators)
    return judgement if judgement.waits else None


def judge(case: ArmCase) -> Decision:
    """Ask every gate. No gate is skipped because another one refused."""
    return Decision(verdicts=tuple(gate(case) for gate in GATES))
