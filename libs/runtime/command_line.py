"""What a service answers on its command line: `--help`, `--version`, and that it takes nothing else."""

import textwrap
from collections.abc import Sequence

from runtime.settings import CommonSettings, defaults
from runtime.variables import VARIABLES

EXIT_OK = 0
EXIT_CRASHED = 1
EXIT_WRONG_INPUT = 2
EXIT_FORCED = 130
EXITS = (
    (EXIT_OK, "stopped as it was asked to, by SIGTERM or SIGINT"),
    (EXIT_CRASHED, "could not start, or crashed: one line says why"),
    (EXIT_WRONG_INPUT, "wrong settings or arguments: one line for each mistake, and nothing was started"),
    (EXIT_FORCED, "a second signal: ended at once, what was in hand stays pending"),
)
_WIDTH = 100
_LISTED = {variable.name: variable for variable in VARIABLES}


class Answer(Exception):
    """The program answers and ends: `text` on stdout, or on stderr when the exit code is not 0."""

    def __init__(self, text: str, code: int = EXIT_OK) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


def read(arguments: Sequence[str], settings_cls: type[CommonSettings], service_name: str, version: str) -> None:
    """Return when there is no argument. Raises Answer for any, and never repeats one: it may be a secret (I18)."""
    if "--help" in arguments or "-h" in arguments:
        raise Answer(usage(settings_cls, service_name))
    if list(arguments) == ["--version"]:
        raise Answer(f"{service_name} {version}\n")
    if arguments:
        wrong = "takes no arguments but --help and --version: settings are environment variables"
        raise Answer(f"{service_name}: {wrong} (see {service_name} --help)\n", EXIT_WRONG_INPUT)


def usage(settings_cls: type[CommonSettings], service_name: str) -> str:
    """What the program does, reads, serves and ends with."""
    shown = defaults(settings_cls)
    listening = f"http://{shown['HTTP_HOST']}:{shown['HTTP_PORT']}"
    return "\n".join(
        (
            f"usage: {service_name} [--help] [--version]",
            "",
            *textwrap.wrap(settings_cls.about, _WIDTH),
            "",
            "Settings are environment variables, each also as NAME_FILE, the path of a file that holds the value.",
            "docs/configuration.md explains them, docs/metrics.md what is served at /metrics.",
            "",
            f"It serves /healthz, /readyz and /metrics on {listening} (HTTP_HOST, HTTP_PORT).",
            "",
            "variables (in parentheses: what holds without them):",
            *(line for name in sorted(shown, key=_place) for line in _variable(name, shown[name])),
            "",
            "exit codes:",
            *(f"  {code:<4} {meaning}" for code, meaning in EXITS),
            "",
        )
    )


def _variable(name: str, default: str | int | bool | None) -> list[str]:  # noqa: FBT001 - a value, not a switch
    """The list says it in words where there is no value to show."""
    listed = _LISTED.get(name)
    if isinstance(default, bool):
        told = str(default).lower()
    elif default is None or default == "":
        told = listed.default if listed else "none"
    else:
        told = str(default)
    meaning = textwrap.wrap(listed.meaning, _WIDTH - 6) if listed else []
    return [f"  {name} ({told})", *(f"      {line}" for line in meaning)]


def _place(name: str) -> int:
    return list(_LISTED).index(name) if name in _LISTED else len(_LISTED)
