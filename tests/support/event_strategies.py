"""Hypothesis strategies for every event, built from its fields' types."""

from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from contracts.base import Event, is_number
from contracts.flattening import Counts

# JSON is UTF-8: a lone surrogate is no text.
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_NUMBER = st.decimals(allow_nan=False, allow_infinity=False).filter(is_number)
_LARGEST_INT = 2**53
"""Beyond it, JSON readers in other languages lose digits."""
_FEW = 4


@st.composite
def counts(draw: st.DrawFn) -> Counts:
    """Counts that add up."""
    small = st.integers(0, 1_000)
    zero, unreadable, dust, below_step, untradable, out_of_scope, ok, unsent, failed = draw(st.tuples(*[small] * 9))
    orders_ok, errors, unknown, resting_cancelled = draw(st.tuples(*[small] * 4))
    sent = ok + failed
    filtered = sent + unsent
    nonzero = filtered + dust + below_step + untradable + out_of_scope
    return Counts(
        seen=zero + unreadable + nonzero,
        zero=zero,
        unreadable=unreadable,
        nonzero=nonzero,
        dust=dust,
        below_step=below_step,
        untradable=untradable,
        out_of_scope=out_of_scope,
        filtered=filtered,
        sent=sent,
        ok=ok,
        orders_sent=orders_ok + errors + unknown,
        orders_ok=orders_ok,
        errors=errors,
        unknown=unknown,
        resting_cancelled=resting_cancelled,
    )


def events(event: type[Event]) -> st.SearchStrategy[Event]:
    """Any event of this type."""
    return _of(inspect.type_info(event))


_SCALARS: dict[type[inspect.Type], st.SearchStrategy[Any]] = {
    inspect.DecimalType: _NUMBER,
    inspect.IntType: st.integers(-_LARGEST_INT, _LARGEST_INT),
    inspect.StrType: _TEXT,
    inspect.BoolType: st.booleans(),
    inspect.NoneType: st.none(),
}


def _of(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.StructType(cls=owner) if owner is Counts:
            return counts()
        case inspect.StructType(cls=owner, fields=fields):
            return st.builds(owner, **{field.name: _of(field.type) for field in fields})
        case inspect.VarTupleType(item_type=item):
            return st.lists(_of(item), max_size=_FEW).map(tuple)
        case inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(_of(key), _of(value), max_size=_FEW)
        case inspect.UnionType(types=types):
            return st.one_of(*map(_of, types))
    return st.sampled_from(kind.cls) if isinstance(kind, inspect.EnumType) else _SCALARS[type(kind)]


def decimal_fields(struct: type[msgspec.Struct]) -> list[str]:
    """The struct's own fields that hold one decimal, or a mapping to decimals."""
    return [field.encode_name for field in _fields(struct) if _has_decimal(field.type)]


def required_fields(struct: type[msgspec.Struct]) -> list[str]:
    """The struct's own fields without a default."""
    return [field.encode_name for field in _fields(struct) if field.required]


def _fields(struct: type[msgspec.Struct]) -> tuple[inspect.Field, ...]:
    kind = inspect.type_info(struct)
    assert isinstance(kind, inspect.StructType)
    return kind.fields


def _has_decimal(kind: inspect.Type) -> bool:
    match kind:
        case inspect.DecimalType() | inspect.DictType(value_type=inspect.DecimalType()):
            return True
        case inspect.UnionType(types=types):
            return any(map(_has_decimal, types))
    return False
