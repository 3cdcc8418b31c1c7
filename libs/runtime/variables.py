"""Every environment variable that a Flatguard program knows. All services may share one environment file.

Each variable also exists as `NAME_FILE`: the path of a file that holds the value.
"""

from msgspec import Struct


class Variable(Struct, frozen=True):
    """One variable: what it means and what holds without it (in words where it is not one value)."""

    name: str
    meaning: str
    default: str


VARIABLES: tuple[Variable, ...] = (
    Variable(
        "REDIS_URL",
        "Redis of the events and keys; rediss:// for TLS, ?ssl_ca_certs=<path> for a private CA",
        "redis://127.0.0.1:6379/0",
    ),
    Variable(
        "FLATTEN_NAMESPACE", "prefix of every key and stream: one account, one environment", "quantum:gov:testnet"
    ),
    Variable("FLATTEN_ALLOCATION_PREFIX", "prefix of the allocation targets' keys", "quantum:allocation:target:"),
    Variable(
        "FLATTEN_POSITIONS_PREFIX",
        "prefix of the position keys that others cache; flatctl verify compares them with the exchange",
        "quantum:positions:",
    ),
    Variable("ACCOUNT", "the account's name in events", "main"),
    Variable("EXCHANGE_ID", "which exchange adapter to use", "binanceusdm"),
    Variable("EXCHANGE_ENV", "what stands behind the exchange's address: sim, demo, testnet or live", "sim"),
    Variable(
        "EXCHANGE_BASE_URL",
        "a server that speaks the exchange's REST API",
        "the environment's own; for sim http://127.0.0.1:8090",
    ),
    Variable("EXCHANGE_API_KEY", "key: read-only for the oracle, trading for the executor", "none"),
    Variable("EXCHANGE_API_SECRET", "the key's secret", "none"),
    Variable("ORACLE_POLL_SECONDS", "seconds between two readings of the exchange", "1"),
    Variable("GOV_TESTNET_FORCE_FLATTEN", "gate force_flag: whether flattening is enabled at all", "false"),
    Variable("GOV_TESTNET_FORCE_FLATTEN_CONFIRM", "gate confirm_phrase: exactly FLATTEN_NOW", "empty"),
    Variable("GOV_TESTNET_ENABLE_P29", "whether the P2.9 check runs", "true"),
    Variable("P29_BURST_FACTOR", "the burst cap is the target times this", "2"),
    Variable("P29_STALE_SECONDS", "a target older than this is stale", "300"),
    Variable("FLATTEN_COOLDOWN_SECONDS", "seconds between two accepted flattens", "60"),
    Variable(
        "FLATTEN_ALLOW_LIVE",
        "FLATTEN_LIVE allows the live exchange, in the gate environment and in the executor",
        "empty",
    ),
    Variable("FLATTEN_REQUEST_MAX_AGE_SECONDS", "the executor refuses an older request", "120"),
    Variable(
        "FLATTEN_RUN_MAX_SECONDS", "how long a run asks an exchange that does not answer before it says so", "120"
    ),
    Variable("FLATTEN_QTY_EPSILON", "a quantity up to this counts as zero", "1e-8"),
    Variable("FLATTEN_MAX_ROUNDS", "rounds of close and verify that each position gets in one run", "3"),
    Variable("MAX_FLATTEN_SYMBOLS", "more positions to close than this abort the run before any order", "200"),
    Variable("MIN_FLATTEN_NOTIONAL_USD", "a smaller position is dust", "1.0"),
    Variable("ESS_LATCH", "the emergency stop: file:<path> or redis:<key>", "file:/var/run/quantum/ESS_ON"),
    Variable(
        "NOTIFY_URLS",
        "whom the notifier tells: addresses as apprise knows them, separated by blanks or line breaks",
        "none: nobody is told",
    ),
    Variable(
        "OPERATORS_FILE",
        "the operators' public keys and the signature policy; outside of sim nothing starts without it",
        "none: arms are not signed",
    ),
    Variable(
        "CONSOLE_TOKEN",
        "what a browser has to give to see the governor's console; without it there is one on loopback alone",
        "none",
    ),
    Variable("OPERATOR_KEY_FILE", "an operator's own private key, with which flatctl signs arms", "none"),
    Variable("OPERATOR_KEY_PASSPHRASE", "what opens that key; without it flatctl asks", "none"),
    Variable(
        "CONSUMER_NAME", "this process among its service's consumers; stable, one process per name", "<service>-1"
    ),
    Variable("HTTP_HOST", "address that /healthz, /readyz and /metrics listen on", "127.0.0.1"),
    Variable("HTTP_PORT", "their port; 0 takes a free one", "8041, 8044, 8045, 8046 by service"),
    Variable("LOG_LEVEL", "debug, info, warning or error", "info"),
    Variable("LOG_FORMAT", "json or text", "json"),
)

KNOWN_VARIABLES: frozenset[str] = frozenset(variable.name for variable in VARIABLES)

PREFIXES: tuple[str, ...] = (
    "FLATTEN_",
    "GOV_TESTNET_",
    "P29_",
    "EXCHANGE_",
    "ORACLE_",
    "ESS_",
    "OPERATORS_",
    "OPERATOR_KEY_",
    "CONSOLE_TOKEN",
    "MAX_FLATTEN_",
    "MIN_FLATTEN_",
)
"""A variable that starts like this is meant for Flatguard: an unknown one is a mistake."""
