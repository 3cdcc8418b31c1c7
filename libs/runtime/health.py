"""What /readyz asks: is this part able to do its work, and if not, why not."""

from collections.abc import Callable, Mapping

from msgspec import Struct


class Check(Struct, frozen=True):
    """One part's answer."""

    ok: bool
    why: str = ""
    """What an operator reads; never a secret."""

    @classmethod
    def unless(cls, problem: str) -> "Check":
        """Fine, unless there is a problem."""
        return cls(ok=not problem, why=problem)


Checks = Mapping[str, Callable[[], Check]]
"""Every part by name. Asking costs nothing: it reads what the part knows about itself, it does not go and try."""

OK = Check(ok=True)
