"""`python -m proof`: ten steps against a stack that runs. Exit code 0 only when all ten hold.

It does what an operator does, through flatctl alone: stop trading, arm, wait, look. It FLATTENS THE ACCOUNT for real.
Every statement rests on the exchange, or on a record that outlives a restart; no counter of a process is asked.
"""

import argparse
import asyncio
import os
import secrets
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from proof.operating import CannotProve, Command
from proof.running import Options, Prover
from proof.stack import find_stack
from proof.telling import Teller

PROVED, ERROR, NOT_PROVED, REFUSED = 0, 1, 2, 3
SIGNALLED = 128


def main() -> None:
    """Run the proof; ends with its exit code."""
    parser = argparse.ArgumentParser(prog="python -m proof", description=__doc__)
    parser.add_argument(
        "--flatctl", metavar="COMMAND", help="flatctl of the stack, e.g. 'docker compose run --rm -T flatctl'"
    )
    parser.add_argument(
        "--restart", metavar="COMMAND", help="restarts the governor, e.g. 'docker compose restart governor'"
    )
    parser.add_argument("--reason", default="proof of the flatten path", help="kept on record with the arm")
    parser.add_argument("--yes", action="store_true", help="do not ask before the account is flattened")
    parser.add_argument("--json", action="store_true", help="the ten steps as one JSON document")
    chosen = parser.parse_args()
    teller = Teller(as_json=chosen.json)
    sys.exit(asyncio.run(_until_signalled(_run(chosen, teller), teller)))


async def _until_signalled(work: Coroutine[Any, Any, int], teller: Teller) -> int:
    task, heard = asyncio.create_task(work), list[int]()

    def end(number: int) -> None:
        heard.append(number)
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not heard:
            raise
        teller.error(f"{signal.Signals(heard[0]).name}: not proved")
        return SIGNALLED + heard[0]


async def _run(chosen: argparse.Namespace, teller: Teller) -> int:
    try:
        stack = await find_stack(chosen.flatctl, chosen.restart, os.environ)
        options = Options(arm_id=f"proof-{secrets.token_hex(4)}", reason=chosen.reason)
        prover = Prover(Command(stack.flatctl), Command(stack.restart), options, teller)
        if not chosen.yes and not await _confirmed(prover, teller):
            teller.error("not confirmed: nothing was armed (without a terminal: --yes, or make proof ASK=no)")
            return REFUSED
        proved = await prover.prove()
    except CannotProve as error:
        teller.error(str(error))
        return ERROR
    return PROVED if proved else NOT_PROVED


async def _confirmed(prover: Prover, teller: Teller) -> bool:
    """The operator types the account's name."""
    status, reading = await prover.look()
    teller.account(status, reading, prover.flatctl)
    if not sys.stdin.isatty():
        return False
    teller.ask(f"every position is closed for real. Type the account's name ({status.account}) to go on: ")
    typed: str = await asyncio.to_thread(sys.stdin.readline)
    return typed.strip() == status.account


if __name__ == "__main__":
    main()
