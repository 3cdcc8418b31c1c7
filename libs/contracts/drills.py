"""What operators practise: a whole flatten on a simulator, in a namespace of its own. The record is the real one's."""

from typing import ClassVar

from msgspec import Struct

from contracts.arming import GateVerdict
from contracts.base import Event
from contracts.flattening import Counts, RunVerdict, Timings
from contracts.vocabulary import Environment, Word


class DrillOutcome(Word):
    """How a drill ended."""

    FLAT = "flat"
    """The run ended flat, dust aside, and an independent reading of the simulator says the same."""
    RESIDUAL = "residual"
    """Something was left open."""
    REFUSED = "refused"
    """The gates refused the arm, or what the drill was to talk to was no simulator."""
    UNKNOWN = "unknown"
    """No decision or no verdict in time, an aborted run, or a reading that is not whole."""
    FAILED = "failed"
    """It could not be held: a program did not start or died, or Redis was away."""
    INTERRUPTED = "interrupted"
    """Whoever held it stopped it."""


class DrillStarted(Event, frozen=True, kw_only=True, tag="drill.started.v1"):
    """A drill began. One that is not on record as completed later was cut off, and may have left keys behind."""

    stream: ClassVar[str] = "drill"

    drill_id: str
    operator: str
    reason: str
    environment: Environment
    """Of the stack whose operator practises. The drill itself is always in `sim`."""
    account: str
    namespace: str
    """Where its keys are while it goes on."""
    started_at_ms: int
    ends_before_ms: int
    """Nothing of it runs any more after that."""


class DrillTimes(Struct, frozen=True, kw_only=True):
    """How long each part took, in milliseconds; nothing for a part that was not reached."""

    ready_ms: int | None = None
    """From the first start of a program until all were ready."""
    decided_ms: int | None = None
    """From arming until the governor's decision was seen."""
    verdict_ms: int | None = None
    """From arming until the verdict was seen."""
    verified_ms: int | None = None
    """The independent reading, after the verdict."""


class DrillCompleted(Event, frozen=True, kw_only=True, tag="drill.completed.v1"):
    """A drill ended, and what it had started is gone."""

    stream: ClassVar[str] = "drill"

    drill_id: str
    """The arm of it has the same name."""
    operator: str
    reason: str
    environment: Environment
    account: str
    scenario: str
    outcome: DrillOutcome
    detail: str
    """Why it is not flat, in a line; empty when it is."""
    gates: tuple[GateVerdict, ...] = ()
    request_id: str = ""
    verdict: RunVerdict | None = None
    counts: Counts | None = None
    timings: Timings | None = None
    """Of the run, as the executor measured them."""
    times: DrillTimes = DrillTimes()
    verified: str = ""
    """What the independent reading said: `flat`, `flat_except_dust`, `open` or `unknown`; empty without one."""
    software_version: str
    started_at_ms: int
    finished_at_ms: int
