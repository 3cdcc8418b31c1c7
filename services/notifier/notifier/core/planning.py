"""What is told next: one event alone, or many at once in a digest. Bounded, whatever happens."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from contracts.codec import rfc3339
from notifier.core.notes import Kind, Note, Severity

MANY = 5
"""More than so many that wait are told in one message."""
LATE_AFTER_MS = 15 * 60_000
"""What is older than this is told in one message, as something that was."""
EXPIRED_AFTER_MS = 24 * 3_600_000
"""What is older than this is not told any more: it is counted and logged."""
TITLE_MAX = 200
BODY_MAX = 1_500
"""Characters that the usual services take as one message."""
_DIGEST_LINES = 4
_WORDS = {
    Kind.RESIDUAL: "runs with something still open",
    Kind.DEAD_LETTER: "dead letters",
    Kind.VERDICT: "runs ended flat",
    Kind.ACCEPTED: "arms accepted",
    Kind.REFUSED: "arms refused",
}
_SEVEREST = (Severity.FAILURE, Severity.WARNING, Severity.SUCCESS)


class Item(Struct, frozen=True, kw_only=True):
    """A note and the entry that it came from."""

    stream: str
    entry_id: str
    note: Note

    @property
    def order(self) -> tuple[int, int]:
        """When Redis took it, and its number within that millisecond."""
        ms, _, number = self.entry_id.partition("-")
        return int(ms), int(number or 0)

    @property
    def at_ms(self) -> int:
        """When Redis took it."""
        return self.order[0]


class Message(Struct, frozen=True, kw_only=True):
    """What is sent."""

    title: str
    body: str
    severity: Severity


class Telling(Struct, frozen=True, kw_only=True):
    """The next message, and the events that it tells: always the oldest ones."""

    message: Message
    items: tuple[Item, ...]


class Page(Struct, frozen=True, kw_only=True):
    """What was read of one stream: what is to be told, and how far was read."""

    items: tuple[Item, ...]
    read_up_to: str


def in_order(pages: Mapping[str, Page]) -> tuple[Item, ...]:
    """Everything that waits, the oldest first."""
    return tuple(sorted((item for page in pages.values() for item in page.items), key=lambda item: item.order))


def expired(items: Sequence[Item], now_ms: int) -> tuple[Item, ...]:
    """The oldest ones, which nobody needs to be told any more."""
    return _older(items, now_ms - EXPIRED_AFTER_MS)


def next_telling(items: Sequence[Item], now_ms: int) -> Telling:
    """The next message. `items` is not empty, and in order."""
    late = _older(items, now_ms - LATE_AFTER_MS)
    if len(items) > MANY:
        return Telling(message=_digest(items, "told late" if late else "at once"), items=tuple(items))
    if late:
        return Telling(message=_digest(late, "told late"), items=late)
    return Telling(message=_alone(items[0]), items=(items[0],))


def covering(pages: Mapping[str, Page], told: Sequence[Item]) -> dict[str, str]:
    """How far each stream is done with once `told` is: up to the last one told, or all of it where none is left."""
    done = {(item.stream, item.entry_id) for item in told}
    places = {}
    for stream, page in pages.items():
        left = [item for item in page.items if (stream, item.entry_id) not in done]
        if not left:
            places[stream] = page.read_up_to
        elif len(left) < len(page.items):
            places[stream] = page.items[len(page.items) - len(left) - 1].entry_id
    return places


def _older(items: Sequence[Item], than_ms: int) -> tuple[Item, ...]:
    return tuple(item for item in items if item.at_ms < than_ms)


def _alone(item: Item) -> Message:
    note = item.note
    return Message(
        title=_cut(f"[{note.where}] {note.headline}", TITLE_MAX),
        body=_body([*note.lines], [f"at {rfc3339(item.at_ms)}", f"runbook: {note.runbook}"]),
        severity=note.severity,
    )


def _digest(items: Sequence[Item], how: str) -> Message:
    """All of them in one message: how many of each kind, and the last of each in its own words."""
    of_kind = {kind: [item for item in items if item.note.kind is kind] for kind in Kind}
    counted = ", ".join(f"{_WORDS[kind]}: {len(some)}" for kind, some in of_kind.items() if some)
    lines = []
    for kind, some in of_kind.items():
        if some:
            last = some[-1]
            lines.append(f"{_WORDS[kind]}: {len(some)}; the last at {rfc3339(last.at_ms)}:")
            lines += [f"  {line}" for line in (last.note.headline, *last.note.lines[:_DIGEST_LINES])]
            lines.append(f"  runbook: {last.note.runbook}")
    newest = items[-1].note
    return Message(
        title=_cut(f"[{newest.where}] {how}, {counted}", TITLE_MAX),
        body=_body(lines, [f"from {rfc3339(items[0].at_ms)} to {rfc3339(items[-1].at_ms)}"]),
        severity=next(word for word in _SEVEREST if any(item.note.severity is word for item in items)),
    )


def _body(lines: Sequence[str], last: Sequence[str]) -> str:
    """The lines that fit, and always the last ones."""
    end = "\n".join(last)
    return "\n".join((_cut("\n".join(lines), BODY_MAX - len(end) - 1), end))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
