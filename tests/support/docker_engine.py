"""A Docker engine that answers and has no image: enough to be found."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import msgspec

API_VERSION = "1.41"


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """What is up, which version it is, and that there are no images."""
        path = self.path.partition("?")[0]
        if path.endswith("/version"):
            self._answer(msgspec.json.encode({"ApiVersion": API_VERSION}), "application/json")
        elif path.endswith("/images/json"):
            self._answer(b"[]", "application/json")
        else:
            self._answer(b"OK", "text/plain")

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Nothing: a test's output is the test's."""


@contextmanager
def docker_engine() -> Iterator[str]:
    """Serve while the block runs; gives what DOCKER_HOST must be."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
