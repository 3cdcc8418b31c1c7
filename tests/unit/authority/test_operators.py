"""The operators' file: what it may say, and one clear line for what it may not."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authority import operators_file
from authority.operators import Operators, OperatorsMistake, parse
from contracts.vocabulary import Environment
from support.people import ALICE, ALICES_SECOND, BOB, EVE, a_file, an_entry, keep, operators

NOW = datetime(2026, 1, 28, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
SECOND = timedelta(seconds=1)


def doubt(entry: str) -> str:
    (key,) = operators(entry).keys
    return key.doubt(NOW_MS)


def test_a_file_that_anybody_may_write_to_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "operators.toml"
    keep(path, an_entry(ALICE, "alice"))
    path.chmod(0o664)
    assert operators_file.read(str(path)).problem == ""

    path.chmod(0o666)

    seen = operators_file.read(str(path))
    assert seen.operators is None
    assert seen.problem == f"OPERATORS_FILE={str(path)!r} may be written by anybody (mode 0666): chmod o-w it"


def test_names_keys_and_the_policy_are_read() -> None:
    found = operators(policy="signatures = 2\nsignatures_live = 3")

    assert [(key.name, key.role, key.key_id) for key in found.keys] == [
        ("alice", "trader", ALICE.key_id),
        ("bob", "risk", BOB.key_id),
    ]
    assert [found.policy.needed(environment) for environment in Environment] == [2, 2, 2, 3]


def test_without_a_policy_one_signs_and_for_real_money_two() -> None:
    found = parse(an_entry(ALICE, "alice"))

    assert {environment: found.policy.needed(environment) for environment in Environment} == {
        Environment.SIM: 1,
        Environment.DEMO: 1,
        Environment.TESTNET: 1,
        Environment.LIVE: 2,
    }


def test_several_keys_of_one_name_are_one_persons() -> None:
    found = operators(an_entry(ALICE, "alice"), an_entry(ALICES_SECOND, "alice"))

    assert found.shortage(Environment.SIM, NOW_MS) == ""
    assert found.shortage(Environment.LIVE, NOW_MS) == "1 people have a valid key, and an arm needs the signatures of 2"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (an_entry(ALICE, "alice"), ""),
        (an_entry(ALICE, "alice", revoked="true"), "was revoked"),
        (an_entry(ALICE, "alice", revoked=NOW.isoformat()), "was revoked"),
        (an_entry(ALICE, "alice", revoked=(NOW + SECOND).isoformat()), ""),
        (an_entry(ALICE, "alice", valid_from=NOW), ""),
        (an_entry(ALICE, "alice", valid_from=NOW + SECOND), "is not valid before 2026-01-28T00:00:01+00:00"),
        (an_entry(ALICE, "alice", valid_until=NOW + SECOND), ""),
        (an_entry(ALICE, "alice", valid_until=NOW), "was valid until 2026-01-28T00:00:00+00:00"),
        (an_entry(ALICE, "alice", valid_until=NOW, revoked="true"), "was revoked"),
    ],
)
def test_a_key_counts_in_its_time_and_until_it_is_revoked_i2(entry: str, words: str) -> None:
    assert doubt(entry) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file: Object missing required field `operator`"),
        ("operator = []", "operator: Expected `array` of length >= 1"),
        ("operator = [", "is no TOML"),
        ("x = " + "[" * 5_000, "cannot be read"),
        (a_file(an_entry(ALICE, "alice", key_id='"0123456789abcdef"')), "and that of its public_key is"),
        (a_file(an_entry(ALICE, "alice", public_key='"AAAA"')), "a key of 'alice': public_key has 3 bytes"),
        (a_file(an_entry(ALICE, "alice"), an_entry(ALICE, "bob")), "a key of 'bob': key '.*' is in the file twice"),
        (a_file(an_entry(ALICE, "alice"), an_entry(BOB, "Alice")), "'alice' and 'Alice' can be taken for one another"),
        (a_file(an_entry(ALICE, "al ice"), an_entry(BOB, "al  ice")), "can be taken for one another"),
        (a_file(an_entry(ALICE, "\uff41lice"), an_entry(BOB, "alice")), "can be taken for one another"),
        (a_file(an_entry(ALICE, " alice")), "no blanks around it"),
        (a_file(an_entry(ALICE, "al\u200bice")), "nothing that cannot be seen"),
        (a_file(an_entry(ALICE, "")), "operator.*name: Expected `str` of length >= 1"),
        (a_file(an_entry(ALICE, "alice", role="admin")), "role: Invalid enum value 'admin'"),
        (a_file(an_entry(ALICE, "alice", valid_from="2026-01-01T00:00:00")), "valid_from has no time zone"),
        (a_file(an_entry(ALICE, "alice", revoked="2026-01-01T00:00:00")), "revoked has no time zone"),
        (a_file(an_entry(ALICE, "alice", valid_from="2026-01-01")), "valid_from: Expected `datetime`"),
        (a_file(an_entry(ALICE, "alice", valid_from="2100-01-01T00:00:00Z")), "valid_until is not after valid_from"),
        (a_file(an_entry(ALICE, "alice", revoked='"yes"')), "revoked: "),
        (a_file(an_entry(ALICE, "alice", revokd="true")), "unknown field `revokd`"),
        (a_file(policy="signatures = 0"), "policy.signatures: Expected `int` >= 1"),
        (a_file(policy="signatures = 1.5"), "policy.signatures: Expected `int`"),
        (a_file(policy="signatures_life = 1"), "policy: Object contains unknown field `signatures_life`"),
        (a_file().replace("policy", "polici"), "the file: Object contains unknown field `polici`"),
    ],
)
def test_each_mistake_is_one_clear_line(text: str, words: str) -> None:
    with pytest.raises(OperatorsMistake, match=words) as caught:
        parse(text)

    assert "\n" not in str(caught.value)


@given(text=st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_whatever_stands_there_nothing_crashes(text: str) -> None:
    with pytest.raises(OperatorsMistake):
        parse(text)


@given(at=st.integers(0, len(a_file()) - 1), character=st.characters(max_codepoint=0x2FF))
def test_a_character_changed_is_a_mistake_or_changes_no_key(at: int, character: str) -> None:
    text = a_file()
    try:
        found = parse(text[:at] + character + text[at + 1 :])
    except OperatorsMistake:
        return

    assert {key.key_id for key in found.keys} <= {ALICE.key_id, BOB.key_id}


def test_the_file_is_read_anew_each_time(tmp_path: Path) -> None:
    path = keep(tmp_path / "operators.toml")
    before = operators_file.read(path)
    keep(tmp_path / "operators.toml", an_entry(EVE, "eve"))

    assert names(before.operators) == ["alice", "bob"]
    assert names(operators_file.read(path).operators) == ["eve"]


def test_without_a_path_nothing_is_configured() -> None:
    seen = operators_file.read("")

    assert (seen.operators, seen.problem, seen.configured) == (None, "", False)


def test_what_cannot_be_read_is_a_problem_that_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "not-utf8").write_bytes(b"\xff")
    (tmp_path / "large").write_bytes(b"#" * (operators_file.BYTES_MAX + 1))
    (tmp_path / "wrong").write_text("[policy]", encoding="utf-8")
    os.mkfifo(tmp_path / "fifo")

    for name, words in {
        "nowhere": "cannot be read: No such file or directory",
        "": "it is no file",
        "not-utf8": "cannot be read",
        "large": "is larger than",
        "wrong": "missing required field `operator`",
        "fifo": "it is no file",
        "\0": "cannot be read",
    }.items():
        seen = operators_file.read(f"{tmp_path}/{name}")
        assert seen.configured
        assert seen.operators is None
        assert seen.problem.startswith("OPERATORS_FILE=")
        assert words in seen.problem
        assert list(operators_file.problems(f"{tmp_path}/{name}", Environment.SIM)) == [seen.problem]


@pytest.mark.parametrize("environment", Environment)
def test_without_a_file_only_sim_starts(environment: Environment) -> None:
    told = list(operators_file.problems("", environment))

    assert bool(told) is (environment is not Environment.SIM)
    assert all(f"OPERATORS_FILE is not set: unsigned arms are for sim alone, and EXCHANGE_ENV is {environment}" in line
               for line in told)  # fmt: skip


@pytest.mark.parametrize("environment", Environment)
def test_it_is_told_beforehand_when_nobody_could_sign(tmp_path: Path, environment: Environment) -> None:
    lone = operators_file.read(keep(tmp_path / "lone.toml", an_entry(ALICE, "alice")))
    none = operators_file.read(keep(tmp_path / "none.toml", an_entry(ALICE, "alice", revoked="true")))
    unset = operators_file.read("")

    assert bool(operators_file.standing_problem(lone, environment, NOW_MS)) is (environment is Environment.LIVE)
    assert "0 people have a valid key" in operators_file.standing_problem(none, environment, NOW_MS)
    assert bool(operators_file.standing_problem(unset, environment, NOW_MS)) is (environment is not Environment.SIM)


def names(found: Operators | None) -> list[str]:
    assert found is not None
    return [key.name for key in found.keys]
