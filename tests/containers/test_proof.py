"""`make proof` beside `make up`: everything through Compose, as an operator on the host does it."""

import subprocess
import sys

from support.staging import Staging

WITHIN_S = 300


def test_the_stack_proves_a_flatten_in_ten_steps_over_a_restart_of_its_governor(staging: Staging) -> None:
    staging.compose("run", "--rm", "-T", "demo-targets")
    ended = subprocess.run(
        [sys.executable, "-m", "proof", "--yes"],
        env=staging.environ,
        cwd=staging.root,
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.rstrip().endswith("PROVED: all 10 steps hold.")
    assert "docker compose restart governor" in ended.stdout
    assert "44 open, $58,796.17" in ended.stdout
    assert staging.sim("state")["positions"] == []
    assert "ESS latch not set" in staging.flatctl("ess", "status")
