"""Signals that end the demo. It imports little: `__main__` prepares for them before anything slow is imported."""

import os
import signal
from types import FrameType

SIGNALLED = 128
STDERR = 2
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def heard() -> tuple[signal.Signals, ...]:
    """Those that end it. One that was ignored at the start, by nohup or in a script's background, stays so."""
    return tuple(number for number in ENDINGS if signal.getsignal(number) is not signal.SIG_IGN)


def end_at_once_on_any() -> None:
    """Until the demo listens itself: one line, and no more than that."""
    for number in heard():
        signal.signal(number, _end_at_once)


def _end_at_once(number: int, _frame: FrameType | None) -> None:
    """Not an exception: it would come out in the middle of somebody's import, and not every import lets it pass."""
    try:
        os.write(STDERR, f"demo: {signal.Signals(number).name}: ended before anything was started\n".encode())
    finally:
        os._exit(SIGNALLED + number)
