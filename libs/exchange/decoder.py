"""JSON from the wire into typed values, with one kind of error for everything that can be wrong with it."""

from typing import Generic, TypeVar

import msgspec
from msgspec import Raw

T = TypeVar("T")


class Decoder(Generic[T]):
    """msgspec's decoder, for hostile input too: nesting that would exhaust the stack is an error like any other."""

    def __init__(self, kind: type[T]) -> None:
        self._decoder = msgspec.json.Decoder(kind)

    def decode(self, body: bytes | Raw) -> T:
        """The value. Raises msgspec.DecodeError, which is a ValidationError where only the shape is wrong."""
        try:
            return self._decoder.decode(body)
        except RecursionError:
            raise msgspec.DecodeError("nested too deeply") from None
