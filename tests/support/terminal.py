"""A program in a terminal of a given size, as a person sees it."""

import asyncio
import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import Mapping, Sequence

from msgspec import Struct

TIMEOUT_S = 100.0
"""The longest program that runs in one is the whole demo; the suite itself ends a test after 120 s."""
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Seen(Struct, frozen=True):
    """How it ended, and everything that was written: `raw` with the terminal's control sequences, `text` without."""

    code: int
    raw: str
    text: str


async def in_a_terminal(
    *command: str,
    environ: Mapping[str, str],
    columns: int = 80,
    rows: int = 24,
    typed: Sequence[tuple[str | re.Pattern[str], str]] = (),
) -> Seen:
    """Run it. `typed` are prompts, and what a person types when each has come; `\\1` is a pattern's group."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    environ = {**environ, "TERM": "xterm-256color"}
    environ.pop("COLUMNS", None)
    try:
        process = await asyncio.create_subprocess_exec(
            *command, env=environ, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
    finally:
        os.close(theirs)
    reading = asyncio.create_task(asyncio.to_thread(_read_all, ours, list(typed)))
    ending = asyncio.create_task(process.wait())
    try:
        ended, _ = await asyncio.wait((ending,), timeout=TIMEOUT_S)
    finally:
        if process.returncode is None:
            process.kill()
        code = await ending
        written = (await reading).decode()
        os.close(ours)
    assert ended, f"{command} did not end:\n{written}"
    return Seen(code, written, _ESCAPES.sub("", written).replace("\r\n", "\n").replace("\r", "\n"))


def _read_all(descriptor: int, typed: list[tuple[str | re.Pattern[str], str]]) -> bytes:
    """Until the other end is closed, which a pty says with an error."""
    chunks: list[bytes] = []
    answered = 0
    while True:
        try:
            chunk = os.read(descriptor, 65_536)
        except OSError:
            break
        if not chunk:
            break
        chunks.append(chunk)
        written = b"".join(chunks).decode(errors="replace")
        if typed:
            prompt, answer = typed[0]
            found = (prompt if isinstance(prompt, re.Pattern) else re.compile(re.escape(prompt))).search(
                written, answered
            )
            if found:
                answered = found.end()
                typed.pop(0)
                os.write(descriptor, f"{found.expand(answer)}\n".encode())
    return b"".join(chunks)
