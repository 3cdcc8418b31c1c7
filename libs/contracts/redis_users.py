"""Who may do what in Redis: an ACL user for each program, from the topology. Redis 7 or Valkey 8: it needs selectors.

A command is allowed when one selector allows it with all its keys, and each command inside a script is asked about by
itself: a script gives nobody more than that.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence

from contracts.arming import ArmRequested, FlattenRequested
from contracts.streams import (
    DEFAULT_ALLOCATION_PREFIX,
    DEFAULT_NAMESPACE,
    DEFAULT_POSITIONS_PREFIX,
    STREAMS,
    Keys,
)

LATCH_KEY = "quantum:ess:active"
"""Where the latch is in Redis, if it is there."""
_EVERYBODY = ("+ping", "+client|setname")
_LOOKING = "+xread +xrange +xrevrange +xlen +xinfo|stream +xinfo|groups +xinfo|consumers"
_CONSUMING = "+xrange +xinfo|groups +xreadgroup +xautoclaim +xclaim +xpending +xack +xgroup|create"

_DRILLING = (
    f"{_LOOKING} {_CONSUMING} +eval +evalsha +xadd +type +get +set +del +expire +pttl +watch"
    " +hget +hmget +hgetall +hexists +hset +hdel"
)
"""What operator, governor and executor need together: in a drill all of them are the operator."""


def redis_users(
    namespace: str = DEFAULT_NAMESPACE,
    *,
    allocation_prefix: str = DEFAULT_ALLOCATION_PREFIX,
    positions_prefix: str = DEFAULT_POSITIONS_PREFIX,
    latch_key: str = LATCH_KEY,
) -> Mapping[str, tuple[str, ...]]:
    """The rules of each user, without a password and switched off.

    `default` must stay off: nobody can be it then. It has every right, because Redis reads its append-only file as
    `default`, and would leave out what it may not do: all that was written by a script or a transaction
    (redis/redis issue 14541; valkey-io/valkey issue 3983).
    `allocator` is whoever writes the allocation targets. `administrator` is a person with a broken Redis. The operator
    reads cached positions by name and lists none: SCAN and KEYS name no key, so that no pattern limits what they show.
    Below `<namespace>:drill:` the operator may do all that a flatten takes, and nobody else anything.
    """
    keys = Keys(namespace)
    all_streams = f"{namespace}:stream:*"
    return {
        "default": ("~*", "&*", "+@all"),
        "position-oracle": (*_EVERYBODY, _writing("position-oracle", keys)),
        "governor": (
            *_EVERYBODY,
            "+time",
            _selector(_CONSUMING, f"~{keys.of(ArmRequested)}"),
            _reading("governor", keys),
            _writing("governor", keys),
            _selector("+type", f"%R~{all_streams}"),
            _selector("+xlen", f"%R~{keys.stream('dead')}"),
            _selector("+get", *_read_only(keys.arm, keys.last_ts, keys.active, latch_key)),
            _chaining(keys),
            _selector("+set", f"%W~{keys.last_ts}", f"%W~{keys.active}"),
            _selector("+del", f"%W~{keys.arm}"),
            _selector("+hget +hset", f"~{keys.fired}"),
            _selector("+hgetall", f"%R~{allocation_prefix}*"),
            _selector("+eval +evalsha", f"~{namespace}:flatten:*", f"~{all_streams}", f"~{allocation_prefix}*"),
            _selector(
                "+del +get +set +hget +hset +type +xadd +xack +xpending +xreadgroup +xgroup|create +eval +evalsha",
                f"~{namespace}:scratch:governor*",
            ),
        ),
        "flatten-executor": (
            *_EVERYBODY,
            "+time",
            _selector(_CONSUMING, f"~{keys.of(FlattenRequested)}"),
            _reading("flatten-executor", keys),
            _writing("flatten-executor", keys),
            _selector("+type", f"%R~{all_streams}"),
            _selector("+xlen", f"%R~{keys.stream('dead')}"),
            _selector("+hget +hmget +hgetall +hset +hdel", f"~{keys.run('*')}"),
            _selector("+hget", f"%R~{keys.fired}"),
            _selector("+get", *_read_only(keys.active, latch_key)),
            _chaining(keys),
            _selector("+set +del +expire", f"%W~{keys.active}"),
            _selector("+eval +evalsha", f"~{namespace}:flatten:*", f"~{keys.run('*')}", f"~{all_streams}"),
            _selector(
                "+del +get +set +expire +hget +hmget +hgetall +hset +hdel +type +xadd +xack +xpending +xreadgroup"
                " +xgroup|create +eval +evalsha",
                f"~{namespace}:scratch:flatten-executor*",
            ),
        ),
        "operator": (
            *_EVERYBODY,
            "+time",
            "+multi",
            "+exec",
            "+discard",
            "+unwatch",
            "+acl|whoami",
            "+info",
            _selector(f"{_LOOKING} +xpending +type", f"%R~{all_streams}"),
            _writing("operator", keys),
            _selector("+xdel", f"%W~{keys.stream('dead')}"),
            _selector("+eval +evalsha", f"~{all_streams}"),
            _selector("+get +pttl +watch", f"%R~{namespace}:flatten:*"),
            _selector("+hget +hgetall +hexists", f"%R~{keys.fired}", f"%R~{keys.run('*')}"),
            _selector("+set +del", f"%W~{keys.arm}"),
            _selector("+get +set +del", f"~{latch_key}"),
            _selector("+type +get +hgetall", f"%R~{positions_prefix}*"),
            _selector(_DRILLING, f"~{namespace}:drill:*"),
        ),
        "notifier": (
            *_EVERYBODY,
            _selector("+xrange +xinfo|stream", *_streams_of("notifier", keys)),
            _selector("+get +set +del", f"~{keys.notifier_holder}"),
            _selector("+hmget +hset", f"~{keys.notifier_places}"),
            _selector("+eval +evalsha", f"~{namespace}:notifier:*"),
        ),
        "allocator": (*_EVERYBODY, "+time", _selector("+exists +hget +hset", f"~{allocation_prefix}*")),
        "viewer": (*_EVERYBODY, _selector(_LOOKING, f"%R~{all_streams}")),
        "administrator": ("~*", "&*", "+@all"),
    }


def acl_file(users: Mapping[str, Sequence[str]]) -> str:
    """The text of a Redis ACL file. Everybody is off: whoever deploys it gives passwords and switches on."""
    return "".join(f"user {name} reset off {' '.join(rules)}".rstrip() + "\n" for name, rules in users.items())


def _selector(commands: str, *patterns: str) -> str:
    return f"({commands} {' '.join(patterns)})"


def _read_only(*names: str) -> tuple[str, ...]:
    return tuple(f"%R~{name}" for name in names)


def _writing(who: str, keys: Keys) -> str:
    """What the topology lets a program append to: nobody forges another's events."""
    written = [f"%W~{keys.stream(stream.name)}" for stream in STREAMS if who in stream.writers]
    return _selector("+xadd", *written)


