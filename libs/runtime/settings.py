"""Strict settings: the environment into one frozen struct, once, at the start. Every mistake is one clear line.

A field's variable is its name in capitals (`p29_burst_factor` → `P29_BURST_FACTOR`), or `Annotated[T, Var("NAME")]`.
`NAME_FILE` names a file that holds the value. An empty variable counts as unset. Types: str, bool, int, Decimal, enums,
Literal, Secret, SecretUrl, each also optional; bounds by `msgspec.Meta`. Never float: settings hold money and limits.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol, TypeVar, get_type_hints, runtime_checkable

import msgspec

from runtime.errors import SettingsError
from runtime.redis_url import problem_with, problem_with_files
from runtime.secret import Secret, SecretUrl
from runtime.telemetry import telemetry_problems
from runtime.values import BadValueError, Kind, did_you_mean, kind_of, parse, shown
from runtime.variables import KNOWN_VARIABLES, PREFIXES

S = TypeVar("S", bound=msgspec.Struct)
_ALIKE = 0.8
_NEARLY_THE_SAME = 0.9
_FILE_BYTES_MAX = 64 * 1024


class Var(msgspec.Struct, frozen=True):
    """Metadata of a field: the variable that it is read from."""

    name: str


@runtime_checkable
class Checked(Protocol):
    """Settings that can tell what no type tells."""

    def problems(self) -> Iterable[str]:
        """One line for each mistake, which begins with the variable's name."""
        ...


class CommonSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What every service needs. A service's own settings inherit from it and give the two defaults that it can't."""

    about: ClassVar[str] = ""
    """What the program does, for `--help`."""
    consumer_name: Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,100}$", description="must be one word")]
    """Stable, and one process per name: a restart finds its pending entries by it. Default `<service>-1`."""
    http_port: Annotated[int, msgspec.Meta(ge=0, le=65_535)]
    redis_url: SecretUrl = SecretUrl("redis://127.0.0.1:6379/0")
    flatten_namespace: Annotated[
        str, msgspec.Meta(pattern=r"^[!-~]{1,200}$", description="must be printable ASCII without whitespace")
    ] = "quantum:gov:testnet"
    account: Annotated[
        str, msgspec.Meta(pattern=r"^\S{1,100}$", description="must be 1 to 100 characters without whitespace")
    ] = "main"
    http_host: str = "127.0.0.1"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "text"] = "json"

    def problems(self) -> Iterator[str]:
        """What is wrong although each value has its type: one line each, which begins with the variable's name."""
        yield from redis_problems(self.redis_url)


def load(cls: type[S], environ: Mapping[str, str], also_known: frozenset[str] = frozenset()) -> S:
    """Read `cls` from `environ`. Raises SettingsError with every mistake, sorted by variable; secrets are never in it.

    Variables of other Flatguard programs (`runtime.variables`) and `also_known` are let pass; any other variable that
    has one of the project's prefixes, or nearly the name of one that does, is a mistake.
    """
    kinds = _kinds(cls)
    mistakes = _unknown(environ, KNOWN_VARIABLES | also_known | {name for name, _ in kinds.values()})
    values: dict[str, object] = {}
    missing = False
    for field in msgspec.structs.fields(cls):
        name, kind = kinds[field.name]
        try:
            text = _text_of(name, environ)
            if text is not None:
                values[field.name] = _parse(name, kind, text)
            elif field.required and kind.optional:
                values[field.name] = None
            elif field.required:
                missing = True
                mistakes.append(f"{name} is not set")
        except BadValueError as error:
            missing |= field.required
            mistakes.append(str(error))
    if missing:
        raise SettingsError(tuple(sorted(mistakes)))
    try:
        settings = cls(**values)
    except ValueError as error:
        raise SettingsError(tuple(sorted((*mistakes, str(error))))) from error
    told = {_named(mistake) for mistake in mistakes}
    mistakes += [problem for problem in _problems(settings) if _named(problem) not in told]
    if mistakes:
        raise SettingsError(tuple(sorted(mistakes)))
    return settings


def load_service(cls: type[S], environ: Mapping[str, str]) -> S:
    """As `load`; the variables of the traces are looked at as well, which no field holds."""
    telemetry = telemetry_problems(environ)
    try:
        settings = load(cls, environ)
    except SettingsError as error:
        raise SettingsError(tuple(sorted((*error.lines, *telemetry)))) from error
    if telemetry:
        raise SettingsError(telemetry)
    return settings


