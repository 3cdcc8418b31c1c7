"""Lua: every script is loaded by somebody, and says what it takes and gives."""

import re
from itertools import takewhile

import pytest

from runtime.scripts import Script
from support.tree import modules, text_of, tracked

SCRIPTS = tracked(".lua")
READS = {
    "TIME",
    "TYPE",
    "EXISTS",
    "TTL",
    "PTTL",
    "GET",
    "HGET",
    "HMGET",
    "HGETALL",
    "HEXISTS",
    "XLEN",
    "XPENDING",
    "XRANGE",
}
"""Any other command counts as a write."""


def heading(name: str) -> str:
    return "\n".join(takewhile(lambda line: line.startswith("--"), text_of(name).splitlines()))


def code_of(name: str) -> str:
    return re.sub(r"--[^\n]*", "", text_of(name))


def test_every_script_is_loaded_by_a_module() -> None:
    loaded = {
        value.source
        for module in modules()
        for held in vars(module).values()
        for value in (held if isinstance(held, tuple | list) else (held,))
        if isinstance(value, Script)
    }

    assert {name for name in SCRIPTS if not any(text_of(name) in source for source in loaded)} == set()


def test_whatever_writes_to_the_audit_stream_does_it_through_the_chain() -> None:
    audited = [name for name in SCRIPTS if "audit stream" in heading(name) and not name.endswith("/chain.lua")]

    assert len(audited) == 7
    for name in audited:
        assert re.search(r"^-- KEYS: .*audit stream, (\d )?head of its chain$", heading(name), re.MULTILINE), name
        assert re.search(r"\baudit\(", code_of(name)), name


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_says_which_keys_and_arguments_it_takes_and_what_it_returns(name: str) -> None:
    head = heading(name)

    assert "KEYS" in head
    assert "ARGV" in head
    assert re.search(r"\breturns?\b", head, re.IGNORECASE)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_takes_every_key_from_its_caller(name: str) -> None:
    calls = re.findall(r"redis\.p?call\('(\w+)'(?:, *([^,)]+))?", code_of(name))

    assert calls
    assert [call for call in calls if call[0] != "TIME" and not call[1].startswith("KEYS[")] == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_reads_everything_before_it_writes_anything(name: str) -> None:
    kinds = ["read" if call in READS else "write" for call in re.findall(r"redis\.p?call\('(\w+)'", code_of(name))]

    assert kinds == sorted(kinds)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_keeps_within_the_oldest_redis_that_the_demo_runs_on(name: str) -> None:
    assert not text_of(name).startswith("#!")
    assert "redis.setresp" not in text_of(name)
