"""A Redis that speaks TLS itself and nothing else, with a certificate of a private CA."""

from pathlib import Path

from support.redis_container import ContainerRedis
from support.redis_local import DURABLE
from support.tls import Authority

PLACE = "/tls"
SPEAKS_TLS = (
    *("--port", "0"),
    *("--tls-port", "6379"),
    *("--tls-auth-clients", "no"),
    *("--tls-cert-file", f"{PLACE}/server.pem"),
    *("--tls-key-file", f"{PLACE}/server-key.pem"),
    *("--tls-ca-cert-file", f"{PLACE}/private CA.pem"),
)


class TlsRedis(ContainerRedis):
    """Its certificate says 127.0.0.1. `url` trusts its CA; `url_trusting` may not."""

    def __init__(self, image: str, directory: Path) -> None:
        self.directory = directory
        self.authority, self.other_authority = Authority(directory, "private CA"), Authority(directory, "another CA")
        for path in self.authority.certify(directory, "127.0.0.1"):
            path.chmod(0o644)
        directory.chmod(0o755)
        super().__init__(image, (*DURABLE, *SPEAKS_TLS), {directory: PLACE})

    @property
    def url(self) -> str:
        return self.url_trusting(self.authority.path)

    def url_trusting(self, authority: Path | str | None, host: str = "127.0.0.1") -> str:
        """The address for a client that trusts this CA, or only those of its machine."""
        url = super().url.replace("redis://127.0.0.1", f"rediss://{host}")
        return url if authority is None else f"{url}?ssl_ca_certs={authority}"