def redis_problems(url: Secret) -> Iterator[str]:
    """What is wrong with REDIS_URL; nothing of it is shown."""
    problem = problem_with(url.reveal()) or problem_with_files(url.reveal())
    if problem:
        yield f"REDIS_URL {problem}"


def describe(settings: msgspec.Struct) -> dict[str, str | int | bool | None]:
    """What may be shown of `settings`, by variable, and `config_hash`: the same for the same values, secrets aside."""
    kinds = _kinds(type(settings))
    safe = {name: _safe(getattr(settings, field)) for field, (name, _) in kinds.items()}
    canonical = json.dumps(safe, sort_keys=True, separators=(",", ":"))
    return {**safe, "config_hash": hashlib.sha256(canonical.encode()).hexdigest()}


def config_hash(settings: msgspec.Struct) -> str:
    """The hash alone, for what goes on record."""
    return str(describe(settings)["config_hash"])


def defaults(cls: type[msgspec.Struct]) -> dict[str, str | int | bool | None]:
    """Every variable that `cls` is read from, in the order of its fields, with what holds without it; None: nothing."""
    kinds = _kinds(cls)
    fields = msgspec.structs.fields(cls)
    return {kinds[field.name][0]: None if field.required else _safe(field.default) for field in fields}


def secrets_of(settings: msgspec.Struct) -> tuple[Secret, ...]:
    """Every secret in `settings`."""
    values = (getattr(settings, field) for field in settings.__struct_fields__)
    return tuple(value for value in values if isinstance(value, Secret))


def _problems(settings: msgspec.Struct) -> Iterable[str]:
    return settings.problems() if isinstance(settings, Checked) else ()


def _named(line: str) -> str:
    """The variable that a line is about."""
    found = re.match(r"[A-Z0-9_]+?(?=_FILE\b|[^A-Z0-9_]|$)", line)
    return found.group(0) if found else ""


def _kinds(cls: type[msgspec.Struct]) -> dict[str, tuple[str, Kind]]:
    """Field → variable and kind."""
    hints: dict[str, Any] = get_type_hints(cls, include_extras=True)
    kinds = {}
    for field in cls.__struct_fields__:
        kind = kind_of(hints[field])
        names = [note.name for note in kind.notes if isinstance(note, Var)]
        kinds[field] = (names[0] if names else field.upper(), kind)
    return kinds


def _text_of(name: str, environ: Mapping[str, str]) -> str | None:
    direct, path = environ.get(name, ""), environ.get(f"{name}_FILE", "")
    if direct and path:
        raise BadValueError(f"{name} and {name}_FILE are both set: keep one")
    if not path:
        return direct or None
    try:
        with Path(path).open("rb") as file:
            content = file.read(_FILE_BYTES_MAX + 1)
        if len(content) > _FILE_BYTES_MAX:
            raise BadValueError(f"{name}_FILE={path!r} is larger than {_FILE_BYTES_MAX} bytes")
        text = content.decode()
    except OSError as error:
        raise BadValueError(f"{name}_FILE={path!r} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise BadValueError(f"{name}_FILE={path!r} is not UTF-8 text") from error
    except ValueError as error:
        raise BadValueError(f"{name}_FILE={path!r} is no path: {error}") from error
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise BadValueError(f"{name}_FILE={path!r} is empty")
    return text


def _parse(name: str, kind: Kind, text: str) -> object:
    try:
        return parse(kind, text)
    except BadValueError as error:
        raise BadValueError(f"{name}={shown(kind, text)} {error}") from error


def _unknown(environ: Mapping[str, str], known: frozenset[str]) -> list[str]:
    ours = sorted(name for name in known if name.startswith(PREFIXES))
    mistakes = []
    for name in environ:
        base = name.removesuffix("_FILE")
        if name in known or base in known:
            continue
        near = did_you_mean(base, ours if not base.startswith(PREFIXES) else sorted(known), _cutoff(base))
        if near or base.startswith(PREFIXES):
            mistakes.append(f"{name} is not a variable that Flatguard knows{near}")
    return mistakes


def _cutoff(name: str) -> float:
    """A name with our prefix is a mistake anyway, and alike in that much; another one must be all but the same."""
    return _ALIKE if name.startswith(PREFIXES) else _NEARLY_THE_SAME


def _safe(value: object) -> str | int | bool | None:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Secret) and not value:
        return None
    return str(value)
