"""The live picture never makes what it shows late."""

from rich.console import Console, RenderableType
from rich.live import Live

from flatctl.history import Record
from flatctl.progress import RunProgress
from flatctl.screen import Screen
from flatctl.watching import Picture
from runtime.redaction import Redactor
from support.run_events import REQUEST_ID, whole_run


class SlowTerminal(Live):
    """Every picture takes its time, by a clock that nothing else moves."""

    def __init__(self, takes_s: float) -> None:
        super().__init__(console=Console(quiet=True), auto_refresh=False)
        self.now_s = 100.0
        self.drawn = 0
        self._takes_s = takes_s

    def update(self, _renderable: RenderableType, *, refresh: bool = False) -> None:
        self.now_s += self._takes_s
        self.drawn += refresh


def test_what_came_while_it_was_drawn_is_in_the_next_picture_not_each_in_one_of_its_own() -> None:
    terminal = SlowTerminal(takes_s=0.5)
    picture = Picture(Screen(Redactor()), terminal, lambda: terminal.now_s)
    progress = RunProgress(REQUEST_ID)

    for number, event in enumerate(whole_run()):
        picture(progress, Record(entry_id=f"1-{number}", event=event), progress.add(event))

    assert len(whole_run()) > 3
    assert terminal.drawn == 1
