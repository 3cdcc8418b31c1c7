"""The rounds of one run: their number, their pace, and who has had all of theirs."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from closing.filters import Sifted
from exchange.model import RestingOrder
from flatten_executor.core.orders import OrderRecord, rounds_spent, tries
from flatten_executor.sending import Patience


class Rounds:
    """Counts for each position and each symbol by itself: one that can never close takes none of another's rounds."""

    def __init__(self, records: Mapping[str, OrderRecord], allowed: int, patience: Patience) -> None:
        self.number = max((record.round_number for record in records.values()), default=0)
        self.pause_s = patience.between_rounds_s
        """Before the next round."""
        self._records = records
        self._allowed = allowed
        self._patience = patience
        self._clearing: set[int] = set()
        """Rounds in which resting orders were cancelled."""
        self._cleared: Counter[str] = Counter()
        """In how many rounds a symbol's resting orders were cancelled."""

    def worth_a_try(
        self, to_close: Sequence[Sifted], resting: Sequence[RestingOrder]
    ) -> tuple[list[Sifted], list[RestingOrder]]:
        """What has not had all its rounds yet."""
        had = tries(self._records.values())
        return (
            [sifted for sifted in to_close if had[sifted.key] < self._allowed],
            [order for order in resting if self._cleared[order.symbol] < self._allowed],
        )

    @property
    def broke_rules(self) -> bool:
        """Whether the venue refused an order by an instrument's rules: they may have changed since they were read."""
        return any(record.breaks_rules for record in self._records.values())

    @contextmanager
    def next(self, clearing: Collection[str]) -> Iterator[None]:
        """One round; `clearing` are the symbols in which resting orders are cancelled."""
        spent = self._spent()
        self.number += 1
        if clearing:
            self._clearing.add(self.number)
            self._cleared.update(clearing)
        yield
        if self._spent() == spent:
            self.was_fruitless()
        else:
            self.pause_s = self._patience.between_rounds_s

    def was_fruitless(self) -> None:
        """Nothing came to an end: the next round comes later. Such rounds are bounded by the deadline alone."""
        self.pause_s = min(self.pause_s * 2, self._patience.between_rounds_max_s)

    def _spent(self) -> int:
        return len(rounds_spent(self._records.values()) | self._clearing)
