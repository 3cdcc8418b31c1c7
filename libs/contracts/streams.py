"""Who says what to whom: the streams, their events, writers and readers, and every key. Start reading here."""

from msgspec import Struct

from contracts.arming import (
    AbortRequested,
    ArmAccepted,
    ArmAwaitingApproval,
    ArmDisarmed,
    ArmRefused,
    ArmRepeated,
    ArmRequested,
    DisarmRequested,
    FlattenRequested,
)
from contracts.base import Event
from contracts.dead_letters import DeadLetterSettled
from contracts.drills import DrillCompleted, DrillStarted
from contracts.flattening import (
    FlattenCompleted,
    OrderIntended,
    OrderResolved,
    RunFinished,
    RunStarted,
    RunVerified,
)
from contracts.positions import AllocationStateChanged, PositionSnapshot
from contracts.resting import RestingCancelled

GOVERNOR_GROUP = "governor"
EXECUTOR_GROUP = "flatten-executor"

DEFAULT_NAMESPACE = "quantum:gov:testnet"
DEFAULT_ALLOCATION_PREFIX = "quantum:allocation:target:"
DEFAULT_POSITIONS_PREFIX = "quantum:positions:"
"""Positions that other programs cache. Nobody here relies on them."""

ARM_TTL_S = 60
"""How long an arm lives in Redis."""
ACTIVE_TTL_S = 900
"""How long a request counts as in flight when its executor never finishes it."""
SNAPSHOT_KEEP = 1_000
"""About how many snapshots the stream keeps (XADD MAXLEN ~)."""


class Stream(Struct, frozen=True, kw_only=True):
    """One stream of the topology. `name` stands after `<namespace>:stream:`."""

    name: str
    events: tuple[type[Event], ...]
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    group: str | None = None
    """The consumer group of a command stream; state and history are read without one."""
    about: str


STREAMS: tuple[Stream, ...] = (
    Stream(
        name="position.snapshot",
        events=(PositionSnapshot,),
        writers=("position-oracle",),
        readers=("governor", "tools"),
        about="What the exchange shows, newest wins; trimmed to about 1,000 entries.",
    ),
    Stream(
        name="allocation.checked",
        events=(AllocationStateChanged,),
        writers=("governor",),
        readers=("tools",),
        about="P2.9 verdicts, one entry for each change of a symbol's verdict.",
    ),
    Stream(
        name="flatten.arm",
        events=(ArmRequested, DisarmRequested),
        writers=("operator",),
        readers=("governor",),
        group=GOVERNOR_GROUP,
        about="What operators ask for. Never trimmed while pending or undelivered.",
    ),
    Stream(
        name="flatten.abort",
        events=(AbortRequested,),
        writers=("operator",),
        readers=("flatten-executor", "tools"),
        about="Runs that operators want stopped. Read without a group by the executor of the run, as it works.",
    ),
    Stream(
        name="flatten.requested",
        events=(FlattenRequested,),
        writers=("governor",),
        readers=("flatten-executor",),
        group=EXECUTOR_GROUP,
        about="Arms that passed every gate, written inside the fire script only.",
    ),
    Stream(
        name="flatten.completed",
        events=(FlattenCompleted,),
        writers=("flatten-executor",),
        readers=("everyone",),
        about="Verdicts, written inside the finish script only.",
    ),
    Stream(
        name="flatten.audit",
        events=(
            ArmAccepted,
            ArmRefused,
            ArmAwaitingApproval,
            ArmRepeated,
            ArmDisarmed,
            RunStarted,
            OrderIntended,
            OrderResolved,
            RestingCancelled,
            RunVerified,
            RunFinished,
        ),
        writers=("governor", "flatten-executor"),
        readers=("everyone",),
        about="The evidence: every decision and every order, in order. Never trimmed by count.",
    ),
    Stream(
        name="dead",
        events=(),
        writers=("governor", "flatten-executor"),
        readers=("operator", "notifier"),
        about="Entries that can never be handled, as they were, with group, error and delivery count.",
    ),
    Stream(
        name="dead.settled",
        events=(DeadLetterSettled,),
        writers=("operator",),
        readers=("operator", "tools"),
        about="Dead letters that operators put back or dropped, each as it was, with who and why.",
    ),
    Stream(
        name="drill",
        events=(DrillStarted, DrillCompleted),
        writers=("operator",),
        readers=("operator", "tools"),
        about="Drills on a simulator, with their results. What happens in one is in a namespace that ends with it.",
    ),
)

EVENTS: dict[str, type[Event]] = {event.event_type(): event for stream in STREAMS for event in stream.events}
"""Every event type that travels, by its type."""


class Keys(Struct, frozen=True):
    """Every key of one namespace: one account in one environment."""

    namespace: str

    @property
    def arm(self) -> str:
        """String, EX 60: the armed `arm_id`. Deleting it disarms."""
        return f"{self.namespace}:flatten:arm"

    @property
    def last_ts(self) -> str:
        """String: Unix seconds of the last accepted flatten, rounded up. The cooldown reads it."""
        return f"{self.namespace}:flatten:last_ts"

    @property
    def fired(self) -> str:
        """Hash without expiry: `arm_id` → what became of it."""
        return f"{self.namespace}:flatten:fired"

    @property
    def active(self) -> str:
        """String, EX 900: the request in flight."""
        return f"{self.namespace}:flatten:active"

    @property
    def audit_head(self) -> str:
        """String: where the chain of the audit stream stands (`contracts.chain`)."""
        return f"{self.namespace}:flatten:audit_head"

    def run(self, request_id: str) -> str:
        """Hash: the executor's journal of one run."""
        return f"{self.namespace}:run:{request_id}"

    @property
    def notifier_holder(self) -> str:
        """String, PX 15000: which of several notifiers tells."""
        return f"{self.namespace}:notifier:holder"

    @property
    def notifier_places(self) -> str:
        """Hash: address and stream → id of the last entry that the address was told of."""
        return f"{self.namespace}:notifier:places"

    def scratch(self, owner: str, token: str) -> "Keys":
        """Keys on which `owner` tries its scripts at one start: below this namespace, and nobody else's."""
        return Keys(f"{self.namespace}:scratch:{owner}:{token}")

    def drill(self, drill_id: str) -> "Keys":
        """Keys of one drill: below this namespace, and gone when the drill ends."""
        return Keys(f"{self.namespace}:drill:{drill_id}")

    def stream(self, name: str) -> str:
        """The key of a stream of the topology. Raises KeyError for a name that is not in it."""
        if name not in _STREAM_NAMES:
            raise KeyError(f"no stream {name!r} in the topology")
        return f"{self.namespace}:stream:{name}"

    def of(self, event: type[Event]) -> str:
        """The key of the stream that carries `event`."""
        return self.stream(event.stream)


_STREAM_NAMES = frozenset(stream.name for stream in STREAMS)
