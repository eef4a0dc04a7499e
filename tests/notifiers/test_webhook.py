"""The webhook notifier against a real HTTP server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from loopback import LoopbackServer, Reply, Seen
from pydantic import ValidationError

from monitor.testing import NOW, check_failing_notifier, check_notifier, make, sample_notification
from monitor_plugins.webhook import Webhook


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        running.routes["/hook"] = Reply(204)
        yield running


@pytest.fixture
def make_webhook() -> Iterator[Any]:
    made: list[Webhook] = []

    def webhook(url: str, **settings: Any) -> Webhook:
        made.append(make(Webhook, Path(), **{"url": url, "allow_private": True, "timeout": 5} | settings))
        return made[-1]

    yield webhook
    for one in made:
        one.close()


def test_it_fulfils_the_contract(server: LoopbackServer, make_webhook: Any) -> None:
    check_notifier(
        make_webhook(server.url("/hook")), lambda: [seen.body.decode() for seen in server.requests]
    )


def test_a_notification_as_it_arrives(server: LoopbackServer, make_webhook: Any) -> None:
    notification = replace(sample_notification(), title="Négative 📉", body="two\nlines \ud83d")
    webhook = make_webhook(server.url("/hook"), headers={"X-Token": "s3cret", "content-type": "text/plain"})
    webhook.send(notification)
    [seen] = server.requests
    assert seen.method == "POST"
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["idempotency-key"] == notification.key
    assert seen.headers["x-token"] == "s3cret"
    assert json.loads(seen.body) == {
        "key": notification.key,
        "event": "firing",
        "title": notification.title,
        "body": notification.body,
        "alert": dict(notification.data),
    }


def test_every_attempt_has_the_same_key(server: LoopbackServer, make_webhook: Any) -> None:
    webhook = make_webhook(server.url("/hook"))
    server.routes["/hook"] = Reply(500)
    check_failing_notifier(webhook, permanent=False)
    server.routes["/hook"] = Reply(200)
    webhook.send(sample_notification())
    assert len({seen.headers["idempotency-key"] for seen in server.requests}) == 1


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_2xx_is_a_delivery(server: LoopbackServer, make_webhook: Any, status: int) -> None:
    server.routes["/hook"] = Reply(status)
    make_webhook(server.url("/hook")).send(sample_notification())


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        *((status, False) for status in (408, 425, 429, 500, 502, 503, 504)),
        *((status, True) for status in (301, 302, 400, 401, 403, 404, 410, 413, 422)),
    ],
)
def test_what_passes_and_what_does_not(
    server: LoopbackServer, make_webhook: Any, status: int, permanent: bool
) -> None:
    server.routes["/hook"] = Reply(status, b"no\nway\x1b[31m", {"Location": "/elsewhere"})
    error = check_failing_notifier(make_webhook(server.url("/hook")), permanent=permanent)
    assert str(status) in str(error)
    assert "no way" in str(error)
    assert "\x1b" not in str(error)
    assert [seen.path for seen in server.requests] == ["/hook"]


def test_it_says_when_to_come_back(server: LoopbackServer, make_webhook: Any) -> None:
    webhook = make_webhook(server.url("/hook"))
    for headers, seconds in (
        ({"Retry-After": "120"}, 120.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ):
        server.routes["/hook"] = Reply(429, headers=headers)
        assert check_failing_notifier(webhook, permanent=False).retry_after == seconds


def test_a_date_to_come_back_at_counts_from_the_answers_own(
    server: LoopbackServer, make_webhook: Any
) -> None:
    head = b"HTTP/1.1 503 Busy\r\nDate: Mon, 02 Mar 2026 09:00:00 GMT\r\nContent-Length: 0\r\n"
    server.routes["/hook"] = Reply(raw=[head + b"Retry-After: Mon, 02 Mar 2026 09:05:00 GMT\r\n\r\n"])
    error = check_failing_notifier(make_webhook(server.url("/hook")), permanent=False)
    assert error.retry_after == 300.0


def test_network_errors_pass(server: LoopbackServer, make_webhook: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/hook"
        check_failing_notifier(make_webhook(url), permanent=False)
    server.routes["/hook"] = Reply(raw=server.stall(b""))
    error = check_failing_notifier(make_webhook(server.url("/hook"), timeout=0.2), permanent=False)
    assert "0.2 s" in str(error) or "in time" in str(error)


def test_private_addresses_are_refused_unless_allowed(server: LoopbackServer, make_webhook: Any) -> None:
    error = check_failing_notifier(make_webhook(server.url("/hook"), allow_private=False), permanent=False)
    assert "allow_private" in str(error)
    assert server.requests == []


def test_the_path_and_the_password_of_a_hook_are_never_shown(
    server: LoopbackServer, make_webhook: Any
) -> None:
    path = "/services/T1/s3cret"
    webhook = make_webhook(server.url(f"{path}?token=s3cret", "me:s3cret@127.0.0.1"))
    said = [
        webhook.describe(),
        repr(make_webhook(server.url(), headers={"Authorization": "s3cret"}).settings),
    ]
    for reply in (Reply(500), Reply(302, headers={"Location": "/x"}), Reply(raw=[b"garbage\r\n\r\n"])):
        server.routes[path] = reply
        said.append(str(check_failing_notifier(webhook, permanent=reply.status == 302)))
    assert len(said) == 5
    assert "s3cret" not in " ".join(said)
    assert webhook.describe() == server.url("")


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://example.com/"},
        {"url": "example.com"},
        {"url": "https://"},
        {"headers": {"X": "a\r\nY: b"}},
        {"headers": {"X Y": "a"}},
        {"timeout": 0},
        {"method": "PUT"},
    ],
)
def test_settings_that_cannot_work(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        make(Webhook, Path(), **{"url": "https://example.com/hook"} | wrong)


# -- the signature, as Standard Webhooks has it ------------------------------------------

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


def signed(secret: str, seen: Seen) -> str:
    """What a receiver computes of a request that it got."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{seen.headers['webhook-id']}.{seen.headers['webhook-timestamp']}.".encode() + seen.body
    return "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def test_a_request_is_signed_at_the_time_of_each_attempt(server: LoopbackServer, make_webhook: Any) -> None:
    webhook = make_webhook(server.url("/hook"), secret=SECRET, headers={"Webhook-Id": "mine"})
    first, second = NOW, NOW + timedelta(minutes=30)
    for at in (first, second):
        webhook.send(replace(sample_notification(), title="Négative 📉", at=at))
    for seen, at in zip(server.requests, (first, second), strict=True):
        assert seen.headers["webhook-id"] == seen.headers["idempotency-key"] == sample_notification().key
        assert seen.headers["webhook-timestamp"] == str(int(at.timestamp()))
        assert seen.headers["webhook-signature"] == signed(SECRET, seen)
        assert seen.headers["webhook-signature"] != signed("whsec_" + "b" * 32, seen)
    assert len({seen.headers["webhook-signature"] for seen in server.requests}) == 2


