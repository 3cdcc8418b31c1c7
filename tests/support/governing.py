"""A governor as a process, with every gate open."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from support.processes import ServiceProcess

Running = Callable[..., AbstractAsyncContextManager[None]]
"""`async with governor(setting=…):` runs one in this process."""


def a_governor(redis_url: str, namespace: str, latch: Path, name: str = "governor-1", **env: str) -> ServiceProcess:
    """Not started yet. `env` overrides single variables."""
    open_gates = {
        "REDIS_URL": redis_url,
        "FLATTEN_NAMESPACE": namespace,
        "FLATTEN_ALLOCATION_PREFIX": f"{namespace}:target:",
        "CONSUMER_NAME": name,
        "ESS_LATCH": f"file:{latch}",
        "GOV_TESTNET_FORCE_FLATTEN": "true",
        "GOV_TESTNET_FORCE_FLATTEN_CONFIRM": "FLATTEN_NOW",
    }
    return ServiceProcess("governor.main", {**open_gates, **env})
