"""The three services as processes, and flatctl as operators run it, on one environment."""

from pathlib import Path

from support.processes import ServiceProcess
from support.requester import Requester
from support.sim import Simulator

SERVICES = {"oracle": "position_oracle.main", "governor": "governor.main", "executor": "flatten_executor.main"}
SET_LATCH = ("ess", "activate", "--operator", "alice", "--reason", "drill")
ARM = ("arm", "--yes", "--wait", "--operator", "alice", "--reason", "drill")


class Trio:
    """The services by name, their common environment, and flatctl on the same environment."""

    def __init__(self, sim: Simulator, env: dict[str, str], events: Requester) -> None:
        self.sim = sim
        self.env = env
        self.events = events
        self.services: dict[str, ServiceProcess] = {}

    def service(self, name: str, **changed: str) -> ServiceProcess:
        """One service, not started yet. The oracle gets the key that can only read."""
        read_only = {"EXCHANGE_API_KEY": self.sim.read_key, "EXCHANGE_API_SECRET": self.sim.read_secret}
        own = read_only if name == "oracle" else {}
        self.services[name] = ServiceProcess(SERVICES[name], {**self.env, **own, **changed})
        return self.services[name]

    def flatctl(self, *arguments: str) -> ServiceProcess:
        """One command, not started yet."""
        return ServiceProcess("flatctl.main", self.env, arguments=arguments)

    async def told(self, *arguments: str) -> None:
        """One command, and it works."""
        async with self.flatctl(*arguments) as command:
            assert await command.wait() == 0, command.text


def trio_env(sim: Simulator, redis_url: str, namespace: str, latch: Path) -> dict[str, str]:
    """The environment of all three: every gate open but for the latch, which is the file `latch`."""
    return {
        "REDIS_URL": redis_url,
        "FLATTEN_NAMESPACE": namespace,
        "FLATTEN_ALLOCATION_PREFIX": f"{namespace}:target:",
        "EXCHANGE_BASE_URL": sim.base_url,
        "EXCHANGE_API_KEY": sim.api_key,
        "EXCHANGE_API_SECRET": sim.api_secret,
        "ESS_LATCH": f"file:{latch}",
        "GOV_TESTNET_FORCE_FLATTEN": "true",
        "GOV_TESTNET_FORCE_FLATTEN_CONFIRM": "FLATTEN_NOW",
        "ORACLE_POLL_SECONDS": "0.5",  # two minutes of it stay inside the venue's limit
    }
