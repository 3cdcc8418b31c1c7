"""What a command waits for, and for how long: a line on stderr that comes and goes, in a terminal alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Waiting:
    """`with Waiting(…) as waiting:` shows the line until the end of the block. Without a console nothing is shown."""

    def __init__(self, console: Console | None, clean: Callable[[str], str], text: str) -> None:
        self._clean = clean
        self._progress = None
        if console is not None:
            self._progress = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                TimeElapsedColumn(),
                console=console,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._task = self._progress.add_task(clean(text), total=None)

    def __enter__(self) -> Self:
        """Show it."""
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take it away."""
        if self._progress is not None:
            self._progress.stop()

    def say(self, text: str) -> None:
        """It waits for something else now; the time goes on."""
        if self._progress is not None:
            self._progress.update(self._task, description=self._clean(text))

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Out of the way while something is printed: both may be the same terminal."""
        if self._progress is None:
            yield
            return
        self._progress.stop()
        try:
            yield
        finally:
            self._progress.start()
