"""monitor.http against a real server: what it refuses, what it bounds, what it says."""

from __future__ import annotations

import gzip
import logging
import socket
import sys
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from subprocess import run

import httpx
import pytest
from loopback import CERTIFICATE, LoopbackServer, Reply, Seen

from monitor import http
from monitor.errors import LONGEST_ASKED_S
from monitor.http import AddressRefused, OutgoingError, fetch

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with http.client(allow_private=True, timeout=5) as made:
        yield made


# What is refused


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%1",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001:db8::1",
        "2001::1",  # Teredo
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "2002:7f00:1::",  # 6to4 of 127.0.0.1
        "2002:0a00:0001::1",
        "64:ff9b::7f00:1",  # NAT64 of 127.0.0.1
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
    ],
)
def test_private_addresses_are_not_public(address: str) -> None:
    assert not http.is_public(address)


@pytest.mark.parametrize(
    "address",
    ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "2002:808:808::1", "64:ff9b::808:808"],
)
def test_public_addresses_are(address: str) -> None:
    assert http.is_public(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "0", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"]
)
def test_loopback_is_refused_under_every_name(server: LoopbackServer, host: str) -> None:
    with http.client() as client, pytest.raises(AddressRefused, match=r"private address .*allow_private"):
        fetch(client, server.url("/", host))
    assert server.requests == []


def test_the_guard_holds_for_a_client_used_directly(server: LoopbackServer) -> None:
    with http.client() as client, pytest.raises(AddressRefused):
        client.get(server.url())


def test_a_name_is_resolved_once_and_that_address_is_dialled(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: a name that is public when asked first and private when asked again."""
    real, asked = socket.getaddrinfo, []

    def rebinding(host: str, *args: object, **kwargs: object) -> object:
        asked.append(host)
        if host == "rebind.test":
            first = asked.count(host) == 1
            return [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("203.0.113.9" if first else "127.0.0.1", 80))
            ]
        return real(host, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(http_transport(), "is_public", lambda address: address == "203.0.113.9")
    dialled: list[str] = []

    def dial(address: tuple[str, int], *args: object, **kwargs: object) -> socket.socket:
        dialled.append(address[0])
        raise OSError("nobody is there")

    monkeypatch.setattr(socket, "create_connection", dial)
    with http.client() as client, pytest.raises(OutgoingError, match="nobody is there"):
        fetch(client, server.url("/", "rebind.test"))
    assert asked.count("rebind.test") == 1
    assert dialled == ["203.0.113.9"]


def http_transport() -> object:
    import monitor.http_transport

    return monitor.http_transport


def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(host: str, *args: object, **kwargs: object) -> object:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in ("8.8.8.8", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with http.client() as client, pytest.raises(AddressRefused, match=r"10\.0\.0\.1"):
        fetch(client, "http://both.test/")


def test_a_redirect_to_a_private_address_is_refused(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first host counts as public here, the second is the loopback address it redirects to."""
    real = socket.getaddrinfo
    addresses = {"public.test": "127.0.0.1", "inside.test": "127.0.0.2"}
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *a, **k: real(addresses.get(host, host), *a, **k))
    monkeypatch.setattr(http_transport(), "is_public", lambda address: address == "127.0.0.1")
    server.routes["/"] = Reply(302, headers={"Location": server.url("/secret", "inside.test")})
    with http.client() as client, pytest.raises(AddressRefused) as caught:
        fetch(client, server.url("/", "public.test"))
    assert "public.test" in str(caught.value)
    assert "redirected to" in str(caught.value)
    assert "127.0.0.2" in str(caught.value)
    assert [seen.path for seen in server.requests] == ["/"]


def test_proxies_of_the_environment_are_not_used(
    server: LoopbackServer, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    server.routes["/"] = Reply(body=b"direct")
    with http.client(allow_private=True) as made:
        assert fetch(made, server.url()).content == b"direct"


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.com/", "nonsense", "http://", "http://[x"]
)
def test_other_addresses_are_refused(client: httpx.Client, url: str) -> None:
    with pytest.raises(OutgoingError):
        fetch(client, url)


# Answers


def test_an_answer_with_its_status_headers_and_body(server: LoopbackServer, client: httpx.Client) -> None:
    server.routes["/a"] = Reply(201, b"hello", {"X-Thing": "1"})
    answer = fetch(client, server.url("/a?b=c"), headers={"Accept": "text/plain"})
    assert (answer.status, answer.content, answer.headers["x-thing"]) == (201, b"hello", "1")
    assert answer.ok
    [seen] = server.requests
    assert seen.headers["user-agent"] == http.USER_AGENT
    assert seen.headers["accept"] == "text/plain"
    assert seen.headers["host"] == f"127.0.0.1:{server.port}"


