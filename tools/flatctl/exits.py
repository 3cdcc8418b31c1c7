"""Exit codes, which scripts rely on, and the one way in which a command fails."""

from contracts.flattening import FlattenCompleted, RunVerdict
from evidence.still_open import still_open

OK = 0
"""Done; for a run: flat, or flat except for dust."""
ERROR = 1
"""The command could not do its work: a wrong option or setting, Redis or the exchange away."""
RESIDUAL = 2
"""Something is still open, or may be opened by an order that waits; of a plan: something would stay open."""
FOUND = 2
"""Of the record: something is missing, changed, or not as it must be. The same number: somebody has to look."""
REFUSED = 3
"""Not done: refused by the gates or before them, not confirmed, taken back, too late, or nothing there to abort."""
UNKNOWN = 4
"""Nobody can say: aborted, not decided in time, or not read in full, with nothing known to be open."""
INTERRUPTED = 130
"""Ctrl-C. What was armed stays armed, what runs goes on."""

_OF_VERDICT = {
    RunVerdict.FLAT: OK,
    RunVerdict.FLAT_EXCEPT_DUST: OK,
    RunVerdict.ABORTED: UNKNOWN,
}


def of_run(completed: FlattenCompleted) -> int:
    """The exit code that stands for how a run ended: what is surely open comes before what is unknown."""
    if completed.verdict is RunVerdict.NOT_FLAT:
        return RESIDUAL if still_open(completed).certain else UNKNOWN
    return _OF_VERDICT[completed.verdict]


class CommandFailed(Exception):
    """The command ends here. The text is one clear line for the operator; `code` is the exit code."""

    def __init__(self, message: str, code: int = ERROR) -> None:
        super().__init__(message)
        self.code = code
