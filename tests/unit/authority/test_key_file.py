"""Private keys at rest: encrypted, and nobody else's to read."""

import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from authority import key_file
from authority.key_file import KeyFileMistake, WrongPassphrase
from support.people import ALICE, ALICES_SECRET

PASSPHRASE = "correct horse battery"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "alice.pem"


def test_a_key_comes_back_as_it_was_kept(path: Path) -> None:
    key_file.write(str(path), ALICE, PASSPHRASE)

    assert key_file.read(str(path), PASSPHRASE).public_key == ALICE.public_key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ALICES_SECRET not in path.read_bytes()


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_the_mode_is_0600_whatever_the_umask(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        key_file.write(str(path), ALICE, PASSPHRASE)
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_is_never_overwritten_nor_written_through_a_link(path: Path, tmp_path: Path) -> None:
    key_file.write(str(path), ALICE, PASSPHRASE)
    before = path.read_bytes()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(KeyFileMistake, match="is there already"):
        key_file.write(str(path), ALICE, PASSPHRASE)
    with pytest.raises(KeyFileMistake, match="is there already"):
        key_file.write(str(tmp_path / "link"), ALICE, PASSPHRASE)

    assert path.read_bytes() == before
    assert not (tmp_path / "elsewhere").exists()


def test_a_short_passphrase_is_refused_before_anything_is_written(path: Path) -> None:
    with pytest.raises(KeyFileMistake, match="at least 12 characters"):
        key_file.write(str(path), ALICE, "hunter2")

    assert not path.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o700, 0o666, 0o4600])
def test_a_looser_mode_is_refused(path: Path, mode: int) -> None:
    key_file.write(str(path), ALICE, PASSPHRASE)
    path.chmod(mode)

    with pytest.raises(KeyFileMistake, match=f"has mode {mode:04o}, .*chmod 600"):
        key_file.read(str(path), PASSPHRASE)


def test_a_stricter_mode_will_do(path: Path) -> None:
    key_file.write(str(path), ALICE, PASSPHRASE)
    path.chmod(0o400)

    assert key_file.read(str(path), PASSPHRASE).key_id == ALICE.key_id


def test_the_owner_and_mode_of_a_links_target_count(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file.write(str(path), ALICE, PASSPHRASE)
    link = tmp_path / "link"
    link.symlink_to(path)
    assert key_file.read(str(link), PASSPHRASE).key_id == ALICE.key_id

    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)

    with pytest.raises(KeyFileMistake, match="belongs to another user"):
        key_file.read(str(link), PASSPHRASE)


def test_another_passphrase_does_not_open_it_and_is_not_shown_i18(path: Path) -> None:
    key_file.write(str(path), ALICE, PASSPHRASE)

    for wrong in ("correct horse batterY", "", "é" * 20):
        with pytest.raises(WrongPassphrase, match="passphrase") as caught:
            key_file.read(str(path), wrong)
        assert not wrong or wrong not in str(caught.value)


def pem(key: object, encryption: object) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)  # type: ignore[attr-defined, no-any-return]


ENCRYPTED = BestAvailableEncryption(PASSPHRASE.encode())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (pem(Ed25519PrivateKey.generate(), NoEncryption()), "is not encrypted"),
        (pem(generate_private_key(SECP256R1()), ENCRYPTED), "is not Ed25519"),
        (b"", "no private key that can be read"),
        (b"-----garbage-----", "no private key that can be read"),
        (b"x" * 20_000, "is larger than"),
    ],
)
def test_what_is_no_encrypted_ed25519_key_is_one_clear_line(path: Path, content: bytes, words: str) -> None:
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(KeyFileMistake, match=words) as caught:
        key_file.read(str(path), PASSPHRASE)

    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_refused_and_nothing_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)

    for name, words in {
        "nowhere": "No such file",
        "": "it is no file",
        "fifo": "it is no file",
        "\0": "cannot be read",
    }.items():
        with pytest.raises(KeyFileMistake, match=words):
            key_file.read(f"{tmp_path}/{name}", PASSPHRASE)
    with pytest.raises(KeyFileMistake, match="cannot be written"):
        key_file.write(f"{tmp_path}/no/directory", ALICE, PASSPHRASE)


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (InternalError("Unknown OpenSSL error", []), "no private key that can be read"),
        (UnsupportedAlgorithm("Unknown key type"), "is not supported here"),
    ],
)
def test_what_damaged_files_made_the_library_say_is_one_clear_line(
    path: Path, monkeypatch: pytest.MonkeyPatch, raised: Exception, words: str
) -> None:
    """Seen in one of some thousand files with a bit changed."""
    key_file.write(str(path), ALICE, PASSPHRASE)

    def damaged(*_: object) -> None:
        raise raised

    monkeypatch.setattr(key_file, "load_pem_private_key", damaged)

    with pytest.raises(KeyFileMistake, match=words):
        key_file.read(str(path), PASSPHRASE)


def test_a_key_with_one_byte_changed_crashes_nothing(path: Path) -> None:
    key_file.write(str(path), ALICE, PASSPHRASE)
    content = path.read_bytes()

    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with suppress(KeyFileMistake):
            assert key_file.read(str(path), PASSPHRASE).key_id
