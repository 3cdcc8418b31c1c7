"""Operators' keys on the command line: made, shown, listed; nothing of them is ever said (I18)."""

import json
import stat
from pathlib import Path

import pytest

from authority import key_file
from authority.operators import parse
from support.flatctl_process import Flatctl
from support.keyring import PASSPHRASE, Keyring
from support.people import ALICE, BOB, EVE, LONG_AGO, an_entry

PASS = {"OPERATOR_KEY_PASSPHRASE": PASSPHRASE}


@pytest.fixture
def flatctl(tmp_path: Path) -> Flatctl:
    """Keys need no Redis."""
    return Flatctl.on("redis://127.0.0.1:1/0", "test", tmp_path, **PASS)


async def test_a_key_is_made_encrypted_and_what_is_printed_goes_into_the_operators_file(
    flatctl: Flatctl, tmp_path: Path
) -> None:
    path = tmp_path / "alice.pem"

    said = await flatctl("keys", "generate", "--out", str(path), "--operator", "alice", "--role", "risk")

    assert said.code == 0, said.err
    block = said.out[said.out.index("[[operator]]") :]
    (key,) = parse(block).keys
    assert (key.name, key.role, key.revoked) == ("alice", "risk", False)
    assert key.key_id in said.out.partition("[[operator]]")[0]
    assert key_file.read(str(path), PASSPHRASE).key_id == key.key_id
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_before_a_passphrase_is_typed_in_vain_a_missing_directory_is_told(tmp_path: Path) -> None:
    path = tmp_path / "none" / "alice.pem"
    said = await Flatctl.on("redis://127.0.0.1:1/0", "test", tmp_path)("keys", "generate", "--out", str(path))

    assert (said.code, "there is no directory for" in said.err) == (1, True), said


async def test_a_key_is_never_overwritten(flatctl: Flatctl, tmp_path: Path) -> None:
    path = tmp_path / "alice.pem"
    assert (await flatctl("keys", "generate", "--out", str(path), "--operator", "alice")).code == 0
    before = path.read_bytes()

    said = await flatctl("keys", "generate", "--out", str(path), "--operator", "alice")

    assert (said.code, said.out) == (1, "")
    assert said.err == f"flatctl: no key was made: '{path}' is there already; name another file with --out\n"
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "passphrase", "words"),
    [
        (("--role", "admin"), PASSPHRASE, "role: Invalid enum value 'admin'"),
        (("--operator", " "), PASSPHRASE, "no blanks around it"),
        ((), "short", "a passphrase has at least 12 characters"),
        ((), "", "nobody can be asked for a passphrase here"),
    ],
)
async def test_what_makes_no_key_is_one_line_and_leaves_nothing(
    flatctl: Flatctl, tmp_path: Path, arguments: tuple[str, ...], passphrase: str, words: str
) -> None:
    flatctl.environ["OPERATOR_KEY_PASSPHRASE"] = passphrase

    said = await flatctl("keys", "generate", "--out", str(tmp_path / "x.pem"), "--operator", "alice", *arguments)

    assert (said.code, said.out, said.err.count("\n")) == (1, "", 1)
    assert words in said.err
    assert not (tmp_path / "x.pem").exists()


async def test_the_public_part_is_shown(flatctl: Flatctl, tmp_path: Path) -> None:
    flatctl.environ |= Keyring(tmp_path).of("alice")

    said, as_json = await flatctl("keys", "show"), await flatctl("keys", "show", "--json")

    assert said.code == 0, said.err
    assert f'key_id = "{ALICE.key_id}"' in said.out
    assert json.loads(as_json.out)["key_id"] == ALICE.key_id


@pytest.mark.parametrize(
    ("mode", "passphrase", "words"),
    [
        (0o644, PASSPHRASE, "has mode 0644, and others may read or change it: chmod 600"),
        (0o600, "another passphrase", "the passphrase does not open"),
        (0o600, "", "nobody can be asked for a passphrase here"),
    ],
)
async def test_i18_a_key_that_is_not_to_be_trusted_is_refused_and_no_secret_is_said(
    flatctl: Flatctl, tmp_path: Path, mode: int, passphrase: str, words: str
) -> None:
    flatctl.environ |= {**Keyring(tmp_path).of("alice"), "OPERATOR_KEY_PASSPHRASE": passphrase}
    (tmp_path / "alice.pem").chmod(mode)

    said = await flatctl("keys", "show")

    assert (said.code, said.out, said.err.count("\n")) == (1, "", 1)
    assert words in said.err
    assert not passphrase or passphrase not in said.err


async def test_the_passphrase_may_come_from_a_file(flatctl: Flatctl, tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text(f"{PASSPHRASE}\n", encoding="utf-8")
    flatctl.environ |= Keyring(tmp_path).of("alice")
    del flatctl.environ["OPERATOR_KEY_PASSPHRASE"]
    flatctl.environ["OPERATOR_KEY_PASSPHRASE_FILE"] = str(tmp_path / "passphrase")

    assert (await flatctl("keys", "show")).code == 0


async def test_the_list_says_who_may_sign_and_why_others_may_not(flatctl: Flatctl, tmp_path: Path) -> None:
    entries = (
        an_entry(ALICE, "alice", valid_until="2099-01-01T00:00:00Z"),
        an_entry(BOB, "bob", role="risk", revoked="true"),
        an_entry(EVE, "eve", valid_from=LONG_AGO, valid_until="2021-01-01T00:00:00Z"),
    )
    flatctl.environ["OPERATORS_FILE"] = Keyring(tmp_path, *entries, policy="signatures = 2").operators

    said, as_json = await flatctl("keys", "list"), await flatctl("keys", "list", "--json")

    assert said.code == 0, said.err
    alice, bob, eve = (line for line in said.out.splitlines() if line.startswith(("alice", "bob", "eve")))
    assert alice.split()[1:3] == ["trader", ALICE.key_id]
    assert "valid until 2099-01-01 00:00:00 UTC" in alice
    assert "REVOKED" in bob
    assert "EXPIRED at 2021-01-01 00:00:00 UTC" in eve
    assert "an arm needs the signatures of 2 people, where EXCHANGE_ENV is live of 2 people" in said.out
    assert "NO ARM CAN PASS in sim: 1 people have a valid key" in said.out
    assert [json.loads(line)["name"] for line in as_json.out.splitlines()] == ["alice", "bob", "eve"]


async def test_without_an_operators_file_there_is_no_list(flatctl: Flatctl) -> None:
    said = await flatctl("keys", "list")

    assert (said.code, said.out) == (1, "")
    assert "OPERATORS_FILE is not set here" in said.err


async def test_a_wrong_setting_is_one_line_each(flatctl: Flatctl) -> None:
    flatctl.environ["EXCHANGE_ENV"] = "mars"

    said = await flatctl("keys", "generate")

    assert said.code == 1
    assert said.err == "flatctl: EXCHANGE_ENV='mars' is not one of sim, demo, testnet, live\n"
