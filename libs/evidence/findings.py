"""What a check says: whether something holds, and which entry shows that it does not."""

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from contracts.vocabulary import Word
from evidence.history import Entry, History


class Standing(Word):
    """How a check ended."""

    HOLDS = "holds"
    BROKEN = "broken"
    CANNOT_BE_SHOWN = "cannot_be_shown"
    """Nothing speaks against it, and something that would prove it is not there."""


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is wrong, or that cannot be shown."""

    stream: str
    """After the namespace; empty when it is about no single stream."""
    entry_id: str
    """Empty when it is about no single entry."""
    what: str
    certain: bool = True
    """Whether something is wrong; otherwise nobody can say from this record."""


class Verdict(Struct, frozen=True, kw_only=True):
    """One check and what it found."""

    name: str
    """`I1`, or what the check looks at."""
    rule: str
    standing: Standing
    looked_at: int
    """How many facts it looked at: nothing to look at holds, too."""
    findings: tuple[Finding, ...]


class Check(Struct, frozen=True, kw_only=True):
    """One check over a history."""

    name: str
    rule: str
    counts: Callable[[History], int]
    """How many facts there are to look at."""
    finds: Callable[[History], Iterator[Finding]]


def broken(entry: Entry, what: str) -> Finding:
    """Something is wrong, and this entry shows it."""
    return Finding(stream=entry.stream, entry_id=entry.id, what=what)


def unshown(entry: Entry, what: str) -> Finding:
    """Of this entry nobody can say."""
    return Finding(stream=entry.stream, entry_id=entry.id, what=what, certain=False)


def verdict(name: str, rule: str, looked_at: int, findings: Sequence[Finding]) -> Verdict:
    """What is surely wrong comes before what cannot be shown."""
    standing = Standing.HOLDS
    if findings:
        standing = Standing.BROKEN if any(found.certain for found in findings) else Standing.CANNOT_BE_SHOWN
    return Verdict(name=name, rule=rule, standing=standing, looked_at=looked_at, findings=tuple(findings))
