"""Every program's environment with a planted secret in each setting that holds one."""

from pathlib import Path
from urllib.parse import quote, urlsplit

from msgspec import Struct
from redis.asyncio import Redis

from authority import key_file
from demo.seeding import Settings as DemoTargetsSettings
from flatctl.settings import FlatctlSettings
from flatten_executor.settings import ExecutorSettings
from governor.settings import GovernorSettings
from notifier.settings import NotifierSettings
from position_oracle.settings import OracleSettings
from runtime.redis_client import raw
from support.people import ALICE, an_entry, keep
from support.plants import Plants

SETTINGS: dict[str, type[Struct]] = {
    "position-oracle": OracleSettings,
    "governor": GovernorSettings,
    "flatten-executor": ExecutorSettings,
    "notifier": NotifierSettings,
    "flatctl": FlatctlSettings,
    "demo-targets": DemoTargetsSettings,
}
MODULES = {
    "position-oracle": "position_oracle.main",
    "governor": "governor.main",
    "flatten-executor": "flatten_executor.main",
    "notifier": "notifier.main",
}
TRADING, READING = ("trading key", "trading secret"), ("reading key", "reading secret")
KEYS = {"flatten-executor": TRADING, "position-oracle": READING, "flatctl": READING}
TELEMETRY = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_LOGS_HEADERS")
"""Where OpenTelemetry takes secrets from. It reads them itself; there is no setting of ours."""


class Planted:
    """The plants, and what to give each program so that they are at work."""

    def __init__(self, directory: Path, redis_url: str) -> None:
        self.plants = Plants()
        self.directory = directory
        self.redis_url = redis_url
        for name in (*TRADING, *READING):
            self.plants.plain(name)
        for program in SETTINGS:
            self.plants.plant(f"{program} REDIS_URL")
        self.passphrase = self.plants.plant("OPERATOR_KEY_PASSPHRASE")
        self.console_token = self.plants.plain("CONSOLE_TOKEN")
        self.notified = {part: self.plants.plain(f"NOTIFY_URLS {part}") for part in ("password", "token", "header")}
        self.telemetry = {
            name: self.plants.plain(name) for name in (*TELEMETRY, "traces token", "logs token", "password")
        }
        self.key_path, self.operators = str(directory / "alice.pem"), str(directory / "operators.toml")
        key_file.write(self.key_path, ALICE, self.passphrase)
        keep(Path(self.operators), an_entry(ALICE, "alice"))

    def exchange_keys(self) -> tuple[str, ...]:
        """Options of the simulator: it knows the planted keys alone."""
        names = dict(
            zip(("--api-key", "--api-secret", "--read-key", "--read-secret"), (*TRADING, *READING), strict=True)
        )
        return tuple(word for option, name in names.items() for word in (option, self.plants.values[name]))

    async def make_users(self, redis: Redis) -> None:
        """A user of Redis for each program, with the planted password."""
        for program in SETTINGS:
            password = self.plants.values[f"{program} REDIS_URL"]
            await raw(redis, "ACL", "SETUSER", program, "on", f">{password}", "~*", "&*", "+@all")

    def address_of(self, program: str, password: str) -> str:
        """REDIS_URL with a password."""
        return f"redis://{program}:{quote(password, safe='')}@{urlsplit(self.redis_url).netloc}/0"

    def secrets_of(self, program: str, notify_port: int) -> dict[str, str]:
        """The variables of a program that hold a secret."""
        found = {"REDIS_URL": self.address_of(program, self.plants.values[f"{program} REDIS_URL"])}
        if program in KEYS:
            key, secret = KEYS[program]
            found |= {"EXCHANGE_API_KEY": self.plants.values[key], "EXCHANGE_API_SECRET": self.plants.values[secret]}
        if program == "notifier":
            part = self.notified
            at = f"127.0.0.1:{notify_port}/{part['token']}"
            found["NOTIFY_URLS"] = f"json://user:{part['password']}@{at}?+X-Key={part['header']}"
        if program == "governor":
            found["CONSOLE_TOKEN"] = self.console_token
        if program == "flatctl":
            found["OPERATOR_KEY_PASSPHRASE"] = self.passphrase
        return found

    def telemetry_of(self, endpoint: str, *, general: bool = False) -> dict[str, str]:
        """The variables of spans and log lines: headers, for both or for each, and addresses with secrets in them."""
        value = self.telemetry
        both, traces, logs = TELEMETRY
        with_user = endpoint.replace("://", f"://user:{value['password']}@")
        own = {traces: f"authorization=Bearer%20{value[traces]}", logs: f"x-api-key={value[logs]}"}
        return {
            both: f"x-general={value[both]}",
            **({} if general else own),
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{endpoint}/v1/traces?t={value['traces token']}",
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{with_user}/v1/logs?t={value['logs token']}",
        }