def _chaining(keys: Keys) -> str:
    """Where the chain of the audit stream stands: whoever appends to it moves it on."""
    return _selector("+get +set", f"~{keys.audit_head}")


def _reading(who: str, keys: Keys) -> str:
    """State and history that the topology lets a program read, without a group."""
    return _selector("+xread +xrange +xrevrange", *_streams_of(who, keys))


def _streams_of(who: str, keys: Keys) -> tuple[str, ...]:
    """The same streams, to be read alone."""
    read = [stream for stream in STREAMS if stream.group is None and {who, "everyone"} & set(stream.readers)]
    return _read_only(*(keys.stream(stream.name) for stream in read))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the file for one namespace."""
    parser = argparse.ArgumentParser(prog="python -m contracts.redis_users", description=main.__doc__)
    parser.add_argument("--namespace", default=DEFAULT_NAMESPACE, help="FLATTEN_NAMESPACE (%(default)s)")
    parser.add_argument(
        "--allocation-prefix", default=DEFAULT_ALLOCATION_PREFIX, help="FLATTEN_ALLOCATION_PREFIX (%(default)s)"
    )
    parser.add_argument(
        "--positions-prefix", default=DEFAULT_POSITIONS_PREFIX, help="FLATTEN_POSITIONS_PREFIX (%(default)s)"
    )
    parser.add_argument("--latch-key", default=LATCH_KEY, help="the key of ESS_LATCH=redis:… (%(default)s)")
    given = parser.parse_args(arguments)
    users = redis_users(
        given.namespace,
        allocation_prefix=given.allocation_prefix,
        positions_prefix=given.positions_prefix,
        latch_key=given.latch_key,
    )
    sys.stdout.write(acl_file(users))


if __name__ == "__main__":
    main()
