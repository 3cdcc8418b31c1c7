"""The staging stack in containers: a project of the test's own, on free ports, gone at the end with all it had."""

import json
import os
import shutil
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from support.compose_file import services
from support.patience import HANG_S
from support.redis_local import free_port
from support.redis_server import require_engine
from support.tree import ROOT

TRIO = ("position-oracle", "governor", "flatten-executor")
CORE = ("redis", "exchange-sim", *TRIO)
BUILD_S = 480.0
"""Building the image for the first time fetches every wheel; a hang alone reaches it."""
ASK_AGAIN_S = 0.2
STREAMS = "quantum:gov:testnet:stream"
ASK_REDIS = """
import sys, redis
url = open('/run/flatguard/redis_url').read().strip()
try:
    print('ANSWER', redis.Redis.from_url(url).execute_command(*sys.argv[1:]))
except redis.exceptions.NoPermissionError:
    print('NOPERM')
"""
"""One command, in a container, as the Redis user that it has."""


class StagingError(AssertionError):
    """Compose or the engine did not do what it was asked to."""


class Staging:
    """Differs from what people start in name, image, ports and cooldown: tests arm more often than once a minute.

    `root`: the clone; `environment`: what EXCHANGE_ENV says.
    """

    def __init__(self, directory: Path, *, root: Path = ROOT, environment: str = "sim") -> None:
        self.root = root
        self._environ = _environ() | {"EXCHANGE_ENV": environment}
        self.project = f"flatguard-test-{uuid.uuid4().hex[:8]}"
        self.image = f"flatguard:{self.project}"
        self.ports = {name: free_port() for name, service in services().items() if "ports" in service}
        self.files = [root / "docker-compose.yml"]
        self.differ(directory / "override.yml", self._differences())

    def differ(self, path: Path, text: str) -> None:
        """One more file for Compose, whose word counts more than that of those before."""
        path.write_text(text, encoding="utf-8")
        self.files.append(path)

    def _differences(self) -> str:
        told = ["services:"]
        for name, service in services().items():
            lines = [f"image: {self.image!r}"] if service["image"] == "flatguard:local" else []
            if "build" in service:
                lines.append(f"build: {{ context: {str(ROOT)!r} }}")
            if "ports" in service:
                (port,) = service["ports"]
                lines.append(f'ports: !override ["127.0.0.1:{self.ports[name]}:{port.rpartition(":")[2]}"]')
            if name == "governor":
                lines.append('environment: { FLATTEN_COOLDOWN_SECONDS: "0" }')
            if lines:
                told += [f"  {name}:", *(f"    {line}" for line in lines)]
        return "\n".join((*told, ""))

    def up(self, *names: str, codes: Sequence[int] = (0,)) -> str:
        """Start these and what they need, and wait until they are ready."""
        return self.compose("up", "--build", "--detach", "--wait", *(names or CORE), codes=codes, within_s=BUILD_S)

    def down(self) -> None:
        """As an operator does it: volumes stay."""
        self.compose("--profile", "operator", "down")

    def close(self) -> None:
        """Everything of this project, volumes and image too."""
        self.compose("--profile", "operator", "down", "--volumes", "--remove-orphans", "--timeout", "5")
        subprocess.run(["docker", "image", "rm", "--force", self.image], capture_output=True, check=False)

    def flatctl(self, *words: str, codes: Sequence[int] = (0,)) -> str:
        """What the operator's container says; its exit code must be one of these."""
        return self.compose("run", "--rm", "-T", "flatctl", *words, codes=codes)

    def arming(self) -> "subprocess.Popen[str]":
        """An arm that waits for its verdict, while the test goes on."""
        command = [*self._command(), "run", "--rm", "-T", "flatctl", "arm", "--yes", "--wait", "--reason", "drill"]
        return subprocess.Popen(
            command, cwd=self.root, env=self._environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def inside(self, name: str, *command: str, codes: Sequence[int] = (0,)) -> str:
        """Run a command in a service's container."""
        return self.compose("exec", "-T", name, *command, codes=codes)

    def events(self, stream: str) -> list[str]:
        """The types of a stream's events, read by the user who can only read."""
        answer = self.compose("run", "--rm", "-T", "redis-cli", "--json", "XRANGE", f"{STREAMS}:{stream}", "-", "+")
        rows = json.loads(answer[answer.index("[") :])
        fields = [dict(zip(row[1][::2], row[1][1::2], strict=True)) for row in rows]
        return [str(field["type"]) for field in fields]

    def inspect(self, name: str) -> dict[str, Any]:
        """What the engine knows of a service's container."""
        container = self.compose("ps", "--all", "--quiet", name).split()[-1]
        answer = subprocess.run(["docker", "inspect", container], capture_output=True, text=True, check=True).stdout
        return dict(json.loads(answer)[0])

    def sim(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """Ask the simulator's own API."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports['exchange-sim']}/sim/{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method or ("GET" if body is None else "POST"),
        )
        with urllib.request.urlopen(request, timeout=2 * HANG_S) as answer:
            return json.load(answer)

    def wait(self, goal: str) -> None:
        """Until the exchange has seen what `/sim/wait` is asked for."""
        answer = self.sim(f"wait?{goal}&timeout_s={HANG_S}")
        if not answer["met"]:
            raise StagingError(f"waited {HANG_S} s for {goal}: {answer}\n{self.logs()}")

    def logs(self) -> str:
        """What everybody said last."""
        return self.compose("logs", "--no-color", "--tail", "40")

    def compose(self, *words: str, codes: Sequence[int] = (0,), within_s: float = 2 * HANG_S) -> str:
        """Run `docker compose`; gives stdout and stderr."""
        command = [*self._command(), *words]
        ended = subprocess.run(
            command, cwd=self.root, env=self._environ, capture_output=True, text=True, check=False, timeout=within_s
        )
        said = ended.stdout + ended.stderr
        if ended.returncode not in codes:
            raise StagingError(f"docker compose {' '.join(words)} ended with {ended.returncode}:\n{said}")
        return said

    @property
    def environ(self) -> dict[str, str]:
        """With it, what people type is about this stack."""
        return self._environ | {"COMPOSE_PROJECT_NAME": self.project, "COMPOSE_FILE": ":".join(map(str, self.files))}

    def _command(self) -> list[str]:
        files = [word for path in self.files for word in ("--file", str(path))]
        return ["docker", "compose", "--project-name", self.project, *files]


def until(holds: Callable[[], bool], within_s: float = HANG_S) -> None:
    """Ask again and again until it holds: Prometheus and Alertmanager tell nobody when they have something new."""
    give_up = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > give_up:
            raise StagingError(f"did not come true within {within_s:g} s")
        time.sleep(ASK_AGAIN_S)


def require_staging() -> None:
    """Skip the test where the stack cannot be brought up, or fail it where it must be."""
    require_engine("the staging stack")
    lacking = missing(dict(os.environ))
    if lacking is not None:
        assert os.environ.get("REQUIRE_CONTAINERS") != "1", f"REQUIRE_CONTAINERS=1, and {lacking}"
        pytest.skip(f"{lacking}: the staging stack is not tested")


def missing(environ: dict[str, str]) -> str | None:
    """What a machine lacks for this, beside an engine that answers; None where there is everything."""
    if shutil.which("docker", path=environ.get("PATH")) is None:
        return "there is no program docker"
    asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return "this Docker has no Compose" if asked.returncode else None


def _environ() -> dict[str, str]:
    """What Compose may see of the tests' own environment: no setting comes from the shell."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ}
