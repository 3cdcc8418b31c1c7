"""The chain of the audit stream, checked: what is missing, changed, out of order, or not of the chain."""

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

from msgspec import Struct

from contracts.chain import FIELD, Head, beginning, digest_of, read_head
from contracts.flattening import FlattenCompleted
from evidence.findings import Finding, Verdict, broken, unshown, verdict
from evidence.history import AUDIT, Entry, History, link_of

NAME = "chain"
RULE = "every audit entry names the one before it, and none is missing, changed or out of order"


class CarriedOut(Struct, frozen=True, kw_only=True):
    """A head that somebody wrote down elsewhere: the chain must pass through it."""

    head: Head
    where: str


class Chain(Struct, frozen=True, kw_only=True):
    """Where the chain stands, and what is wrong with it."""

    verdict: Verdict
    first: int
    """Number of its first entry here; 0 when there is none."""
    last: int
    head: str
    """After its last entry here; empty when there is none."""
    unchained: int
    """Entries of an older version, before the chain began."""


class _Link(Struct, frozen=True):
    """An entry, what it says came before it, and the head after it."""

    entry: Entry
    before: Head
    after: Head


class Ends:
    """Where the chain stands before and after entries that are seen one by one, for who does not keep them."""

    def __init__(self) -> None:
        self.before: str | None = None
        self.after: str | None = None

    def see(self, entry: Entry) -> None:
        """The next entry of the audit stream."""
        before = link_of(entry)
        if before is not None:
            self.before = self.before or str(before)
            self.after = str(before.after(entry.id, digest_of(_texts(entry))))


def check_chain(history: History, carried_out: Sequence[CarriedOut] = ()) -> Chain:
    """Look at every entry of the audit stream, at the head where it ends, and at the heads that were carried out."""
    entries, start = history.entries(AUDIT), beginning(history.audit_key)
    unchained = next((at for at, entry in enumerate(entries) if _field_count(entry)), len(entries))
    findings: list[Finding] = []
    runs: list[list[_Link]] = []
    for entry in entries[unchained:]:
        before = link_of(entry)
        if before is None:
            findings.append(broken(entry, _no_link(entry)))
        else:
            link = _Link(entry, before, before.after(entry.id, digest_of(_texts(entry))))
            if not runs or before == start:
                runs.append([])
            runs[-1].append(link)
    for run in runs:
        findings += _within(run)
    for run in runs[1:]:
        findings.append(broken(run[0].entry, "the chain begins anew: its head was lost, and entries may be missing"))
    newest = runs[-1] if runs else []
    findings += _at_the_front(history, runs[0] if runs else [], carried_out)
    findings += _at_the_end(history, newest)
    passed = {link.after for run in runs for link in run}
    findings += _carried_out(history, newest, passed, carried_out)
    return Chain(
        verdict=verdict(NAME, RULE, len(entries) - unchained, _in_order(findings)),
        first=runs[0][0].after.number if runs else 0,
        last=newest[-1].after.number if newest else 0,
        head=str(newest[-1].after) if newest else "",
        unchained=unchained,
    )


def _within(run: Sequence[_Link]) -> Iterator[Finding]:
    """By their numbers: what is missing, what is there twice, and whose hash is not what the next one says."""
    by_number: dict[int, _Link] = {}
    highest = 0
    for link in run:
        number = link.after.number
        if number in by_number:
            yield broken(
                link.entry, f"says that it is entry {number} of the chain, as {by_number[number].entry.id} does"
            )
            continue
        by_number[number] = link
        if number < highest:
            yield broken(link.entry, f"out of order: it is entry {number} of the chain, and stands after {highest}")
        highest = max(highest, number)
    numbers = sorted(by_number)
    for number, following in pairwise(numbers):
        link, after = by_number[number], by_number[following]
        if following > number + 1:
            yield broken(after.entry, f"{_missing(following - number - 1)} before it, after {link.entry.id}")
        elif after.before != link.after:
            yield broken(link.entry, f"changed: its hash is not what the next entry, {after.entry.id}, says")


