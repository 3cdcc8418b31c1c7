"""Everything that the notifier says: logs and metrics, one method for each thing that happens. Never an address."""

from collections import Counter
from collections.abc import Sequence

import structlog

from notifier.core.notes import Kind
from notifier.core.planning import Telling
from runtime import logs
from runtime.metrics import Metrics
from runtime.redis_client import is_transient

_log = structlog.get_logger("notifier")
_SAY_AGAIN = 10
"""That an address cannot be told is said at the first failure, and at every tenth."""


class Observer:
    """The notifier's voice: one for each process."""

    def __init__(self, metrics: Metrics, addresses: Sequence[str] = ()) -> None:
        address, each = ("address",), [(name,) for name in addresses]
        self._messages = metrics.counter("notifier_messages_total", "Messages that a service took", address, each)
        self._told = metrics.counter(
            "notifier_events_told_total",
            "Events told, alone or with others in one message",
            ("address", "kind"),
            [(name, kind) for name in addresses for kind in Kind],
        )
        self._failures = metrics.counter(
            "notifier_failures_total", "Messages that a service did not take; they are tried again", address, each
        )
        self._expired = metrics.counter(
            "notifier_events_expired_total", "Events never told: nobody took them within a day", address, each
        )
        self._waiting = metrics.gauge("notifier_events_waiting", "Events that wait to be told", address, each)
        self._seconds = metrics.histogram("notifier_send_seconds", "Time to send one message", address)
        self._unreadable = metrics.counter(
            "notifier_unreadable_entries_total", "Entries that could not be decoded, and so not be told", ("stream",)
        )
        self._holding = metrics.gauge("notifier_holding", "1 while this process is the one that tells")
        self._redis_told = ""
        self._streams_told: dict[tuple[str, str], str] = {}
        self._holder: str | None = None
        self._row: Counter[str] = Counter()

    def nobody(self) -> None:
        """NOTIFY_URLS is empty: that is no mistake."""
        _log.warning("NOTIFY_URLS names nobody: nobody is told of anything")

    def tells(self, address: str, service: str) -> None:
        """An address, at the start."""
        _log.info(f"address {address} is told by {service}")

    def began(self, address: str, stream: str) -> None:
        """An address that was never told of a stream: it is told of what comes from now on."""
        _log.info(f"address {address}: told of {stream} from now on")

    def begun_anew(self, address: str, stream: str) -> None:
        """The stream ends before what was told already: it is another one."""
        _log.error(f"stream {stream} is another than before, address {address} is told all of it: Redis lost data?")

    def told(self, address: str, telling: Telling, seconds: float) -> None:
        """A service took a message."""
        self._seconds.labels(address).observe(seconds)
        self._messages.labels(address).inc()
        kinds = Counter(item.note.kind for item in telling.items)
        for kind, count in kinds.items():
            self._told.labels(address, kind).inc(count)
        again = f", after {self._row[address]} failures" if self._row[address] else ""
        self._row[address] = 0
        _log.info(f"address {address} was told{again}: {telling.message.title}", events=len(telling.items))

    def failed(self, address: str, telling: Telling, why: str, *, delay_s: float) -> None:
        """A service did not take a message."""
        self._failures.labels(address).inc()
        if self._row[address] % _SAY_AGAIN == 0:
            _log.error(
                f"address {address} was not told, again in {delay_s:.0f} s and at most a day: {why}",
                title=telling.message.title,
                events=len(telling.items),
            )
        self._row[address] += 1

    def expired(self, address: str, titles: Sequence[str]) -> None:
        """Nobody took it within a day: it is told here alone."""
        self._expired.labels(address).inc(len(titles))
        for title in titles:
            _log.error(f"address {address} is never told, it is older than a day: {title}")

    def waiting(self, address: str, events: int) -> None:
        """So many events are not told yet."""
        self._waiting.labels(address).set(events)

    def overtaken(self, address: str) -> None:
        """Another notifier took over while a message was on its way: it may be told twice."""
        _log.warning(f"address {address}: another notifier took over meanwhile; the last message may come twice")

    def unreadable(self, stream: str, entry_id: str, error: Exception) -> None:
        """An entry that should be told cannot be decoded: most likely another version wrote it."""
        self._unreadable.labels(stream).inc()
        _log.error(f"stream {stream}: entry {entry_id} cannot be decoded, nobody is told of it: {error}")

    def holds(self, other: str) -> None:
        """Who tells: we, or another one. Told when it changes."""
        self._holding.set(not other)
        if other != self._holder:
            self._holder = other
            _log.info(f"stands by: {other} tells" if other else "this notifier tells")

    def redis_failed(self, error: Exception) -> None:
        """Redis does not answer, or does not let us. Told once for each cause."""
        self._holding.set(0)
        failure = f"{type(error).__name__}: {error}"
        if failure != self._redis_told:
            self._redis_told = failure
            _log.error(f"Redis cannot be asked, nobody is told meanwhile: {failure}")

    def redis_works(self) -> None:
        """Redis answers."""
        if self._redis_told:
            self._redis_told = ""
            _log.info("Redis can be asked again")

    def stream_failed(self, address: str, stream: str, error: Exception) -> None:
        """A stream cannot be read; the others are. That Redis is away is told elsewhere."""
        failure = f"{type(error).__name__}: {error}"
        if failure != self._streams_told.get((address, stream)) and not is_transient(error):
            self._streams_told[address, stream] = failure
            _log.error(f"stream {stream}: cannot be read, address {address} is not told of it: {failure}")

    def stream_works(self, address: str, stream: str) -> None:
        """A stream was read."""
        if self._streams_told.pop((address, stream), ""):
            _log.info(f"stream {stream}: can be read again")


def masked(text: str) -> str:
    """What others see of a text: nothing secret (I18)."""
    return logs.redacted(text)
