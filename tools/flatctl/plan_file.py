"""A plan in a file: written whole, and taken from there only when it is what its hash says."""

from pathlib import Path

import msgspec

from contracts.codec import to_json
from flatctl.exits import CommandFailed
from flatctl.plan import FORMAT, Plan, hash_of

_BYTES_MAX = 16 * 1024 * 1024
_DECODER = msgspec.json.Decoder(Plan)


class _Named(msgspec.Struct):
    format: str = ""


_FORMAT = msgspec.json.Decoder(_Named)


def save_plan(path: Path, plan: Plan) -> None:
    """Write it. What is there is replaced; half a plan has no hash that fits. Raises CommandFailed with one line."""
    try:
        path.write_text(f"{to_json(plan)}\n", encoding="utf-8")
    except OSError as error:
        raise CommandFailed(f"--save {path}: cannot be written: {error.strerror or error}") from error


def load_plan(path: Path) -> Plan:
    """The plan that `flatctl plan --save` wrote there, untouched. Raises CommandFailed with one line.

    The hash covers what would be done (see `flatctl.plan.identity`), not when it was read: how old a plan may be, and
    whether its account and environment are the ones at hand, is for the caller to say.
    """
    try:
        with path.open("rb") as file:
            body = file.read(_BYTES_MAX + 1)
    except OSError as error:
        raise CommandFailed(f"plan {path}: cannot be read: {error.strerror or error}") from error
    if len(body) > _BYTES_MAX:
        raise CommandFailed(f"plan {path}: longer than {_BYTES_MAX} bytes, so it is no plan")
    try:
        named = _FORMAT.decode(body).format
        if named != FORMAT:
            raise CommandFailed(
                f"plan {path}: its format is {named[:40]!r}, not {FORMAT}; make a new one: flatctl plan --save"
            )
        plan = _DECODER.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise CommandFailed(f"plan {path}: not a plan of flatctl plan --save: {error}") from error
    if (found := hash_of(plan)) != plan.plan_hash:
        raise CommandFailed(
            f"plan {path}: changed after it was made: its hash is {found}, and it says {plan.plan_hash[:64]!r}"
        )
    return plan
