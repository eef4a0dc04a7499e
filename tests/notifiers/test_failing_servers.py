"""Servers that fail in every way: what passes is repeated with the same key, what does not is dead."""

from __future__ import annotations

import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from loopback import CERTIFICATE, LoopbackServer, Reply
from loopback_smtp import LoopbackSmtp

from monitor.pipeline.alerting.delivery import deliver_due
from monitor.store import Store
from monitor.testing import NOW, check_failing_notifier, make, sample_notification
from monitor_plugins.alertmanager import Alertmanager
from monitor_plugins.email import Email
from monitor_plugins.heartbeat import Heartbeat
from monitor_plugins.webhook import Webhook

Script = Callable[[socket.socket, threading.Event], None]


@contextmanager
def scripted(script: Script) -> Iterator[int]:
    """The port of a server that does with each connection what the script says."""
    closing = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):  # the client may have gone
                script(self.request, closing)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

        def shutdown_request(self, request: Any) -> None:
            self.close_request(request)  # no farewell: a reset stays a reset

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            closing.set()
            server.shutdown()
            thread.join()


def then_close(said: bytes, *, listen: bool = True) -> Script:
    """Say it, after hearing something if ``listen``, and hang up."""

    def script(connection: socket.socket, closing: threading.Event) -> None:
        if listen:
            connection.recv(65536)
        connection.sendall(said)

    return script


def then_reset(said: bytes, *, listen: bool = True) -> Script:
    """Likewise, and close with RST in place of FIN."""

    def script(connection: socket.socket, closing: threading.Event) -> None:
        then_close(said, listen=listen)(connection, closing)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    return script


def then_silence(said: bytes, *, listen: bool = True) -> Script:
    """Likewise, and nothing more, while the connection stays open."""

    def script(connection: socket.socket, closing: threading.Event) -> None:
        then_close(said, listen=listen)(connection, closing)
        closing.wait()

    return script


def then_drip(said: bytes, drop: bytes, *, listen: bool = True) -> Script:
    """Likewise, and go on with ``drop`` again and again."""

    def script(connection: socket.socket, closing: threading.Event) -> None:
        then_close(said, listen=listen)(connection, closing)
        while not closing.wait(0.02):
            connection.sendall(drop)

    return script


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n"
HTTP_FAILURES: dict[str, Script] = {
    "hangs up": then_close(b""),
    "resets": then_reset(b""),
    "resets in the head": then_reset(b"HTTP/1.1 20"),
    "resets in the body": then_reset(HEAD + b"\r\nstart"),
    "ends early": then_close(HEAD + b"\r\nstart"),
    "says nothing": then_silence(b""),
    "stops in the head": then_silence(HEAD),
    "stops in the body": then_silence(HEAD + b"\r\nstart"),
    "drips a head": then_drip(HEAD, b"X-A: b\r\n"),
    "drips a line": then_drip(b"HTTP/1.1 200 ", b"O"),
    "drips a body": then_drip(HEAD.replace(b"1000", b"100000") + b"\r\n", b"x"),
    "garbage": then_close(b"\0\xff\x17garbage\r\n\r\n"),
    "another protocol": then_close(b"220 mail.example.com ESMTP\r\n"),
    "nonsense for a length": then_close(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"),
    "a broken chunk": then_close(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "not the encoding it says": then_close(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd"
    ),
}
HTTP_PARTS: list[tuple[Any, dict[str, Any]]] = [
    (Alertmanager, {}),
    (Heartbeat, {"method": "POST"}),
    (Heartbeat, {"method": "GET"}),
]
SOME = ("hangs up", "resets", "says nothing", "garbage")


@pytest.mark.parametrize("how", HTTP_FAILURES)
def test_an_http_server_that_fails_passes(how: str) -> None:
    assert_passes(how, Webhook)


@pytest.mark.parametrize("how", SOME)
@pytest.mark.parametrize(("part", "more"), HTTP_PARTS, ids=["alertmanager", "beat POST", "beat GET"])
def test_it_does_whoever_asks(part: Any, more: dict[str, Any], how: str) -> None:
    assert_passes(how, part, **more)


def assert_passes(how: str, part: Any, **more: Any) -> None:
    with scripted(HTTP_FAILURES[how]) as port:
        notifier = make(
            part, Path(), url=f"http://127.0.0.1:{port}/x", allow_private=True, timeout=0.2, **more
        )
        error = check_failing_notifier(notifier, permanent=False)
        notifier.close()
    assert f"127.0.0.1:{port}" in str(error)


def test_http_servers_that_cannot_be_talked_to_in_private() -> None:
    with LoopbackServer(tls=True) as self_signed, LoopbackServer() as plain:
        for url in (
            self_signed.url("/x", "localhost"),  # nobody vouches for it
            plain.url("/x").replace("http://", "https://"),
            self_signed.url("/x").replace("https://", "http://"),
        ):
            notifier = make(Webhook, Path(), url=url, allow_private=True, timeout=2)
            check_failing_notifier(notifier, permanent=False)
            notifier.close()
        assert self_signed.requests == plain.requests == []


def test_a_server_whose_certificate_is_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))  # which is for localhost
    with LoopbackServer(tls=True) as server:
        server.routes["/x"] = Reply(204)
        notifier = make(Webhook, Path(), url=server.url("/x"), allow_private=True, timeout=2)
        assert "certificate" in str(check_failing_notifier(notifier, permanent=False)).lower()
        notifier.close()


SMTP_FAILURES: dict[str, Script] = {}


