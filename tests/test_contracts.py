"""Every built-in part passes the checks that plugin authors have, against the real thing it talks to."""

from __future__ import annotations

import json
import logging
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from loopback import LoopbackServer, Reply, Seen

from monitor.plugins import load_plugins
from monitor.testing import (
    check_encoder,
    check_failing_notifier,
    check_failing_source,
    check_notifier,
    check_source,
    check_task_adapter,
    make,
    sample_notification,
)

BUILT_IN = load_plugins(
    found=[p for p in entry_points(group="monitor") if p.dist and p.dist.name == "monitor"]
)
PARTS = {(kind, name): part for kind, parts in BUILT_IN.parts.items() for name, part in parts.items()}

Check = Callable[[Any, Path, pytest.LogCaptureFixture], None]
CHECKS: dict[tuple[str, str], Check] = {}


def of(kind: str, *names: str) -> Callable[[Check], Check]:
    """Say of which parts a function is the check."""

    def note(check: Check) -> Check:
        CHECKS.update({(kind, name): check for name in names})
        return check

    return note


def test_every_built_in_plugin_loads() -> None:
    assert {status.name: status.error for status in BUILT_IN.statuses if status.error} == {}


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_a_built_in_part_keeps_its_contract(
    kind: str, name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert (kind, name) in CHECKS, f"the {kind} {name} has no check: write one in tests/test_contracts.py"
    CHECKS[kind, name](PARTS[kind, name], tmp_path, caplog)


def test_every_check_has_its_part() -> None:
    assert CHECKS.keys() == PARTS.keys()


# -- sources -----------------------------------------------------------------------------

FEED = """<?xml version="1.0"?>
<rss version="2.0"><channel><title>News</title>
{items}
</channel></rss>"""

ITEM = """<item><guid>urn:news:{n}</guid><title>Headline {n}</title>
<description>What happened, part {n}.</description>
<link>https://news.example/{n}</link><pubDate>Mon, 02 Mar 2026 08:{n:02}:00 GMT</pubDate></item>"""


@of("source", "rss")
def check_rss(part: Any, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    body = FEED.format(items="\n".join(ITEM.format(n=n) for n in range(3))).encode()

    def answer(seen: Seen) -> Reply:
        known = seen.headers.get("if-none-match") == '"1"'
        return (
            Reply(304) if known else Reply(200, body, {"ETag": '"1"', "Content-Type": "application/rss+xml"})
        )

    with LoopbackServer() as server:
        server.routes["/feed"] = answer
        feed = make(part, folder, url=server.url("/feed"), allow_private=True)
        documents = check_source(feed, at_least=3)
        assert {document.role for document in documents} == {"publisher"}
        missing = make(part, folder, url=server.url("/missing"), allow_private=True)
        assert "404" in str(check_failing_source(missing))
        missing.close()
        guarded = make(part, folder, url=server.url("/feed"))
        check_failing_source(guarded)  # a private address that the owner did not allow
        guarded.close()


@of("source", "chatlog")
def check_chatlog(part: Any, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = [{"id": f"m{n}", "thread": "t1", "role": "customer", "text": f"message {n}"} for n in range(5)]
    (folder / "chat.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    documents = check_source(make(part, folder, path="chat.jsonl", batch_size=2), at_least=5)
    assert {(document.thread, document.role) for document in documents} == {("t1", "customer")}
    (folder / "binary.jsonl").write_bytes(b"\0\1\2" * 100)
    check_failing_source(make(part, folder, path="binary.jsonl"))


# -- task adapters -----------------------------------------------------------------------


@of("task adapter", "topic", "sentiment", "intent")
def check_adapter_with_labels(part: Any, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    adapter = make(part, folder)
    check_task_adapter(adapter)
    counts = {label: sum(seed.label == label for seed in adapter.seeds()) for label in adapter.labels()}
    assert len(counts) >= 3
    assert min(counts.values()) >= 8, f"too few seeds: {counts}"


@of("task adapter", "labels")
def check_adapter_without_labels(part: Any, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    adapter = make(part, folder)
    check_task_adapter(adapter)
    assert (adapter.labels(), adapter.seeds()) == ({}, ())


# -- notifiers ---------------------------------------------------------------------------


@of("notifier", "log")
def check_log(part: Any, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        check_notifier(make(part, folder), lambda: [record.getMessage() for record in caplog.records])


@of("notifier", "webhook")
def check_webhook(part: Any, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with LoopbackServer() as server:
        server.routes |= {"/hook": Reply(204), "/gone": Reply(410), "/busy": Reply(503)}

        def to(path: str) -> Any:
            return make(part, folder, url=server.url(path), allow_private=True)

        check_notifier(to("/hook"), lambda: [seen.body.decode() for seen in server.requests])
        (seen,) = server.requests
        assert seen.headers["idempotency-key"] == sample_notification().key
        for path, permanent in (("/gone", True), ("/busy", False)):
            failing = to(path)
            check_failing_notifier(failing, permanent=permanent)
            failing.close()


@of("notifier", "email")
def check_email(part: Any, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with smtp_server() as (port, mails):
        settings = {"host": "127.0.0.1", "security": "none", "sender": "monitor@example.com"}

        def received() -> list[str]:
            found = [message_from_bytes(mail, policy=policy.default) for mail in mails]
            return [f"{message['subject']}\n{message.get_content()}" for message in found]

        check_notifier(make(part, folder, port=port, to=["desk@example.com"], **settings), received)
        key = message_from_bytes(mails[0], policy=policy.default)["message-id"]
        assert key == f"<{sample_notification().key}@example.com>"
        refused = make(part, folder, port=port, to=["nobody@example.com"], **settings)
        check_failing_notifier(refused, permanent=True)
    closed = make(part, folder, port=port, to=["desk@example.com"], **settings)
    check_failing_notifier(closed, permanent=False)


@of("notifier", "command")
def check_command(part: Any, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    def running(script: str) -> Any:
        return make(part, folder, command=["/bin/sh", "-c", script], timeout=10)

    def received() -> list[str]:
        return [file.read_text() for file in folder.glob("*.json")]

    check_notifier(running('cat > "$MONITOR_KEY.json"'), received)
    assert [file.stem for file in folder.glob("*.json")] == [sample_notification().key]
    for code, permanent in ((75, False), (1, True)):
        assert "nope" in str(
            check_failing_notifier(running(f"echo nope >&2; exit {code}"), permanent=permanent)
        )


@of("notifier", "alertmanager")
def check_alertmanager(part: Any, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with LoopbackServer() as server:
        server.routes |= {"/api/v2/alerts": Reply(200), "/old/api/v2/alerts": Reply(400)}
        check_notifier(
            make(part, folder, url=server.url(""), allow_private=True),
            lambda: [seen.body.decode() for seen in server.requests],
        )
        failing = make(part, folder, url=server.url("/old"), allow_private=True)
        check_failing_notifier(failing, permanent=True)
        failing.close()


@of("notifier", "heartbeat")
def check_heartbeat(part: Any, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with LoopbackServer() as server:
        server.routes |= {"/ping": Reply(200), "/gone": Reply(404)}

        def to(path: str) -> Any:
            return make(part, folder, url=server.url(path), method="POST", allow_private=True)

        check_notifier(to("/ping"), lambda: [seen.body.decode() for seen in server.requests])
        failing = to("/gone")
        check_failing_notifier(failing, permanent=True)
        failing.close()


@of("notifier", "apprise")
def check_apprise(part: Any, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with LoopbackServer() as server:
        server.routes |= {"/hook": Reply(200), "/busy": Reply(503)}

        def to(path: str) -> Any:
            return make(part, folder, url=server.url(path).replace("http://", "json://"))

        check_notifier(to("/hook"), lambda: [seen.body.decode() for seen in server.requests])
        check_failing_notifier(to("/busy"), permanent=False)


class Smtp(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as it takes to receive a message; ``nobody`` is not known here."""

    mails: list[bytes]

    def handle(self) -> None:
        self._say(b"220 here")
        while line := self.rfile.readline().strip():
            verb = line.split(b" ")[0].split(b":")[0].upper()
            if verb == b"DATA":
                self._say(b"354 go on")
                lines = list(iter(self.rfile.readline, b".\r\n"))
                self.mails.append(b"".join(lines))
            if verb == b"QUIT":
                self._say(b"221 bye")
                return
            self._say(b"550 not known" if b"nobody" in line else b"250 fine")

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


@contextmanager
def smtp_server() -> Iterator[tuple[int, list[bytes]]]:
    """The port of an SMTP server on the loopback interface, and the messages that it got."""
    mails: list[bytes] = []
    handler = type("Handler", (Smtp,), {"mails": mails})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1], mails
        finally:
            server.shutdown()
            thread.join()


# -- encoders ----------------------------------------------------------------------------


@of("encoder", "minilm")
def check_embedded(part: Any, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    check_encoder(make(part, folder, device="cpu"))


@of("encoder", "transformers")
def check_any_model(part: Any, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    from monitor.learn.encoder import embedded_folder

    (folder / "model").symlink_to(embedded_folder())  # a folder, named relative to the configuration
    check_encoder(make(part, folder, model="model", device="cpu"))
