"""How many messages a person is sent: a few at once, then one in a while."""

BURST = 6
EVERY_S = 10.0


class Pace:
    """A bucket of messages that may be sent: full at first, and filled again slowly. The time is handed in."""

    def __init__(self, now_s: float) -> None:
        self._left = float(BURST)
        self._at_s = now_s

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next message may be sent; 0: now."""
        return max(0.0, (1 - self._filled(now_s)) * EVERY_S)

    def take(self, now_s: float) -> None:
        """A message is sent."""
        self._left, self._at_s = self._filled(now_s) - 1, now_s

    def _filled(self, now_s: float) -> float:
        return min(BURST, self._left + (now_s - self._at_s) / EVERY_S)