def smtp(name: str, *answers: bytes, end: Script) -> None:
    """A server that gives these answers, one a command, and then ends so."""

    def script(connection: socket.socket, closing: threading.Event) -> None:
        for number, answer in enumerate(answers):
            if number:
                connection.recv(65536)
            connection.sendall(answer)
        end(connection, closing)

    SMTP_FAILURES[name] = script


HELLO, FINE = b"220 hello\r\n", b"250 fine\r\n"


smtp("garbage for a greeting", end=then_close(b"\0\xff\x17 garbage\r\n", listen=False))
smtp("another protocol", end=then_close(b"HTTP/1.1 400 Bad Request\r\n\r\n", listen=False))
smtp("a greeting without end", end=then_drip(b"220", b"-", listen=False))
smtp("a greeting of ever more lines", end=then_drip(b"", b"220-more\r\n", listen=False))
smtp("silence", end=then_silence(b"", listen=False))
smtp("resets at once", end=then_reset(b"", listen=False))
smtp("garbage for an answer", HELLO, end=then_close(b"what?\r\n"))
smtp("an answer too long", HELLO, end=then_close(b"250 " + b"x" * 20000 + b"\r\n"))
smtp("ever more extensions", HELLO, end=then_drip(b"", b"250-MORE\r\n"))
smtp("resets after MAIL", HELLO, FINE, end=then_reset(b""))
smtp("silence after RCPT", HELLO, FINE, FINE, end=then_silence(b""))
smtp("resets in the message", HELLO, FINE, FINE, FINE, b"354 go on\r\n", end=then_reset(b""))
smtp("drips the last answer", HELLO, FINE, FINE, FINE, b"354 go on\r\n", end=then_drip(b"2", b"2"))
smtp("silence after the message", HELLO, FINE, FINE, FINE, b"354 go on\r\n", end=then_silence(b""))


@pytest.mark.parametrize("how", SMTP_FAILURES)
def test_an_smtp_server_that_fails_passes(how: str) -> None:
    with scripted(SMTP_FAILURES[how]) as port:
        check_failing_notifier(email_to(port, timeout=0.1), permanent=False)


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_an_smtp_server_that_speaks_the_other_way(security: str) -> None:
    with LoopbackSmtp(tls=security == "starttls", starttls=security == "tls") as server:
        check_failing_notifier(
            email_to(server.port, host="localhost", security=security, timeout=0.5), permanent=False
        )
        assert server.messages == []


def test_an_smtp_server_that_drips_below_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)

    def script(connection: socket.socket, closing: threading.Event) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            then_drip(b"", b"220-more\r\n", listen=False)(secured, closing)

    with scripted(script) as port:
        notifier = email_to(port, host="localhost", security="tls", timeout=0.2)
        assert "took longer than 1.2 s" in str(check_failing_notifier(notifier, permanent=False))


def email_to(port: int, **settings: Any) -> Email:
    plain = {"host": "127.0.0.1", "security": "none", "sender": "m@example.com", "to": ["desk@example.com"]}
    made: Email = make(Email, Path(), **{"port": port} | plain | settings)
    return made


RETRIES: list[tuple[str, Reply, int | None]] = [
    ("429 in seconds", Reply(429, headers={"Retry-After": "90"}), 90),
    ("503 in seconds", Reply(503, headers={"Retry-After": "90"}), 90),
    (
        "429 with a date",
        Reply(raw=[b"HTTP/1.1 429 Slow\r\nDate: Mon, 02 Mar 2026 09:00:00 GMT\r\nContent-Length: 0\r\n"
                   b"Retry-After: Mon, 02 Mar 2026 09:02:00 GMT\r\n\r\n"]),
        120,
    ),
    (
        "503 with a date that is over",
        Reply(raw=[b"HTTP/1.1 503 Busy\r\nDate: Mon, 02 Mar 2026 09:00:00 GMT\r\nContent-Length: 0\r\n"
                   b"Retry-After: Mon, 02 Mar 2026 08:00:00 GMT\r\n\r\n"]),
        10,
    ),
    ("429 in words", Reply(429, headers={"Retry-After": "soon"}), 10),
    ("500", Reply(500), 10),
    ("400", Reply(400), None),
    ("404", Reply(404, headers={"Retry-After": "90"}), None),
    ("410", Reply(410), None),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "seconds"), [row[1:] for row in RETRIES], ids=[row[0] for row in RETRIES])
def test_what_becomes_of_the_notification(monitor_store: Store, reply: Reply, seconds: int | None) -> None:
    with LoopbackServer() as server:
        server.routes["/hook"] = reply
        notifier = make(Webhook, Path(), url=server.url("/hook"), allow_private=True, timeout=5)
        monitor_store.outbox.add("desk", sample_notification(), None, NOW)
        assert deliver_due(monitor_store, "desk", notifier, NOW) == 0
        server.routes["/hook"] = Reply(204)
        if seconds is None:
            assert monitor_store.outbox.counts() == {"dead": 1}
            assert deliver_due(monitor_store, "desk", notifier, NOW + timedelta(days=1)) == 0
            monitor_store.outbox.resend([1], NOW)
            seconds = 0
        else:
            assert deliver_due(monitor_store, "desk", notifier, NOW + timedelta(seconds=seconds - 1)) == 0
        assert deliver_due(monitor_store, "desk", notifier, NOW + timedelta(seconds=seconds)) == 1
        assert len(server.requests) == 2
        assert {seen.headers["idempotency-key"] for seen in server.requests} == {sample_notification().key}
        notifier.close()
