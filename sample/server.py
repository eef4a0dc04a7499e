"""Serves the sample's feed over HTTP, on this machine only."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from sample.feed import Feed, Reading

PATH = "/news.xml"


class NewsServer:
    """``/news.xml`` on a free port of the loopback address, in threads of its own.

    A context manager: entering starts it, leaving waits for the answers at hand and frees
    the port. ``clock`` says what time it is (aware UTC).
    """

    def __init__(self, feed: Feed, clock: Callable[[], datetime]) -> None:
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.feed, self._http.clock = feed, clock
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.1,), name="sample-feed")

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """Where the feed is."""
        return f"http://127.0.0.1:{self.port}{PATH}"

    def __enter__(self) -> NewsServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for the answers at hand
    feed: Feed
    clock: Callable[[], datetime]

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A reader that hangs up is its own affair.
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 5

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != PATH:
            self.send_error(HTTPStatus.NOT_FOUND, explain=f"The feed is at {PATH}")
            return
        reading = self.server.feed.read(self.server.clock())
        known = self._knows(reading)
        self.send_response(HTTPStatus.NOT_MODIFIED if known else HTTPStatus.OK)
        self.send_header("ETag", reading.etag)
        self.send_header("Last-Modified", format_datetime(reading.modified, usegmt=True))
        if not known:
            self.send_header("Content-Type", "application/rss+xml; charset=utf-8")
            self.send_header("Content-Length", str(len(reading.body)))
        self.end_headers()
        if not known and self.command == "GET":
            self.wfile.write(reading.body)

    do_HEAD = do_GET

    def _knows(self, reading: Reading) -> bool:
        """Whether the reader has this already (RFC 9110, section 13: the ETag goes before the date)."""
        if tags := self.headers.get("If-None-Match"):
            return reading.etag in {tag.strip().removeprefix("W/") for tag in tags.split(",")} or tags == "*"
        with suppress(TypeError, ValueError):
            since = parsedate_to_datetime(self.headers.get("If-Modified-Since", ""))
            return reading.modified <= (since if since.tzinfo else since.replace(tzinfo=UTC))
        return False

    def log_message(self, format: str, *args: Any) -> None:
        """No access log: the terminal belongs to the monitor."""
