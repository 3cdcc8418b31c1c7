"""What stands for the world outside in a container of a network that leads nowhere. Run there, with Python alone.

`names` is asked for every name that the engine does not know, and knows none. `venue` takes HTTPS for the venue and
rejects every key. Both say on stdout, a JSON document in each line, who asked for what.
"""

import json
import socket
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HEADER_BYTES = 12
NO_SUCH_NAME = 0x8183
REJECTED = {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}


def tell(asked: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(asked) + "\n")
    sys.stdout.flush()


def names() -> None:
    """Answer every question with: there is no such name."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("0.0.0.0", 53))
        while True:
            question, whoever = server.recvfrom(4096)
            labels, at = [], HEADER_BYTES
            while length := question[at]:
                labels.append(question[at + 1 : at + 1 + length].decode())
                at += 1 + length
            tell({"from": whoever[0], "name": ".".join(labels)})
            header = question[:2] + NO_SUCH_NAME.to_bytes(2, "big") + b"\0\1" + bytes(6)
            server.sendto(header + question[HEADER_BYTES : at + 5], whoever)


class Venue(BaseHTTPRequestHandler):
    """Says what it says to everybody, and knows no key."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Tell what came, and answer."""
        told = {"from": self.client_address[0], "host": self.headers["Host"], "path": self.path}
        tell({**told, "method": self.command, "key": self.headers["X-MBX-APIKEY"]})
        public = {"/fapi/v1/ping": {}, "/fapi/v1/time": {"serverTime": time.time_ns() // 1_000_000}}
        public["/fapi/v1/exchangeInfo"] = json.loads(Path("/world/exchange_info.json").read_text())
        body = json.dumps(public.get(self.path, REJECTED)).encode()
        self.send_response(200 if self.path in public else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Only what `do_GET` says."""


def venue(certificate: str, key: str) -> None:
    """Listen on the port of HTTPS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("0.0.0.0", 443), Venue) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1:] == ["names"]:
        names()
    else:
        venue(*sys.argv[2:])