def test_every_status_is_an_answer_with_the_start_of_its_body(
    server: LoopbackServer, client: httpx.Client
) -> None:
    server.routes["/"] = Reply(500, b"x" * 100_000)
    answer = fetch(client, server.url())
    assert (answer.status, answer.ok, len(answer.content)) == (500, False, 4096)


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"text " * 1000, mtime=0)),
        ("gzip", gzip.compress(b"text " * 400, mtime=0) + gzip.compress(b"text " * 600, mtime=0)),
        ("deflate", zlib.compress(b"text " * 1000)),
        ("deflate", zlib.compress(b"text " * 1000)[2:-4]),  # the bare stream
        ("", b"text " * 1000),
    ],
    ids=["gzip", "two members", "zlib", "bare deflate", "plain"],
)
def test_compressed_bodies(
    server: LoopbackServer, client: httpx.Client, encoding: str, packed: bytes
) -> None:
    server.routes["/"] = Reply(body=packed, headers={"Content-Encoding": encoding} if encoding else {})
    assert fetch(client, server.url()).content == b"text " * 1000


@pytest.mark.parametrize(
    ("headers", "body", "reason"),
    [
        ({"Content-Encoding": "gzip"}, b"plain", "not the gzip"),
        ({"Content-Encoding": "gzip"}, gzip.compress(bytes(range(250)), mtime=0)[:-9], "ends early"),
        ({"Content-Encoding": "br"}, b"x", "not asked for"),
        (
            {"Content-Encoding": "gzip, gzip"},
            gzip.compress(gzip.compress(b"x", mtime=0), mtime=0),
            "not asked for",
        ),
        ({"Content-Length": "10"}, b"x", "without sending complete"),
        ({}, b"x" * 1001, "larger than"),
        ({"Content-Encoding": "gzip"}, gzip.compress(b"x" * 100_000_000, mtime=0), "larger than"),
    ],
    ids=["plain", "cut gzip", "brotli", "gzip twice", "cut", "large", "gzip bomb"],
)
def test_bodies_that_cannot_be_used(
    server: LoopbackServer, client: httpx.Client, headers: dict[str, str], body: bytes, reason: str
) -> None:
    server.routes["/"] = Reply(body=body, headers=headers)
    with pytest.raises(OutgoingError, match=reason) as caught:
        fetch(client, server.url(), limit_bytes=1000)
    assert "\n" not in str(caught.value)


def test_a_body_without_end_stops_at_the_limit(server: LoopbackServer, client: httpx.Client) -> None:
    server.routes["/"] = Reply(body=server.drip(b"", b"x" * 65536, every=0))
    with pytest.raises(OutgoingError, match="larger than 1 MiB"):
        fetch(client, server.url(), limit_bytes=2**20)


def test_a_body_of_exactly_the_limit_is_fine(server: LoopbackServer, client: httpx.Client) -> None:
    server.routes["/"] = Reply(body=b"x" * 1000)
    assert len(fetch(client, server.url(), limit_bytes=1000).content) == 1000


def test_a_server_that_drips_its_body_is_left(server: LoopbackServer, client: httpx.Client) -> None:
    server.routes["/"] = Reply(body=server.drip(b"", b"x"))
    with pytest.raises(OutgoingError, match=r"took longer than 0\.2 s"):
        fetch(client, server.url(), deadline_s=0.2)


