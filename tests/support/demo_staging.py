"""The staging stack with EXCHANGE_ENV=demo, on a network that leads nowhere: nothing can reach the real venue."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from support.compose_file import ENVIRONMENTS, FILE
from support.people import keep
from support.staging import TRIO, Staging
from support.tls import Authority
from support.tree import ROOT
from support.venue_samples import body, exchange_info

VENUE = "demo-fapi.binance.com"
KEYS = ("read_key", "read_secret", "trading_key", "trading_secret")
PROGRAM = 10001
TRUSTED = "/opt/flatguard/lib/python3.13/site-packages/certifi/cacert.pem"
"""Whom the programs trust to say who the venue is."""
ASK_READYZ = """
import os, urllib.request, urllib.error
try:
    print(urllib.request.urlopen('http://127.0.0.1:' + os.environ['HTTP_PORT'] + '/readyz', timeout=5).read().decode())
except urllib.error.HTTPError as error:
    print(error.read().decode())
except OSError:
    print('{"ready": false, "checks": {}}')
"""
WORLD = """
networks: {{ default: {{ internal: true }} }}
services:
  names: &outside
    image: python:3.13-slim-trixie
    command: [python3, /world/outside_world.py, names]
    volumes: ["{world}:/world:ro"]
  venue:
    <<: *outside
    command: [python3, /world/outside_world.py, venue, /world/server.pem, /world/server-key.pem]
    networks: {{ default: {{ aliases: ["{venue}"] }} }}
"""
ASKED = """
  {name}:
    dns: ["{address}"]
    dns_search: [.]
    volumes: ["{authority}:{trusted}:ro"]
"""


class DemoStaging(Staging):
    """In a clone of its own, as far as Compose reads it: keys and operators' file are put where people put them."""

    def __init__(self, directory: Path) -> None:
        root = directory / "clone"
        root.mkdir()
        shutil.copy(ROOT / FILE, root)
        shutil.copytree(ROOT / ENVIRONMENTS, root / ENVIRONMENTS)
        self._files = root / ENVIRONMENTS / "demo"
        for left in (*(self._files / name for name in KEYS), self._files / "operators/operators.toml"):
            left.unlink(missing_ok=True)
        self._directory = directory
        self._world = directory / "world"
        self._world.mkdir()
        super().__init__(directory, root=root, environment="demo")

    def close_the_world(self) -> None:
        """From now on every name that a container asks for is asked of `names`."""
        shutil.copy(ROOT / "tests/support/outside_world.py", self._world)
        (self._world / "exchange_info.json").write_bytes(body(exchange_info()))
        authority = Authority(self._world, "authority")
        authority.certify(self._world, VENUE)
        world = WORLD.format(world=self._world, venue=VENUE)
        self.differ(self._directory / "world.yml", world)
        self.up("names")
        (network,) = self.inspect("names")["NetworkSettings"]["Networks"].values()
        asked = {"address": network["IPAddress"], "authority": authority.path, "trusted": TRUSTED}
        services = [ASKED.format(name=name, **asked) for name in (*TRIO, "flatctl")]
        self.differ(self._directory / "asked.yml", "\n".join(["services:", *services]))

    def give_keys(self, owner: int = PROGRAM) -> None:
        """Made-up ones, as README.md there says: only their owner can read them."""
        for name in KEYS:
            path = self._files / name
            path.touch(mode=0o600)
            path.write_text(f"made-up-{name}\n")
            shutil.chown(path, owner)

    def name_operators(self) -> None:
        keep(self._files / "operators/operators.toml")

    def readiness(self, name: str) -> dict[str, Any]:
        """What a service says of itself, ready or not."""
        return dict(json.loads(self.inside(name, "python3", "-c", ASK_READYZ)))

    def trouble(self, name: str) -> str:
        """What a service says of the exchange at /readyz."""
        return str(self.readiness(name)["checks"].get("exchange", {}).get("why", ""))

    def said(self, name: str) -> list[str]:
        """Every line of a service."""
        container = self.inspect(name)["Id"]
        command = ["docker", "logs", container]
        ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
        return ended.stdout.splitlines()

    def seen(self, name: str) -> list[dict[str, str]]:
        """What `names` or `venue` was asked."""
        return [json.loads(line) for line in self.said(name)]