def test_the_example_of_the_specifications_libraries() -> None:
    """The test vector that the reference implementations share."""
    webhook = make(
        Webhook, Path(), url="https://example.com/", secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    )
    at = datetime.fromtimestamp(1614265330, UTC)
    notification = replace(sample_notification(), key="msg_p5jXN8AQM9LWM0D4loKWxJek", at=at)
    assert webhook._signature(notification, b'{"test": 2432232314}') == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_two_secrets_sign_while_one_takes_the_place_of_the_other(
    server: LoopbackServer, make_webhook: Any
) -> None:
    old = "whsec_" + "b" * 32
    make_webhook(server.url("/hook"), secret=SECRET, old_secret=old).send(sample_notification())
    (seen,) = server.requests
    assert seen.headers["webhook-signature"].split() == [signed(SECRET, seen), signed(old, seen)]
    with pytest.raises(ValidationError, match="goes with a new secret"):
        make(Webhook, Path(), url="https://example.com/", old_secret=old)


def test_without_a_secret_nothing_is_signed(server: LoopbackServer, make_webhook: Any) -> None:
    make_webhook(server.url("/hook")).send(sample_notification())
    assert not any(name.startswith("webhook-") for name in server.requests[0].headers)


@pytest.mark.parametrize(
    "secret", ["short", "whsec_", "not base64 at all, but long enough", "whsec_c2hvcnQ="]
)
def test_a_secret_that_cannot_be_used_is_not_quoted(secret: str) -> None:
    with pytest.raises(ValidationError) as caught:
        make(Webhook, Path(), url="https://example.com/", secret=secret)
    assert "openssl rand -base64 32" in str(caught.value.errors()[0]["msg"])


def test_a_secret_is_never_shown(make_webhook: Any) -> None:
    webhook = make_webhook("https://example.com/", secret=SECRET)
    assert SECRET[6:20] not in repr(webhook.settings) + webhook.describe()


def test_the_page_on_delivery_says_how_to_verify(server: LoopbackServer, make_webhook: Any) -> None:
    page = (Path(__file__).parents[2] / "docs" / "delivery.md").read_text("utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    space: dict[str, Any] = {}
    exec(compile(code, "docs/delivery.md", "exec"), space)
    now = datetime.now(UTC)
    webhook = make_webhook(server.url("/hook"), secret=SECRET)
    for at in (now, now - timedelta(hours=1)):
        webhook.send(replace(sample_notification(), at=at))
    fresh, old = server.requests
    assert space["verified"](SECRET, fresh.headers, fresh.body)
    assert not space["verified"](SECRET, fresh.headers, fresh.body + b" ")
    assert not space["verified"]("whsec_" + "b" * 32, fresh.headers, fresh.body)
    assert not space["verified"](SECRET, old.headers, old.body)
