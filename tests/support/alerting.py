"""The rules of deploy/prometheus as they are checked in, and what they speak of."""

import re
from collections.abc import Iterator
from typing import Any

import yaml
from msgspec import Struct

from support.tree import text_of, tracked

RULES = tracked("rules/recording.yml", "rules/arms.yml", "rules/runs.yml", "rules/watching.yml", "rules/streams.yml",
                "rules/services.yml")  # fmt: skip
WORDS = frozenset(
    [
        "and",
        "or",
        "unless",
        "by",
        "on",
        "without",
        "ignoring",
        "group_left",
        "group_right",
        "bool",
        "offset",
        "inf",
        "nan",
    ]
)


class Selector(Struct, frozen=True):
    """A metric in an expression, with what is asked of its labels: label, operator, value."""

    metric: str
    asked: tuple[tuple[str, str, str], ...]


def rules() -> list[dict[str, Any]]:
    """Every rule of every file."""
    return [rule for name in RULES for group in yaml.safe_load(text_of(name))["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def recorded() -> set[str]:
    return {rule["record"] for rule in rules() if "record" in rule}


def expressions() -> list[str]:
    """Those of the rules, and those that a description asks."""
    asked = [query for rule in alerts() for query in re.findall(r'query "([^"]+)"', str(rule["annotations"]))]
    return [rule["expr"] for rule in rules()] + [query.replace("'", '"') for query in asked]


def selectors(expression: str) -> Iterator[Selector]:
    """Every metric of an expression. No function, no keyword, no label that is grouped by."""
    grouped = re.sub(r"\b(?:by|on|without|ignoring)\s*\([^)]*\)", " ", expression)
    for metric, opened, labels in re.findall(r"(?<![\w\"\[.])([a-z_:][\w:]*)\s*(\(?)(?:\{([^}]*)\})?", grouped):
        if opened or metric in WORDS:
            continue
        yield Selector(metric, tuple(re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', labels)))
