"""Lua scripts: the only way in which an effect, its events and its XACK happen together or not at all."""

import hashlib
from collections.abc import Sequence
from importlib.resources import files

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from runtime.redis_client import Reply, raw


class Script:
    """One script. Runs on Redis 6.2 and later: no `#!lua` flags. A script has no rollback: it reads, then writes."""

    def __init__(self, name: str, source: str) -> None:
        if source.startswith("#!"):
            raise ValueError(f"script {name}: a #! line needs Redis 7")
        self.name = name
        self.source = source
        # Redis names scripts by SHA-1; nothing depends on it being hard to collide.
        self.sha1 = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    @classmethod
    def from_package(cls, package: str, filename: str) -> "Script":
        """The script in a package's file, e.g. `Script.from_package("governor.scripts", "fire.lua")`."""
        return cls(filename.removesuffix(".lua"), files(package).joinpath(filename).read_text(encoding="utf-8"))

    @classmethod
    def audited(cls, package: str, filename: str) -> "Script":
        """The same for a script that writes to the audit stream, by the function `audit` of `runtime/lua/chain.lua`."""
        name, chain = filename.removesuffix(".lua"), files("runtime.lua").joinpath("chain.lua")
        return cls(name, chain.read_text(encoding="utf-8") + files(package).joinpath(filename).read_text("utf-8"))

    async def run(self, redis: Redis, keys: Sequence[str], args: Sequence[str | bytes | int] = ()) -> Reply:
        """Run it and return its reply (bytes, int, list or None).

        Never runs it twice: when the reply is lost, redis-py's ConnectionError or TimeoutError comes out, and the
        script may or may not have run. In a handler that leaves the entry pending, and the script decides again.
        """
        try:
            return await raw(redis, "EVALSHA", self.sha1, len(keys), *keys, *args)
        except NoScriptError:
            # Nothing has run yet: the server only said that it does not know the script. EVAL also loads it.
            return await raw(redis, "EVAL", self.source, len(keys), *keys, *args)

    def __repr__(self) -> str:
        """Name only."""
        return f"Script({self.name!r})"
