"""Nothing in the demo knows the incident's figures: on another account it tells that account's."""

import json
import os
import re
import sys
from pathlib import Path

from support.demo_process import ran

PROGRAM = """
import sys
import demo.main, demo.stack
python = demo.stack.python
account = ("--port", "0", *sys.argv.pop().split())
def on_another_account(module, *arguments):
    return python(module, *(account if module == "exchange_sim.main" else arguments))
demo.stack.python = on_another_account
demo.main.main()
"""


async def demo_on(tmp_path: Path, *positions: tuple[str, str], symbols: int) -> tuple[int, str]:
    scenario = tmp_path / "scenario.json"
    scenario.write_text(json.dumps({"positions": [{"symbol": symbol, "qty": qty} for symbol, qty in positions]}))
    account = f"--symbols {symbols} --scenario {scenario}"
    return await ran(sys.executable, "-c", PROGRAM, account, environ={**os.environ, "TMPDIR": str(tmp_path)})


async def test_the_counts_are_those_of_the_account(tmp_path: Path) -> None:
    code, said = await demo_on(tmp_path, ("ETHUSDT", "9.1"), ("BTCUSDT", "-0.2"), symbols=50)

    assert code == 0, said
    assert "exchange: 50 symbols, 2 open, exposure $49,203.86" in said
    assert said.rstrip().endswith("\nseen=50 nonzero=2 filtered=2 sent=2 ok=2 errors=0 verdict=flat")


async def test_without_a_breach_there_is_no_proof_and_no_good_exit(tmp_path: Path) -> None:
    code, said = await demo_on(tmp_path, ("BTCUSDT", "-0.2"), symbols=50)

    assert code == 1, said
    assert re.search(r"FAIL .*breach", said), said
    assert "All three agree" not in said
