"""How long an arm lives: where another person has to sign, long enough for that."""

from pathlib import Path

import pytest

from contracts.arming import ArmRequested
from runtime.redis_client import raw
from support.flatctl_process import Flatctl
from support.keyring import Keyring
from support.scribe import Scribe


@pytest.mark.parametrize(
    ("policy", "changed", "arguments", "lifetime_s"),
    [
        ("signatures = 1", {}, (), 60),
        ("signatures = 2", {}, (), 300),
        ("signatures = 2", {}, ("--expires-in", "45"), 45),
        ("signatures = 1", {}, ("--expires-in", "300"), 300),
        ("signatures = 1", {"EXCHANGE_ENV": "live"}, (), 300),
        ("signatures_live = 1", {"EXCHANGE_ENV": "live"}, (), 60),
        ("", {"EXCHANGE_ENV": "live", "OPERATORS_FILE": ""}, (), 300),
        ("", {"OPERATORS_FILE": ""}, (), 60),
    ],
)
async def test_an_arm_that_more_than_one_has_to_sign_lives_long_enough(
    flatctl: Flatctl,
    scribe: Scribe,
    tmp_path: Path,
    policy: str,
    changed: dict[str, str],
    arguments: tuple[str, ...],
    lifetime_s: int,
) -> None:
    flatctl.environ |= {**Keyring(tmp_path, policy=policy).of("alice"), **changed}

    said = await flatctl("arm", "--yes", "--timeout", "1", *arguments)

    (arm,) = await scribe.events(ArmRequested)
    assert arm.expires_at_ms - arm.issued_at_ms == lifetime_s * 1000
    assert lifetime_s - 50 < await raw(scribe.redis, "TTL", scribe.keys.arm) <= lifetime_s
    assert f"the permission expires after {lifetime_s} s" in said.out
