"""The wire below :mod:`monitor.http`: an httpx transport that dials checked addresses only.

Built from httpcore's documented parts. The network backend is where a name becomes an address
and an address a connection, so the check sits between the two; ``Host`` header, TLS server name
and certificate check see the name as ever. Each request has a connection of its own: polling has
no use for idle ones, and one that was verified for a host is never used for another.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore
import httpx

from monitor.errors import plain
from monitor.http import DEADLINE, AddressRefused, is_public


class GuardedTransport(httpx.BaseTransport):
    """Sends requests over HTTP/1.1 to public addresses, or to any with ``allow_private``."""

    def __init__(self, *, allow_private: bool = False) -> None:
        self._allow_private = allow_private
        self._tls: ssl.SSLContext | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Connect, send, and return the response with its body still on the wire."""
        if request.url.scheme == "https" and self._tls is None:
            self._tls = httpx.create_ssl_context()  # honours SSL_CERT_FILE, for an authority of one's own
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        deadline = request.extensions.get(DEADLINE)
        connection = httpcore.HTTPConnection(
            origin=url.origin,
            ssl_context=self._tls,
            network_backend=_Backend(self._allow_private, deadline),
        )
        try:
            with _as_httpx_errors():
                response = connection.handle_request(
                    httpcore.Request(
                        method=request.method,
                        url=url,
                        headers=request.headers.raw,
                        content=request.stream,
                        extensions=request.extensions,
                    )
                )
        except BaseException:
            connection.close()
            raise
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response, connection),
            extensions=response.extensions,
        )


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response, connection: httpcore.HTTPConnection) -> None:
        self._response, self._connection = response, connection

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx_errors():
            yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()
        self._connection.close()


@contextlib.contextmanager
def _as_httpx_errors() -> Iterator[None]:
    """Each httpcore error has a namesake in httpx, which is what callers know."""
    try:
        yield
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.UnsupportedProtocol,
        httpcore.ConnectionNotAvailable,
    ) as error:
        namesake = getattr(httpx, type(error).__name__, httpx.TransportError)
        # h11 quotes what it got as Python would
        raise namesake(re.sub(r"bytearray\(b(['\"].*['\"])\)", r"\1", str(error))) from error


class _Backend(httpcore.NetworkBackend):
    """Resolves a name, checks every address it has, and connects to one of those checked."""

    def __init__(self, allow_private: bool, deadline: float | None) -> None:
        self._allow_private = allow_private
        self._deadline = deadline
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = _resolve(host, port)
        if not self._allow_private:
            for address in addresses:
                if not is_public(address):
                    raise AddressRefused(
                        f"{host} has the private address {address} (allow_private = true lets it be used)"
                    )
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                stream = self._inner.connect_tcp(
                    address, port, _left(timeout, self._deadline), local_address, socket_options
                )
                return _Stream(stream, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


class _Stream(httpcore.NetworkStream):
    """A connection on which no step may last beyond the deadline of the whole request."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: float | None) -> None:
        self._inner, self._deadline = inner, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, self._deadline))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        timeout = _left(timeout, self._deadline)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, timeout), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _resolve(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(f"the host {host} cannot be found ({plain(error)})") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _left(timeout: float | None, deadline: float | None) -> float | None:
    """The time a step may take (seconds); raises when none is left."""
    if deadline is None:
        return timeout
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the time for this request is over")
    return left if timeout is None else min(timeout, left)
