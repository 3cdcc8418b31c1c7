"""Which pending entries to try again, and when. Pure: the time is handed in."""

from collections.abc import Set as AbstractSet


class Retries:
    """Entries that a handler put off, each with a delay that doubles up to a cap."""

    def __init__(self, base_s: float, cap_s: float) -> None:
        self._base_s = base_s
        self._cap_s = cap_s
        self._due: dict[str, tuple[int, float]] = {}

    def put_off(self, entry_id: str, now_s: float) -> tuple[int, float]:
        """Note one more failed attempt; returns how many there were and the seconds to wait."""
        attempt = self._due.get(entry_id, (0, 0.0))[0] + 1
        delay_s = min(self._cap_s, self._base_s * 2.0 ** min(attempt - 1, 30))
        self._due[entry_id] = (attempt, now_s + delay_s)
        return attempt, delay_s

    def is_waiting(self, entry_id: str, now_s: float) -> bool:
        """Whether the entry was put off and its time has not come."""
        return entry_id in self._due and self._due[entry_id][1] > now_s

    def any_due(self, now_s: float) -> bool:
        """Whether an entry's time has come."""
        return any(due_s <= now_s for _, due_s in self._due.values())

    def due_in_s(self, now_s: float) -> float | None:
        """Seconds until the next one is due; nothing when none waits."""
        return max(0.0, min(due_s for _, due_s in self._due.values()) - now_s) if self._due else None

    def forget(self, entry_id: str) -> None:
        """The entry is done."""
        self._due.pop(entry_id, None)

    def keep_only(self, pending: AbstractSet[str]) -> None:
        """Forget what is not pending with us any more: another consumer took it over."""
        for entry_id in self._due.keys() - pending:
            del self._due[entry_id]
