"""The errors that steer a service. Anything else crashes it, loudly, with the entry still pending."""


class RetryableError(Exception):
    """The entry could not be handled now: leave it pending and try again later."""


class PoisonError(Exception):
    """The entry can never be handled: put it with the dead letters and move on."""


class DeadLetterLimitError(Exception):
    """Too many entries in a row turned out to be poison: more likely the program is broken than all of them."""


class StartupError(Exception):
    """The service cannot run here. The text is one clear line; the exit code is 1."""


class SettingsError(Exception):
    """The settings are wrong: the start is refused. The text is one clear line for each mistake."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
