"""The email notifier against a real SMTP server."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from loopback import CERTIFICATE
from loopback_smtp import LoopbackSmtp
from pydantic import ValidationError

from monitor.testing import NOW, check_failing_notifier, check_notifier, make, sample_notification
from monitor.types import Notification
from monitor_plugins.email import Email

PLAIN: dict[str, Any] = {
    "host": "127.0.0.1",
    "security": "none",
    "sender": "Monitor <monitor@example.com>",
    "to": ["desk@example.com", "Boss <boss@example.org>"],
    "timeout": 5,
}


@pytest.fixture
def server() -> Iterator[LoopbackSmtp]:
    with LoopbackSmtp() as running:
        yield running


def email_to(server: LoopbackSmtp, **settings: Any) -> Email:
    made: Email = make(Email, Path(), **PLAIN | {"port": server.port} | settings)
    return made


def test_it_fulfils_the_contract(server: LoopbackSmtp) -> None:
    check_notifier(email_to(server), lambda: [str(mail.message["Subject"]) for mail in server.messages])


def test_a_mail_as_it_arrives(server: LoopbackSmtp) -> None:
    notification = replace(
        sample_notification(),
        title="Négative\r\nBcc: everyone@example.net 📉",
        body="Erste Zeile\n.\nאחרונה " + "long " * 500,
    )
    email_to(server).send(notification)
    [mail] = server.messages
    assert mail.sender == "monitor@example.com"
    assert mail.recipients == ("desk@example.com", "boss@example.org")
    message = mail.message
    assert message["Subject"] == "Négative Bcc: everyone@example.net 📉"
    assert message["Bcc"] is None
    assert message["From"] == PLAIN["sender"]
    assert message["Message-ID"] == f"<{notification.key}@example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(message["Date"]) == NOW
    assert message.get_content().replace("\r\n", "\n").rstrip("\n") == notification.body
    assert server.commands[-1].upper() == "QUIT"


@pytest.mark.parametrize(
    "title",
    [
        '5 negative texts about Crédit du Léman in 2 h, usually 0 to 1: "Ärger über geänderte Gebühren" [bad-news]',
        "负面消息" * 30,
        "plain words that go on and on and on " * 5,
    ],
)
def test_a_long_subject_arrives_as_it_was(server: LoopbackSmtp, title: str) -> None:
    email_to(server).send(Notification("k", "firing", title, "body", {}))
    assert server.messages[0].message["Subject"] == title.strip()


def test_html_and_picture_go_along(server: LoopbackSmtp) -> None:
    shown = '<html><body><p>Négative \ud83d</p><img src="cid:picture"></body></html>'
    notification = replace(sample_notification(), html=shown, picture=b"\x89PNG\r\n.\r\n\0")
    email_to(server).send(notification)
    message = server.messages[0].message
    assert message.get_content_type() == "multipart/alternative"
    text, rich = message.iter_parts()
    assert text.get_content().rstrip() == notification.body
    assert rich.get_content_type() == "multipart/related"
    page, picture = rich.iter_parts()
    name = f"picture.{notification.key}@example.com"
    assert page.get_content().rstrip() == shown.replace("cid:picture", f"cid:{name}").replace(
        "\ud83d", "\ufffd"
    )
    assert (picture.get_content_type(), picture["Content-ID"]) == ("image/png", f"<{name}>")
    assert picture.get_content_disposition() == "inline"
    assert picture.get_content() == notification.picture


@pytest.mark.parametrize(
    ("html", "picture", "kinds"),
    [
        ("", b"", ["text/plain"]),
        ("<p>x</p>", b"", ["text/plain", "text/html"]),
        ("<p>x</p>", b"PNG", ["text/plain", "text/html", "image/png"]),
        ("", b"PNG", ["text/plain", "text/html", "image/png"]),
    ],
)
def test_a_message_has_what_there_is(
    server: LoopbackSmtp, html: str, picture: bytes, kinds: list[str]
) -> None:
    email_to(server).send(replace(sample_notification(), body="a < b", html=html, picture=picture))
    message = server.messages[0].message
    parts = [part for part in message.walk() if not part.is_multipart()]
    assert [part.get_content_type() for part in parts] == kinds
    if picture:
        assert "<img src=" in parts[1].get_content(), "it is shown somewhere"
    if picture and not html:
        assert "a &lt; b" in parts[1].get_content()


def test_every_attempt_has_the_same_message_id(server: LoopbackSmtp) -> None:
    notifier = email_to(server)
    server.replies["."] = "451 try later"
    assert check_failing_notifier(notifier, permanent=False)
    del server.replies["."]
    first, second = sample_notification("firing"), replace(sample_notification("resolved"), key="ff")
    for notification in (first, first, second):
        notifier.send(notification)
    ids = [str(mail.message["Message-ID"]) for mail in server.messages]
    assert ids == [f"<{first.key}@example.com>"] * 2 + ["<ff@example.com>"]


def test_the_date_is_when_it_was_told_or_happened_or_that_of_the_attempt(server: LoopbackSmtp) -> None:
    notifier = email_to(server)
    resolved = datetime(2026, 3, 2, 12, tzinfo=UTC)
    data = {**sample_notification().data, "resolved_at": resolved.isoformat()}
    notifier.send(replace(sample_notification("resolved"), data=data))
    notifier.send(replace(sample_notification("test"), data={}))
    assert parsedate_to_datetime(server.messages[0].message["Date"]) == resolved
    assert parsedate_to_datetime(server.messages[1].message["Date"]) == NOW
    again = {**data, "resolved_at": None, "evidence": {"at": "2026-03-02T18:00:00+00:00"}}
    notifier.send(replace(sample_notification(), data=again))
    assert parsedate_to_datetime(server.messages[2].message["Date"]).hour == 18, (
        "said once more: not an old mail"
    )


def test_halves_of_surrogate_pairs_stop_nothing(server: LoopbackSmtp) -> None:
    email_to(server).send(replace(sample_notification(), title="a\ud83d b", body="c\udc00 d"))
    assert "d" in server.messages[0].message.get_content()


@pytest.mark.parametrize("step", ["CONNECT", "MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize(("code", "permanent"), [(421, False), (450, False), (550, True), (554, True)])
def test_replies_4xx_pass_and_5xx_do_not(server: LoopbackSmtp, step: str, code: int, permanent: bool) -> None:
    server.replies[step] = f"{code}-first line\r\n{code} second\tline"
    error = check_failing_notifier(email_to(server), permanent=permanent)
    assert str(code) in str(error)
    assert "second line" in str(error)
    assert f"127.0.0.1:{server.port}" in str(error)
    assert server.messages == []


@pytest.mark.parametrize("step", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "."])
def test_a_server_that_hangs_up_passes(server: LoopbackSmtp, step: str) -> None:
    server.replies[step] = ""
    check_failing_notifier(email_to(server), permanent=False)


def test_a_bad_farewell_does_not_undo_a_delivery(server: LoopbackSmtp) -> None:
    for farewell in ("421 too busy", "", "550 no"):
        server.replies["QUIT"] = farewell
        email_to(server).send(sample_notification())
    assert len(server.messages) == 3


def test_recipients_refused_for_different_reasons(server: LoopbackSmtp) -> None:
    server.replies["RCPT TO:<desk"] = "550 unknown"
    server.replies["RCPT TO:<boss"] = "450 greylisted"
    error = check_failing_notifier(email_to(server), permanent=False)
    assert "desk@example.com: 550 unknown" in str(error)
    assert "boss@example.org: 450 greylisted" in str(error)


def test_some_recipients_refused_is_delivered_and_said(
    server: LoopbackSmtp, caplog: pytest.LogCaptureFixture
) -> None:
    server.replies["RCPT TO:<boss"] = "550 has left"
    email_to(server).send(sample_notification())
    assert server.messages[0].recipients == ("desk@example.com",)
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "boss@example.org: 550 has left" in record.getMessage()


def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        notifier = make(Email, Path(), **PLAIN, port=taken.getsockname()[1])
        error = check_failing_notifier(notifier, permanent=False)
        assert str(error).endswith(": connection refused")


def test_a_server_that_says_nothing() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        notifier = make(Email, Path(), **PLAIN | {"port": silent.getsockname()[1], "timeout": 0.1})
        assert "timed out" in str(check_failing_notifier(notifier, permanent=False))


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_with_tls_and_a_password(security: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with LoopbackSmtp(tls=security == "tls", starttls=security == "starttls", auth="me:s3cret") as server:
        settings = {"host": "localhost", "security": security, "username": "me"}
        email_to(server, **settings, password="s3cret").send(sample_notification())
        assert len(server.messages) == 1
        error = check_failing_notifier(email_to(server, **settings, password="wr0ng"), permanent=True)
        assert "535 wrong password" in str(error)
        assert "wr0ng" not in str(error)
        assert "s3cret" not in repr(email_to(server, **settings, password="s3cret").settings)


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_nobody_vouches_for(security: str) -> None:
    with LoopbackSmtp(tls=security == "tls", starttls=security == "starttls") as server:
        notifier = email_to(server, host="localhost", security=security)
        assert "certificate" in str(check_failing_notifier(notifier, permanent=False))
        assert not any(command.upper().startswith("MAIL") for command in server.commands)


def test_nothing_is_sent_where_starttls_is_not_offered(server: LoopbackSmtp) -> None:
    check_failing_notifier(email_to(server, security="starttls"), permanent=True)
    assert server.messages == []


def test_a_server_without_login(server: LoopbackSmtp) -> None:
    check_failing_notifier(email_to(server, username="me", password="x"), permanent=True)


def test_a_password_that_smtp_cannot_carry() -> None:
    with LoopbackSmtp(auth="me:x") as server:
        error = check_failing_notifier(email_to(server, username="me", password="pässwort"), permanent=True)
        assert "ASCII" in str(error)
        assert "pässwort" not in str(error)


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": []},
        {"to": ["nobody"]},
        {"to": ["a@b\r\nBcc: c@d"]},
        {"sender": "@"},
        {"sender": ""},
        {"port": 0},
        {"security": "ssl"},
        {"host": ""},
        {"secret": 1},
    ],
)
def test_settings_that_cannot_work(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        make(Email, Path(), **PLAIN | wrong)


def test_the_usual_ports() -> None:
    described = {
        security: make(Email, Path(), **PLAIN | {"security": security}).describe()
        for security in ("starttls", "tls", "none")
    }
    assert [text.rpartition(":")[2] for text in described.values()] == ["587", "465", "25"]
