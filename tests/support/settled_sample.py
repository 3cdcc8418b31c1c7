"""The exact event of `tests/contract/samples/dead.settled.v1.json`; see `support.event_samples`."""

from contracts.dead_letters import DeadLetterSettled, LetterField, Settlement
from contracts.vocabulary import Environment

SETTLED = DeadLetterSettled(
    letter_id="1769571479200-0",
    settlement=Settlement.DROPPED,
    letter=(
        LetterField(name="type", value="flatten.arm_requested.v9"),
        LetterField(name="data", value="\\xff"),
        LetterField(name="dead_stream", value="quantum:gov:testnet:stream:flatten.arm"),
        LetterField(name="dead_error", value="unknown event type 'flatten.arm_requested.v9'"),
    ),
    operator="bob",
    reason="written by hand",
    environment=Environment.TESTNET,
    account="main",
    settled_at_ms=1_769_571_479_923,
)
