"""Redis and Valkey in containers, by testcontainers."""

import functools
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")  # it would be one more image to fetch; read at import

import docker  # type: ignore[import-untyped]
import pytest
from docker.errors import DockerException  # type: ignore[import-untyped]
from testcontainers.core.container import DockerContainer

from support.patience import HANG_S
from support.redis_local import DURABLE, NoRedisError, free_port, version_in, wait_until_it_answers

IMAGES = ("redis:8-trixie", "redis:7-bookworm", "valkey/valkey:8-trixie")


class ContainerRedis:
    """A server in a container, on a port of this machine that stays the same over restarts."""

    def __init__(self, image: str, options: tuple[str, ...] = DURABLE, given: Mapping[Path, str] | None = None) -> None:
        """`given`: directories of this machine, and where the server sees them."""
        self._image = image
        self._given = given or {}
        self._options = options
        self._port = free_port()
        self._container: Any = None
        self.about = f"container {image} ({image_version(image)})"

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        if self._container is None:
            container = DockerContainer(self._image).with_command([_program(self._image), *self._options])
            for directory, place in self._given.items():
                container.with_volume_mapping(directory, place)
            container.ports = {"6379/tcp": ("127.0.0.1", self._port)}  # with_bind_ports would open it to everyone
            self._container = container.start()
        else:
            self._container.get_wrapped_container().start()
        wait_until_it_answers(self.url, self._ended, self._said)

    def _ended(self) -> bool:
        container = self._container.get_wrapped_container()
        container.reload()
        return bool(container.status in ("exited", "dead"))

    def _said(self) -> str:
        return str(self._container.get_wrapped_container().logs().decode(errors="replace"))

    def stop(self) -> None:
        self._container.get_wrapped_container().stop()

    def kill(self) -> None:
        self._container.get_wrapped_container().kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def pause(self) -> None:
        self._container.get_wrapped_container().pause()

    def resume(self) -> None:
        self._container.get_wrapped_container().unpause()

    def close(self) -> None:
        if self._container is not None:
            self._container.stop()
            self._container = None


def engine_answers(environ: Mapping[str, str]) -> bool:
    """Whether a Docker engine answers. Raises NoRedisError when there must be one."""
    answers = _listens() and _pings()
    if not answers and environ.get("REQUIRE_CONTAINERS") == "1":
        raise NoRedisError("REQUIRE_CONTAINERS=1, but no Docker engine answers")
    return answers


def require_engine(what: str) -> None:
    """Skip the test without a Docker engine, or fail it where there must be one."""
    try:
        if not engine_answers(os.environ):
            pytest.skip(f"no Docker engine answers: {what} is not tested")
    except NoRedisError as error:
        pytest.fail(str(error), pytrace=False)


def _listens() -> bool:
    """Asked without docker's client, which leaves a socket open when nobody listens: a warning is an error here."""
    host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if not host.startswith("unix://"):
        return True
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(host.removeprefix("unix://")) == 0


def _pings() -> bool:
    try:
        client = docker.from_env(timeout=HANG_S)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except DockerException:
        return False


@functools.cache
def image_version(image: str) -> str:
    """The version of the server in the image, asked of the server; "to be pulled" while the image is not here."""
    client = docker.from_env(timeout=HANG_S)
    try:
        if not client.images.list(image):
            return "to be pulled"
        return version_in(client.containers.run(image, [_program(image), "--version"], remove=True).decode())
    finally:
        client.close()


def _program(image: str) -> str:
    return "valkey-server" if "valkey" in image else "redis-server"
