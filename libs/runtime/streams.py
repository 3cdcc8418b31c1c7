"""Streams: entries, the consumer loop for commands, the tail for state. Import from here."""

from runtime.consumer import Consumer, ConsumerSettings, Handler
from runtime.entries import Entry, entry_fields, publish
from runtime.observe import StreamObserver
from runtime.tail import Tail

__all__ = [
    "Consumer",
    "ConsumerSettings",
    "Entry",
    "Handler",
    "StreamObserver",
    "Tail",
    "entry_fields",
    "publish",
]
