"""Every position that a run saw, from the first reading to the last: nothing that was seen is forgotten."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from closing.filters import Bucket, PositionKey, Sieve, Sifted


class LedgerEntry(Struct, frozen=True, kw_only=True):
    """One position, as it was when the run first saw it not zero."""

    key: PositionKey
    quantity_before: Decimal
    mark_price: Decimal | None
    notional_usd: Decimal | None
    bucket: Bucket
    """Once `to_close`, always `to_close`; otherwise where the newest reading put it."""
    why: str


class Ledger(Struct, frozen=True, kw_only=True):
    """What the readings of a run showed, added up. Part of the journal, so that a resumed run counts honestly."""

    seen: int = 0
    """Rows of the largest reading."""
    unreadable: int = 0
    """Unreadable rows of the newest reading."""
    entries: tuple[LedgerEntry, ...] = ()
    resting_cancelled: int = 0

    def after(self, sieve: Sieve) -> "Ledger":
        """The ledger with one more reading."""
        known = {entry.key: entry for entry in self.entries}
        for sifted in sieve.nonzero:
            known[sifted.key] = _entry(sifted, known)
        return replace(
            self,
            seen=max(self.seen, sieve.seen, len(known) + len(sieve.unreadable)),
            unreadable=len(sieve.unreadable),
            entries=tuple(known.values()),
        )

    def keys_in(self, buckets: Iterable[Bucket]) -> set[PositionKey]:
        """The positions in any of these buckets."""
        wanted = frozenset(buckets)
        return {entry.key for entry in self.entries if entry.bucket in wanted}


def _entry(sifted: Sifted, known: Mapping[PositionKey, LedgerEntry]) -> LedgerEntry:
    before = known.get(sifted.key)
    if before is None:
        return LedgerEntry(
            key=sifted.key,
            quantity_before=sifted.position.quantity,
            mark_price=sifted.mark_price,
            notional_usd=sifted.notional_usd,
            bucket=sifted.bucket,
            why=sifted.why,
        )
    if before.bucket is Bucket.TO_CLOSE:
        return before
    return replace(before, bucket=sifted.bucket, why=sifted.why)