def _at_the_front(history: History, run: Sequence[_Link], carried_out: Sequence[CarriedOut]) -> Iterator[Finding]:
    if not run:
        return
    first = run[0]
    said = history.frame.before
    if said is not None and said != str(first.before):
        yield broken(first.entry, f"comes after {first.before}, and the export says that it begins after {said}")
    if first.before.number == 0:
        if first.before != beginning(history.audit_key):
            yield broken(first.entry, f"begins the chain of another stream than {history.audit_key}")
    elif history.frame.since_ms is None and not any(first.before == known.head for known in carried_out):
        yield unshown(
            first.entry,
            f"{_missing(first.before.number)} before it: trimmed, or lost. An export that ends with {first.before} has "
            "them; say so with --head",
        )


def _at_the_end(history: History, run: Sequence[_Link]) -> Iterator[Finding]:
    said = history.frame.head
    if said is None:
        return
    head = read_head(said)
    if not run:
        entries = history.entries(AUDIT)
        if head is not None and head.number and entries:
            yield broken(entries[-1], f"no entry is of the chain, and its head says that it has {head.number}")
        elif head is not None and head.number:
            yield Finding(stream=AUDIT, entry_id="", what=f"empty: {_missing(head.number)}, by its head", certain=False)
        return
    last = run[-1]
    if not said:
        yield broken(last.entry, "the head of the chain is gone: entries after this one may be missing")
    elif head is None:
        yield broken(last.entry, f"the head of the chain cannot be read: {said[:60]!r}")
    elif head.number > last.after.number:
        yield broken(last.entry, f"{_missing(head.number - last.after.number)} after it, at the end")
    elif head != last.after:
        yield broken(last.entry, f"changed: its hash is not what the head of the chain says, {said}")


def _carried_out(
    history: History, run: Sequence[_Link], passed: Collection[Head], carried_out: Sequence[CarriedOut]
) -> Iterator[Finding]:
    """Whether the chain passes through each head that was written down, in a verdict or by a person."""
    if not run:
        return
    after = {link.after.number: link for link in run}
    after_first, last = run[0].before, run[-1].after.number
    in_verdicts = [
        (told.entry, CarriedOut(head=head, where=f"the verdict of {told.event.request_id}"))
        for told in history.of(FlattenCompleted)
        if (head := read_head(told.event.audit_head)) is not None
    ]
    for entry, known in [*in_verdicts, *((None, known) for known in carried_out)]:
        head, where = known.head, entry or run[-1].entry
        if head in passed:
            continue
        if head.number in after:
            yield broken(after[head.number].entry, f"is not the entry at which {known.where} saw the chain: {head}")
        elif head.number > last:
            yield broken(where, f"{_missing(head.number - last)} at the end: {known.where} saw the chain at {head}")
        elif head.number == after_first.number:
            if head != after_first:
                yield broken(run[0].entry, f"does not come after {head}, where {known.where} saw the chain")
        elif head.number > after_first.number:
            yield broken(where, f"entry {head.number} of the chain is missing, at which {known.where} saw it")
        elif entry is None:
            yield unshown(run[0].entry, f"the chain begins after {known.where}, {head}: it cannot be compared")


def _field_count(entry: Entry) -> int:
    return sum(name == FIELD.encode() for name, _ in entry.fields)


def _texts(entry: Entry) -> Iterator[bytes]:
    """What the digest is over."""
    return (text for name, value in entry.fields if name != FIELD.encode() for text in (name, value))


def _no_link(entry: Entry) -> str:
    match _field_count(entry):
        case 0:
            return "is not of the chain: a version without it wrote this after the chain began, or nobody who may"
        case 1:
            return "its field `chain` cannot be read"
    return "has several fields `chain`"


def _missing(count: int) -> str:
    return "1 entry is missing" if count == 1 else f"{count} entries are missing"


def _in_order(findings: list[Finding]) -> list[Finding]:
    """Each once, the oldest entry first."""
    return sorted(dict.fromkeys(findings), key=lambda found: tuple(map(int, (found.entry_id or "0-0").split("-"))))