def test_a_server_that_drips_its_headers_is_left(server: LoopbackServer, client: httpx.Client) -> None:
    server.routes["/"] = Reply(raw=server.drip(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"))
    with pytest.raises(OutgoingError, match=r"took longer than 0\.2 s"):
        fetch(client, server.url(), deadline_s=0.2)


def test_a_server_that_stalls_is_left(server: LoopbackServer) -> None:
    server.routes["/"] = Reply(body=server.stall(b"begin"))
    with (
        http.client(allow_private=True, timeout=0.1) as client,
        pytest.raises(OutgoingError, match="in time"),
    ):
        fetch(client, server.url())


def test_no_server_and_no_host(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        with pytest.raises(OutgoingError, match=r"/: connection refused$"):
            fetch(client, f"http://127.0.0.1:{taken.getsockname()[1]}/")

    def unknown(*args: object, **kwargs: object) -> object:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(OutgoingError, match=r"nowhere\.test cannot be found \(name or service not known\)$"):
        fetch(client, "http://nowhere.test/")


def test_the_next_address_of_a_name_is_tried(
    server: LoopbackServer, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def two(host: str, *args: object, **kwargs: object) -> object:
        if host != "two.test":
            return real(host, *args, **kwargs)  # type: ignore[arg-type]
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, server.port))
            for ip in ("127.0.0.9", "127.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    server.routes["/"] = Reply(body=b"second")
    assert fetch(client, server.url("/", "two.test")).content == b"second"


def test_garbage_instead_of_http(server: LoopbackServer, client: httpx.Client) -> None:
    server.routes["/"] = Reply(raw=[b"\x00\xff garbage\r\n\r\n"])
    with pytest.raises(OutgoingError):
        fetch(client, server.url())


# Redirects


def test_redirects_are_followed(server: LoopbackServer, client: httpx.Client) -> None:
    server.routes["/old"] = Reply(301, headers={"Location": "/newer"})
    server.routes["/newer"] = Reply(308, headers={"Location": server.url("/new")})
    server.routes["/new"] = Reply(body=b"here")
    answer = fetch(client, server.url("/old"))
    assert (answer.content, answer.url) == (b"here", server.url("/new"))


def test_a_loop_is_named(server: LoopbackServer, client: httpx.Client) -> None:
    server.routes["/a"] = Reply(302, headers={"Location": "/b"})
    server.routes["/b"] = Reply(302, headers={"Location": "/a"})
    with pytest.raises(OutgoingError, match=r"in a loop \(.*/a -> .*/b -> .*/a\)"):
        fetch(client, server.url("/a"))
    assert len(server.requests) == 6


def test_too_many_redirects(server: LoopbackServer, client: httpx.Client) -> None:
    for i in range(9):
        server.routes[f"/{i}"] = Reply(302, headers={"Location": f"/{i + 1}"})
    with pytest.raises(OutgoingError, match="more than 5 times"):
        fetch(client, server.url("/0"))


@pytest.mark.parametrize("location", ["ftp://example.com/x", "file:///etc/passwd", "http://[x", "//:99999/"])
def test_a_redirect_elsewhere_is_refused(server: LoopbackServer, client: httpx.Client, location: str) -> None:
    server.routes["/"] = Reply(302, headers={"Location": location})
    with pytest.raises(OutgoingError):
        fetch(client, server.url())


def test_secrets_stay_with_their_host(server: LoopbackServer, client: httpx.Client) -> None:
    with LoopbackServer() as other:
        server.routes["/same"] = Reply(302, headers={"Location": "/away"})
        server.routes["/away"] = Reply(302, headers={"Location": other.url()})
        other.routes["/"] = Reply(body=b"ok")
        secret = {"X-Api-Key": "s3cret", "Authorization": "Bearer s3cret", "If-None-Match": '"1"'}
        fetch(client, server.url("/same"), headers=secret)
        assert [seen.headers.get("x-api-key") for seen in server.requests] == ["s3cret", "s3cret"]
        [seen] = other.requests
        assert "s3cret" not in str(seen.headers)
        assert seen.headers["if-none-match"] == '"1"'


def test_a_post_is_redirected_only_where_it_stays_a_post(
    server: LoopbackServer, client: httpx.Client
) -> None:
    server.routes["/307"] = Reply(307, headers={"Location": "/in"})
    server.routes["/302"] = Reply(302, headers={"Location": "/in"})
    server.routes["/in"] = lambda seen: Reply(200, seen.method.encode() + seen.body)
    assert fetch(client, server.url("/307"), method="POST", content=b"!").content == b"POST!"
    assert fetch(client, server.url("/302"), method="POST", content=b"!").status == 302


# Credentials


def test_credentials_of_the_url_are_sent_but_never_shown(
    server: LoopbackServer, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    url = server.url("/x", "user:p%40ss@127.0.0.1")

    def answer(seen: Seen) -> Reply:
        return Reply(200 if seen.headers.get("authorization") == http.basic_auth("user", "p@ss") else 401)

    server.routes["/x"] = answer
    assert fetch(client, url).status == 200
    server.routes["/x"] = Reply(302, headers={"Location": "ftp://a:p%40ss@b/"})
    with pytest.raises(OutgoingError) as caught:
        fetch(client, url)
    assert "p%40ss" not in str(caught.value) + caplog.text
    assert "p@ss" not in str(caught.value) + caplog.text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@example.com/f?q=a", "https://example.com/f?q=a"),
        (
            "https://example.com/f?api_key=1&q=a&token=2#x",
            "https://example.com/f?api_key=***&q=a&token=***#x",
        ),
        ("http://u:p@[x/", "http://[x/"),
    ],
)
def test_redact(url: str, shown: str) -> None:
    assert http.redact(url) == shown


# TLS


def test_tls_checks_the_name_not_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with LoopbackServer(tls=True) as server, http.client(allow_private=True) as client:
        server.routes["/"] = Reply(body=b"safe")
        assert fetch(client, server.url("/", "localhost")).content == b"safe"
        with pytest.raises(OutgoingError, match="certificate"):
            fetch(client, server.url("/", "127.0.0.1"))


def test_tls_refuses_an_unknown_authority() -> None:
    with (
        LoopbackServer(tls=True) as server,
        http.client(allow_private=True) as client,
        pytest.raises(OutgoingError, match="certificate"),
    ):
        fetch(client, server.url("/", "localhost"))


# Retry-After


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "99999999999"}, LONGEST_ASKED_S),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Mon, 23 Nov 2026 12:10:00 GMT"}, 600.0),
        ({"retry-after": "Mon, 23 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "Mon, 23 Nov 2099 11:00:00 GMT"}, LONGEST_ASKED_S),
        # the server's clock is an hour ahead of ours: its own two dates count
        ({"retry-after": "Mon, 23 Nov 2026 13:01:00 GMT", "date": "Mon, 23 Nov 2026 13:00:00 GMT"}, 60.0),
        ({"retry-after": "Mon, 99 Foo 2026 13:01:00 GMT"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert http.retry_after(headers, NOW) == seconds


def test_retry_after_a_date_without_any_clock() -> None:
    assert http.retry_after({"retry-after": "Mon, 23 Nov 2026 12:10:00 GMT"}) is None


def test_importing_it_does_not_load_httpx() -> None:
    code = "import sys, monitor.http; sys.exit('httpx' in sys.modules)"
    assert run([sys.executable, "-c", code], check=False).returncode == 0


# Errors whose bodies are errors themselves


@pytest.mark.parametrize(
    "head_and_body",
    [
        (b"Content-Length: 100", b"short"),
        (b"Transfer-Encoding: chunked", b"5\r\nshor"),
        (b"Transfer-Encoding: chunked", b"zz\r\nshort"),
        (b"Content-Length: 100\r\nContent-Encoding: gzip", b"no gzip"),
        (b"Content-Length: 100\r\nContent-Encoding: br", b"x"),
    ],
)
@pytest.mark.parametrize("status", [429, 503, 410])
def test_an_error_whose_body_breaks_off_is_that_error(
    server: LoopbackServer, client: httpx.Client, status: int, head_and_body: tuple[bytes, bytes]
) -> None:
    head, body = head_and_body
    start = b"HTTP/1.1 %d No\r\nRetry-After: 7200\r\n%s\r\n\r\n" % (status, head)
    server.routes["/"] = Reply(raw=[start, body])
    answer = fetch(client, server.url())
    assert (answer.status, http.retry_after(answer.headers)) == (status, 7200)


@pytest.mark.parametrize("drips", [True, False])
def test_an_error_whose_body_does_not_end_is_that_error(
    server: LoopbackServer, client: httpx.Client, drips: bool
) -> None:
    start = b"HTTP/1.1 503 No\r\nRetry-After: 60\r\nContent-Length: 3000\r\n\r\nsorry"
    server.routes["/"] = Reply(raw=server.drip(start, b".") if drips else server.stall(start))
    answer = fetch(client, server.url(), deadline_s=0.3)
    assert (answer.status, http.retry_after(answer.headers)) == (503, 60)
    assert answer.content.startswith(b"sorry")
    server.routes["/"] = Reply(raw=server.stall(b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\nsorry"))
    with pytest.raises(OutgoingError, match="took longer"):
        fetch(client, server.url(), deadline_s=0.3)


@pytest.mark.parametrize("token", ["none", "None", "identity", "utf-8", "UTF8", "text", "8bit"])
def test_a_content_encoding_that_is_none(server: LoopbackServer, client: httpx.Client, token: str) -> None:
    server.routes["/"] = Reply(body=b"plain", headers={"Content-Encoding": token})
    assert fetch(client, server.url()).content == b"plain"


def test_messages_are_for_people(server: LoopbackServer, client: httpx.Client) -> None:
    server.routes["/"] = Reply(302, headers={"Location": "javascript:alert(1)"})
    with pytest.raises(OutgoingError, match=r"redirects to what is no address$"):
        fetch(client, server.url())
    server.routes["/"] = Reply(raw=[b"garbage\x01\r\n\r\n"])
    with pytest.raises(OutgoingError, match=r"illegal status line: 'garbage"):
        fetch(client, server.url())
