"""Dead letters: what can never be handled, kept as it was, with the reason. And a limit on how fast they may grow."""

from collections import deque

from runtime.errors import DeadLetterLimitError
from runtime.group import Delivery, Group

_FIELDS_MAX = 1_000
_ERROR_CHARACTERS_MAX = 2_000


class DeadLetters:
    """Buries entries of one group into the dead-letter stream."""

    def __init__(self, group: Group, dead_key: str, *, limit: int, window_s: float) -> None:
        self._group = group
        self._dead_key = dead_key
        self._limit = limit
        self._window_s = window_s
        self._times_s: deque[float] = deque()

    async def bury(self, delivery: Delivery, why: str, deliveries: int | None, *, now_ms: int, now_s: float) -> bool:
        """Move the entry, in one script; False when it was no longer ours.

        Raises DeadLetterLimitError, with the entry still pending, when more than the limit would be buried within the
        window: a bad deploy must not bury every command.
        """
        while self._times_s and self._times_s[0] <= now_s - self._window_s:
            self._times_s.popleft()
        if len(self._times_s) >= self._limit:
            raise DeadLetterLimitError(
                f"more than {self._limit} dead letters within {self._window_s:g}s on {self._group.stream_key}: "
                f"stopping with the rest pending, because this program is likelier to be wrong than all of them; "
                f"the last: entry {delivery.id}: {why}"
            )
        buried = await self._group.bury(self._dead_key, delivery.id, self._letter(delivery, why, deliveries, now_ms))
        if buried:
            self._times_s.append(now_s)
        return buried

    def _letter(self, delivery: Delivery, why: str, deliveries: int | None, now_ms: int) -> list[bytes | str]:
        """The original fields as they were, then ours. Lua can't unpack without bound: the rest is only counted."""
        fields = delivery.fields or ()
        letter: list[bytes | str] = [text for pair in fields[:_FIELDS_MAX] for text in pair]
        ours = {
            "dead_stream": self._group.stream_key,
            "dead_entry_id": delivery.id,
            "dead_group": self._group.group,
            "dead_consumer": self._group.consumer,
            "dead_error": why[:_ERROR_CHARACTERS_MAX],
            "dead_deliveries": str(deliveries or 1),
            "dead_at_ms": str(now_ms),
        }
        if len(fields) > _FIELDS_MAX:
            ours["dead_fields_dropped"] = str(len(fields) - _FIELDS_MAX)
        return letter + [text for pair in ours.items() for text in pair]
