"""docker-compose.yml as it is checked in, for the simulator."""

from pathlib import Path
from typing import Any

import yaml

from support.tree import ROOT, text_of

FILE = "docker-compose.yml"
ENVIRONMENTS = "deploy/environments"
CHOSEN = "${EXCHANGE_ENV:-sim}"


def whole() -> dict[str, Any]:
    """The file, with the environment that it takes by itself."""
    return dict(yaml.safe_load(text_of(FILE).replace(CHOSEN, "sim")))


def services() -> dict[str, Any]:
    return dict(whole()["services"])


def environment_of(name: str) -> dict[str, str]:
    """What a service gets: its file of settings, unless it may lack, and what is said beside it, which counts more."""
    service = services()[name]
    files = [lines_of(path) for path in service.get("env_file", ()) if isinstance(path, str)]
    return {key: value for lines in (*files, service.get("environment", {})) for key, value in lines.items()}


def secrets_of(name: str) -> dict[str, Path]:
    """The files that a service finds below /run/secrets, by their names there."""
    files = whole()["secrets"]
    return {secret["target"]: ROOT / files[secret["source"]]["file"] for secret in services()[name].get("secrets", ())}


def lines_of(path: str) -> dict[str, str]:
    """The variables of an environment file."""
    lines = [line for line in text_of(path).splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)
