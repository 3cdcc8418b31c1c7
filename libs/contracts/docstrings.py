"""What the docstrings of the contracts say about each field and each word, read from their source.

Python throws away the text under a field; the generated documents need it, because it holds units and meaning.
"""

import ast
import inspect
import textwrap
from itertools import pairwise
from types import MappingProxyType

UNITS = MappingProxyType(
    {
        "_at_ms": "Unix milliseconds.",
        "_ms": "Milliseconds.",
        "_usd": "US dollars.",
        "quantity": "Base asset units.",
        "_price": "Quote units.",
    }
)
"""By the end of a field's name, the most specific first."""


def summary(owner: type) -> str:
    """The class's docstring as one line of prose."""
    return _one_line(inspect.getdoc(owner) or "")


def members(owner: type) -> dict[str, str]:
    """Field or word of a class (by the name in the source) → the text under it, inherited ones included."""
    found: dict[str, str] = {}
    for base in reversed(owner.__mro__):
        if base.__module__.partition(".")[0] == __name__.partition(".")[0]:
            found.update(_under_names(base))
    return found


def described(name: str, text: str) -> str:
    """The text under a field, and the unit that its name tells, where it has one."""
    unit = next((unit for ending, unit in UNITS.items() if name.endswith(ending)), "")
    return " ".join(part for part in (text, unit) if part)


def _under_names(owner: type) -> dict[str, str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(owner)))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef))
    found = {}
    for statement, below in pairwise(body):
        name = _name(statement)
        if name and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            found[name] = _one_line(str(below.value.value))
    return found


def _name(statement: ast.stmt) -> str:
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
            return name
    return ""


def _one_line(text: str) -> str:
    return " ".join(text.split())
