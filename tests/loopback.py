"""A scripted HTTP server on the loopback interface, for tests of everything that asks the network.

    with LoopbackServer() as server:
        server.routes["/feed"] = Reply(body=b"<rss/>", headers={"ETag": '"1"'})
        server.routes["/echo"] = lambda seen: Reply(200 if seen.headers.get("x") else 400)

A body may be an iterable of bytes; it is sent piece by piece, and one that waits shall wait for
``server.closing`` (an event), so that nothing outlives the test.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

CERTIFICATE = Path(__file__).with_name("loopback.pem")
"""A self-signed certificate for ``localhost`` with its key; point SSL_CERT_FILE at it to trust it."""


@dataclass(frozen=True)
class Seen:
    """A request as it arrived; header names are lower-case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What to answer. ``raw`` is written to the socket as it is, in place of everything else."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: Iterable[bytes] | None = None


class LoopbackServer:
    """Serves ``routes`` (path without query -> a reply or a function that makes one); else 404."""

    def __init__(self, *, tls: bool = False) -> None:
        self.routes: dict[str, Reply | Callable[[Seen], Reply]] = {}
        self.requests: list[Seen] = []
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._scheme = "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self._scheme = "https"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self._scheme}://{host}:{self.port}{path}"

    def drip(self, first: bytes, then: bytes, every: float = 0.01) -> Iterator[bytes]:
        """``first``, then ``then`` again and again until the server closes or the client is gone."""
        yield first
        while not self.closing.wait(every):
            yield then

    def stall(self, first: bytes) -> Iterator[bytes]:
        """``first``, then nothing more while the connection stays open."""
        yield first
        self.closing.wait()

    def __enter__(self) -> LoopbackServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                seen = Seen(
                    self.command,
                    self.path,
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(size),
                )
                outer.requests.append(seen)
                answer = outer.routes.get(self.path.partition("?")[0], Reply(404))
                self._send(answer(seen) if callable(answer) else answer)

            do_GET = do_POST = do_HEAD = do_PUT = _serve

            def _send(self, reply: Reply) -> None:
                pieces = [reply.body] if isinstance(reply.body, bytes) else reply.body
                try:
                    if reply.raw is not None:
                        pieces = reply.raw
                    else:
                        self.send_response(reply.status)
                        for name, value in reply.headers.items():
                            self.send_header(name, value)
                        if isinstance(reply.body, bytes) and "Content-Length" not in reply.headers:
                            self.send_header("Content-Length", str(len(reply.body)))
                        self.end_headers()
                    for piece in pieces:
                        self.wfile.write(piece)
                        self.wfile.flush()
                except OSError:
                    pass  # the client has gone, as some tests want
                self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler
