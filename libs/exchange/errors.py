"""What can go wrong with a reading. What happens to an order is a value, `exchange.model.SendResult`.

No text in here ever carries a key, a secret, a signature or a signed address (I18).
"""


class ExchangeError(Exception):
    """The exchange could not be read. Its three kinds say what the caller may do about it."""


class ReadFailed(ExchangeError):
    """No answer, or an answer that says "not now" or "not so": nothing was learned, and asking again may help.

    `code` is the venue's error code where it gave one. Ask again after `retry_after_ms`; while the venue keeps us
    out (429, 418) asking earlier fails at once, without touching the wire.
    """

    def __init__(self, reason: str, *, code: int | None = None, retry_after_ms: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.retry_after_ms = retry_after_ms


class ReadUnusable(ExchangeError):
    """An answer came and cannot be trusted: cut off, empty, or of the wrong shape. It never means "flat" (I14).

    `endpoint` says which answer, `field` which part of it (nothing when it is the whole).
    """

    def __init__(self, endpoint: str, problem: str, *, field: str | None = None) -> None:
        super().__init__(f"{endpoint}: {field}: {problem}" if field else f"{endpoint}: {problem}")
        self.endpoint = endpoint
        self.problem = problem
        self.field = field


class KeyRejected(ExchangeError):
    """The exchange rejects the key or the signature (-1022, -2014, -2015): stop, and have a person look at the key."""

    def __init__(self, reason: str, *, code: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
