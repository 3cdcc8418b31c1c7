"""One setting's text to its value, strictly: what is not plainly the type is a mistake."""

import difflib
import enum
import operator
import re
import types
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from runtime.secret import Secret, mask_url_passwords

_BOOLEANS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
_INTEGER = re.compile(r"[+-]?[0-9]{1,30}", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?", re.ASCII)
_SHOWN_MAX = 80


class BadValueError(ValueError):
    """The text is not a value of the type; the message goes on after `NAME='text' `."""


class Kind(msgspec.Struct, frozen=True):
    """A field's type, taken apart: what to make of the text, and within which bounds."""

    base: Any
    optional: bool
    metas: tuple[msgspec.Meta, ...]
    notes: tuple[Any, ...]
    """Other metadata of `Annotated`, for the caller."""

    @property
    def secret(self) -> bool:
        """Whether the value must never be shown."""
        return isinstance(self.base, type) and issubclass(self.base, Secret)


def kind_of(annotation: object) -> Kind:
    """Take a field's annotation apart. Raises TypeError for what no setting can be."""
    metas: list[msgspec.Meta] = []
    notes: list[Any] = []
    optional = False
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *extra = get_args(annotation)
            metas += [item for item in extra if isinstance(item, msgspec.Meta)]
            notes += [item for item in extra if not isinstance(item, msgspec.Meta)]
        elif origin in (Union, types.UnionType):
            rest = [item for item in get_args(annotation) if item is not type(None)]
            if len(rest) != 1:
                raise TypeError(f"a setting has one type, not {annotation}")
            annotation, optional = rest[0], True
        else:
            break
    if origin is not Literal and annotation not in _PARSERS and not _is_class(annotation, enum.Enum, Secret):
        raise TypeError(f"no setting can be a {annotation}")
    return Kind(annotation, optional, tuple(metas), tuple(notes))


def parse(kind: Kind, text: str) -> object:
    """The value of `text`. Raises BadValueError, whose words never hold a secret's text."""
    several_lines = kind.secret and kind.base.several_lines
    if any(character in text for character in ("\x00" if several_lines else "\x00\r\n")):
        raise BadValueError("holds a line break or a NUL character: it must be one line of text")
    value: object
    if get_origin(kind.base) is Literal:
        value = _choose(text, {str(choice): choice for choice in get_args(kind.base)})
    elif _is_class(kind.base, enum.Enum):
        value = _choose(text, {str(member.value): member for member in kind.base})
    elif kind.secret:
        value = kind.base(text)
    else:
        value = _PARSERS[kind.base](text)
    for meta in kind.metas:
        _check_bounds(text if kind.secret else value, meta)
    return value


def shown(kind: Kind, text: str) -> str:
    """The text as a message may quote it: never a secret, never a password in a URL, never very long."""
    if kind.secret:
        return "(secret)"
    return quoted(text)


def quoted(text: str) -> str:
    """The text of what is no secret: in quotes, without a password in a URL, and not very long."""
    masked = mask_url_passwords(text)
    return repr(masked if len(masked) <= _SHOWN_MAX else f"{masked[:_SHOWN_MAX]}…")


def did_you_mean(text: str, choices: list[str], cutoff: float = 0.6) -> str:
    """`; did you mean 'x'?` or nothing."""
    near = difflib.get_close_matches(text, choices, n=1, cutoff=cutoff)
    return f"; did you mean {near[0]!r}?" if near else ""


def _boolean(text: str) -> bool:
    value = _BOOLEANS.get(text.lower())
    if value is None:
        raise BadValueError("is not a boolean: use true or false")
    return value


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise BadValueError("is not a whole number")
    return int(text)


def _decimal(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise BadValueError("is not a number: write it in digits, e.g. 1.5")
    return Decimal(text)


def _choose(text: str, choices: dict[str, object]) -> object:
    lowered = {name.lower(): value for name, value in choices.items()}
    if text in choices:
        return choices[text]
    if text.lower() in lowered:
        return lowered[text.lower()]
    hint = did_you_mean(text.lower(), list(lowered))
    raise BadValueError(f"is not one of {', '.join(choices)}{hint}")


def _check_bounds(value: Any, meta: msgspec.Meta) -> None:  # noqa: ANN401 - whatever the field's type compares with
    compared: tuple[tuple[float | None, Callable[[Any, Any], bool], str], ...] = (
        (meta.ge, operator.ge, "at least"),
        (meta.gt, operator.gt, "more than"),
        (meta.le, operator.le, "at most"),
        (meta.lt, operator.lt, "less than"),
    )
    for limit, holds, words in compared:
        if limit is not None and not holds(value, limit):
            raise BadValueError(f"must be {words} {limit}")
    if meta.min_length is not None and len(value) < meta.min_length:
        raise BadValueError(f"must have at least {meta.min_length} characters")
    if meta.max_length is not None and len(value) > meta.max_length:
        raise BadValueError(f"must have at most {meta.max_length} characters")
    if meta.pattern is not None and re.search(meta.pattern, value) is None:
        raise BadValueError(meta.description or f"does not match {meta.pattern}")


def _is_class(annotation: object, *bases: type) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, bases)


_PARSERS: dict[Any, Callable[[str], object]] = {str: str, bool: _boolean, int: _integer, Decimal: _decimal}
