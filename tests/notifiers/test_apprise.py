"""The apprise notifier through the library itself, against a real HTTP server."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from loopback import LoopbackServer, Reply
from pydantic import ValidationError

from monitor.testing import check_failing_notifier, make, sample_notification
from monitor_plugins.apprise import Apprise


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        running.routes["/s3cret"] = Reply(200)
        yield running


def to(server: LoopbackServer, **settings: Any) -> Apprise:
    made: Apprise = make(
        Apprise, Path(), url=server.url("/s3cret").replace("http://", "json://me:pa55@"), **settings
    )
    return made


def test_a_notification_as_it_arrives(server: LoopbackServer) -> None:
    notifier = to(server)
    notification = replace(
        sample_notification(), title="Négative 📉", body="<b>two</b>\nlines \ud83d", picture=b"\x89PNG"
    )
    notifier.send(notification)
    notifier.send(sample_notification("resolved"))
    first, second = (json.loads(seen.body) for seen in server.requests)
    assert first["title"] == "Négative 📉"
    assert first["message"] == "<b>two</b>\nlines \ufffd"
    assert (first["type"], second["type"]) == ("warning", "success")
    (picture,) = first["attachments"]
    assert base64.b64decode(picture["base64"]) == b"\x89PNG"
    assert (picture["filename"], picture["mimetype"]) == ("alert.png", "image/png")
    assert second["attachments"] == []


@pytest.mark.parametrize(
    "reply", [Reply(500), Reply(429), Reply(404), Reply(raw=[b"garbage\r\n\r\n"]), Reply(raw=[])]
)
def test_whatever_fails_passes_and_shows_no_secret(server: LoopbackServer, reply: Reply) -> None:
    server.routes["/s3cret"] = reply
    error = check_failing_notifier(to(server), permanent=False)
    assert str(error).startswith("json:// by apprise did not take it: ")
    assert "s3cret" not in str(error)
    assert "pa55" not in str(error)


def test_a_slow_drip_is_given_up(server: LoopbackServer) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    server.routes["/s3cret"] = Reply(raw=server.drip(head, b"x"))
    check_failing_notifier(to(server, timeout=0.5), permanent=False)


def test_the_address_is_a_secret(server: LoopbackServer) -> None:
    notifier = to(server)
    said = notifier.describe() + repr(notifier.settings)
    assert notifier.describe() == "json:// by apprise"
    assert "s3cret" not in said
    assert "pa55" not in said


@pytest.mark.parametrize("url", ["", "slack", "nonsense://s3cret", "slack://s3cret", "tgram://s3cret"])
def test_an_address_that_apprise_does_not_understand(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        make(Apprise, Path(), url=url)
    (error,) = caught.value.errors()
    assert "no address that apprise understands" in error["msg"]
    assert "s3cret" not in error["msg"]


def test_without_the_library_notifications_wait_and_say_what_to_do(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    monkeypatch.setattr("monitor_plugins.apprise.find_spec", lambda name: None)
    error = check_failing_notifier(to(server), permanent=False)
    assert str(error) == "json:// by apprise needs the library apprise: run `pip install 'monitor[apprise]'`"
