"""Feeds over a real HTTP connection: what is asked, what is made of each answer, what is kept."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from loopback import LoopbackServer, Reply, Seen
from pydantic import ValidationError

from monitor import http_transport
from monitor.errors import SourceError
from monitor.testing import NOW, check_failing_source, check_source, make
from monitor.types import BadRecord, Document
from monitor_plugins.rss import BATCH, Rss, RssSettings

RSS = {"Content-Type": "application/rss+xml"}


def feed(*items: str) -> bytes:
    return f'<rss version="2.0"><channel><title>News</title>{"".join(items)}</channel></rss>'.encode()


def item(number: int, title: str = "") -> str:
    return f"<item><guid>g{number}</guid><title>{title or f'Title {number}'}</title></item>"


def read(
    source: Rss, cursor: Mapping[str, Any] | None = None
) -> tuple[list[Document], list[BadRecord], dict[str, Any]]:
    """One fetch: documents, bad records, and the cursor as the store would give it back."""
    documents: list[Document] = []
    bad: list[BadRecord] = []
    at = dict(cursor or {})
    for batch in source.fetch(at, NOW):
        documents += batch.documents
        bad += batch.bad
        at = json.loads(json.dumps(batch.cursor))
    return documents, bad, at


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


@pytest.fixture
def source(server: LoopbackServer, tmp_path: Path) -> Iterator[Callable[..., Rss]]:
    made: list[Rss] = []

    def new(**settings: Any) -> Rss:
        made.append(make(Rss, tmp_path, **{"url": server.url("/feed"), "allow_private": True} | settings))
        return made[-1]

    yield new
    for rss in made:
        rss.close()


def test_the_contract(server: LoopbackServer, source: Callable[..., Rss]) -> None:
    empty = "<item><guid>e</guid></item>"
    server.routes["/feed"] = Reply(body=feed(*map(item, range(BATCH + 5)), empty), headers=RSS)
    documents = check_source(source(), at_least=BATCH + 5)
    assert [d.external_id for d in documents[:2]] == [f"g{BATCH + 4}", f"g{BATCH + 3}"]  # oldest first
    assert {d.role for d in documents} == {"publisher"}


def test_the_contract_of_failing(server: LoopbackServer, source: Callable[..., Rss]) -> None:
    error = check_failing_source(source(url=server.url("/nothing?token=s3cret")))
    assert str(error) == f"{server.url('/nothing?token=***')} answered 404: there is no feed there (any more)"
    assert error.retry_after is None


# Conditional requests


def test_validators_are_sent_and_a_304_brings_nothing(
    server: LoopbackServer, source: Callable[..., Rss]
) -> None:
    def answer(seen: Seen) -> Reply:
        if seen.headers.get("if-none-match") == '"v1"':
            return Reply(304)
        return Reply(
            body=feed(item(1)),
            headers=RSS | {"ETag": '"v1"', "Last-Modified": "Mon, 02 Mar 2026 09:00:00 GMT"},
        )

    server.routes["/feed"] = answer
    documents, _, cursor = read(source())
    assert [d.external_id for d in documents] == ["g1"]
    again, bad, after = read(source(), cursor)  # another object, as after a restart
    assert (again, bad, after) == ([], [], cursor)
    assert server.requests[-1].headers["if-modified-since"] == "Mon, 02 Mar 2026 09:00:00 GMT"
    assert "if-none-match" not in server.requests[0].headers


def test_ignore_cache_and_another_url_ask_for_all(server: LoopbackServer, source: Callable[..., Rss]) -> None:
    server.routes["/feed"] = server.routes["/moved"] = Reply(body=feed(item(1)), headers={"ETag": '"v1"'})
    _, _, cursor = read(source())
    for other in (source(ignore_cache=True), source(url=server.url("/moved"))):
        documents, _, _ = read(other, cursor)
        assert len(documents) == 1
        assert "if-none-match" not in server.requests[-1].headers


def test_the_cursor_keeps_no_secret_of_the_url(server: LoopbackServer, source: Callable[..., Rss]) -> None:
    server.routes["/feed"] = Reply(body=feed(*map(item, range(BATCH + 1))), headers={"ETag": '"v1"'})
    url = server.url("/feed?apikey=SECRETQ").replace("://", "://bob:PASSWDX@")
    for batch in source(url=url).fetch({}, NOW):
        assert not {"SECRETQ", "PASSWDX", "bob"} & set(re.findall(r"\w+", json.dumps(batch.cursor)))


def test_a_link_that_continues_the_feeds_address_shows_no_secret(
    server: LoopbackServer, source: Callable[..., Rss]
) -> None:
    server.routes["/feed"] = Reply(body=feed("<item><title>T</title><link>#one</link></item>"))
    documents, _, _ = read(source(url=server.url("/feed?page=2&apikey=SECRETQ")))
    assert [d.url for d in documents] == [server.url("/feed?page=2&apikey=***#one")]


def test_a_cursor_of_an_earlier_version_goes_on_without_its_url(
    server: LoopbackServer, source: Callable[..., Rss]
) -> None:
    def answer(seen: Seen) -> Reply:
        if seen.headers.get("if-none-match") == '"v1"':
            return Reply(304)
        return Reply(body=feed(item(1)), headers={"ETag": '"v1"'})

    server.routes["/feed"] = answer
    _, _, cursor = read(source())
    old = {"url": server.url("/feed"), **{name: value for name, value in cursor.items() if name != "feed"}}
    assert read(source(), old) == ([], [], cursor)
    elsewhere = {**old, "url": server.url("/elsewhere")}
    assert len(read(source(), elsewhere)[0]) == 1


def test_a_304_that_was_not_asked_for_is_an_error(server: LoopbackServer, source: Callable[..., Rss]) -> None:
    server.routes["/feed"] = Reply(304)
    assert "304" in str(check_failing_source(source()))


@pytest.mark.parametrize("etag", ['"caf\xe9"', '"' + "x" * 5000 + '"'], ids=["not ASCII", "endless"])
def test_a_validator_that_cannot_be_sent_back_is_not_kept(
    server: LoopbackServer, source: Callable[..., Rss], etag: str
) -> None:
    server.routes["/feed"] = Reply(body=feed(item(1)), headers={"ETag": etag})
    _, _, cursor = read(source())
    documents, _, _ = read(source(), cursor)
    assert len(documents) == 1


def test_validators_come_with_the_last_batch_alone(
    server: LoopbackServer, source: Callable[..., Rss]
) -> None:
    server.routes["/feed"] = Reply(body=feed(*map(item, range(2 * BATCH + 1))), headers={"ETag": '"v1"'})
    batches = list(source().fetch({}, NOW))
    assert [len(batch.documents) for batch in batches] == [BATCH, BATCH, 1]
    assert [batch.cursor.get("etag", "") for batch in batches] == ["", "", '"v1"']


def test_what_is_sent_along(server: LoopbackServer, source: Callable[..., Rss]) -> None:
    server.routes["/feed"] = Reply(body=feed(item(1)))
    read(source(headers={"X-Key": "k"}, username="u", password="p", user_agent="me/1"))
    [seen] = server.requests
    assert (seen.headers["x-key"], seen.headers["user-agent"]) == ("k", "me/1")
    assert seen.headers["authorization"] == "Basic dTpw"
    assert seen.headers["accept"].startswith("application/atom+xml")


def test_a_header_that_cannot_be_sent_is_refused_without_being_shown(source: Callable[..., Rss]) -> None:
    with pytest.raises(ValidationError, match="line break") as caught:
        source(headers={"Authorization": "Bearer s3cret\n"})
    assert "s3cret" not in caught.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"url": "ftp://news.example/feed"}, "must begin with http"),
        ({"url": "https://"}, "has no host"),
        ({"user_agent": "Büro"}, "only plain ASCII"),
        ({"user_agent": "me\n"}, "only plain ASCII"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_it_is(settings: dict[str, str], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        RssSettings(**{"url": "https://news.example/feed"} | settings)


# What is no feed


@pytest.mark.parametrize(
    ("reply", "reason", "retry"),
    [
        (Reply(401), "asks for a username and password", None),
        (Reply(403), "does not let us in", None),
        (Reply(410), "gone for good", None),
        (Reply(429, headers={"Retry-After": "90"}), "asked too often", 90.0),
        (Reply(503, headers={"Retry-After": "Mon, 23 Nov 2099 12:10:00 GMT"}), "answered 503", 48 * 3600.0),
        (Reply(500, b"<html>\nTraceback\n"), "answered 500", None),
        (Reply(204), "is empty", None),
        (Reply(body=b" \r\n\t "), "is empty", None),
        (Reply(body=b"\xef\xbb\xbf"), "is not a feed", None),
        (Reply(body=bytes(range(256)) * 40), "is binary", None),
        (Reply(body=b"hello, world"), "is not a feed", None),
        (Reply(body=b"<html><body>Not\nFound</body></html>"), "is HTML, not a feed", None),
        (Reply(body=b"<!DOCTYPE html><title>x</title>"), "is HTML, not a feed", None),
        (Reply(body=b"<opml version='2.0'><body/></opml>"), "root element <opml>", None),
        (Reply(body=b"{"), "the JSON is broken", None),
        (Reply(body=b'{"items": [1]}'), "is JSON, but not a JSON Feed", None),
        (Reply(body=b'{"version": "https://jsonfeed.org/version/1", "items": 3}'), "are not a list", None),
        (Reply(body=b"[" * 100_000), "is not a feed", None),
        (Reply(body=b'{"a":' * 100_000), "the JSON is broken", None),
        (Reply(headers={"Content-Encoding": "gzip"}, body=b"<rss/>"), "not the gzip", None),
        (Reply(headers={"Content-Length": "9"}, body=b"<rss>"), "without sending complete", None),
        (Reply(raw=[b"garbage\r\n\r\n"]), "", None),
        (Reply(raw=[]), "", None),
        (Reply(302, headers={"Location": "/feed"}), "redirects in a loop", None),
        (Reply(302, headers={"Location": "ftp://example.com/"}), "only http:// and https://", None),
        (Reply(302), "answered 302", None),
    ],
)
def test_answers_that_are_errors(
    server: LoopbackServer, source: Callable[..., Rss], reply: Reply, reason: str, retry: float | None
) -> None:
    server.routes["/feed"] = reply
    error = check_failing_source(source())
    assert reason in str(error)
    assert server.url("/feed") in str(error)
    assert error.retry_after == retry


def test_retry_after_as_a_date_counts_from_the_servers_clock(
    server: LoopbackServer, source: Callable[..., Rss]
) -> None:
    head = b"HTTP/1.1 429 Slow\r\nDate: Mon, 23 Nov 2026 12:00:00 GMT\r\nContent-Length: 0\r\n"
    server.routes["/feed"] = Reply(raw=[head + b"Retry-After: Mon, 23 Nov 2026 12:10:00 GMT\r\n\r\n"])
    assert check_failing_source(source()).retry_after == 600.0


def test_an_html_page_names_its_feed(server: LoopbackServer, source: Callable[..., Rss]) -> None:
    page = b'<html><head><link href="/news.xml" rel=alternate type="application/rss+xml"></head></html>'
    server.routes["/feed"] = Reply(body=page, headers={"Content-Type": "text/html"})
    assert str(check_failing_source(source())).endswith(f"it names this feed: {server.url('/news.xml')}")


def test_large_answers_and_gzip_bombs_are_refused(server: LoopbackServer, source: Callable[..., Rss]) -> None:
    server.routes["/feed"] = Reply(body=server.drip(b"<rss>", b" " * 65536, every=0))
    assert "larger than" in str(check_failing_source(source(max_bytes=2**20)))
    bomb = gzip.compress(b"<rss>" + b" " * 50_000_000)
    server.routes["/feed"] = Reply(body=bomb, headers={"Content-Encoding": "gzip"})
    assert "larger than" in str(check_failing_source(source(max_bytes=2**20)))


def test_slow_servers_are_left(server: LoopbackServer, source: Callable[..., Rss]) -> None:
    server.routes["/feed"] = Reply(body=server.drip(b"<rss>", b" "))
    assert "took longer than 0.2 s" in str(check_failing_source(source(timeout=0.2)))
    server.routes["/feed"] = Reply(raw=server.stall(b""))
    assert "took longer than 0.1 s" in str(check_failing_source(source(timeout=0.1)))


def test_private_addresses_are_refused_unless_allowed(
    server: LoopbackServer, source: Callable[..., Rss], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.routes["/feed"] = Reply(302, headers={"Location": f"http://127.0.0.2:{server.port}/secret"})
    assert "allow_private" in str(check_failing_source(source(allow_private=False)))
    assert server.requests == []
    monkeypatch.setattr(http_transport, "is_public", lambda address: address == "127.0.0.1")
    error = check_failing_source(source(allow_private=False))
    assert "private address 127.0.0.2" in str(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize("url", ["file:///etc/passwd", "feed://example.com", "", "example.com"])
def test_urls_that_are_none(source: Callable[..., Rss], url: str) -> None:
    with pytest.raises(ValidationError, match="must begin with http"):
        source(url=url)


# What is a feed all the same


@pytest.mark.parametrize(
    "kind", ["", "text/html", "text/plain", "application/octet-stream", "nonsense", "application/json"]
)
def test_the_content_type_does_not_matter(
    server: LoopbackServer, source: Callable[..., Rss], kind: str
) -> None:
    server.routes["/feed"] = Reply(body=feed(item(1)), headers={"Content-Type": kind})
    documents, bad, _ = read(source())
    assert (len(documents), bad) == (1, [])


def test_gzip_redirects_and_relative_links(server: LoopbackServer, source: Callable[..., Rss]) -> None:
    body = feed("<item><link>a/1</link><title>One</title></item>")
    server.routes["/feed"] = Reply(301, headers={"Location": "/new/feed.xml"})
    server.routes["/new/feed.xml"] = Reply(body=gzip.compress(body), headers={"Content-Encoding": "gzip"})
    [document], _, _ = read(source())
    assert document.url == server.url("/new/a/1")
    assert document.external_id == "a/1"  # wherever the feed is served from


@pytest.mark.parametrize(
    "body",
    [
        b"<rss/>",
        b'<rss version="2.0"><channel><title>Nothing yet</title></channel></rss>',
        b'<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title></feed>',
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"/>',
        b'{"version": "https://jsonfeed.org/version/1.1", "items": []}',
        b'{"version": "https://jsonfeed.org/version/1.1", "items": null}',
        b'{"version": "https://jsonfeed.org/version/1.1"}',
    ],
)
def test_an_empty_feed_is_no_error(server: LoopbackServer, source: Callable[..., Rss], body: bytes) -> None:
    server.routes["/feed"] = Reply(body=body, headers={"ETag": '"v1"'})
    documents, bad, cursor = read(source())
    assert (documents, bad, cursor["etag"]) == ([], [], '"v1"')


def test_bad_entries_are_told_once(server: LoopbackServer, source: Callable[..., Rss]) -> None:
    first = "<item><guid>e1</guid><enclosure url='http://example.com/a.mp3'/></item>"
    server.routes["/feed"] = Reply(body=feed(item(1), first))
    documents, bad, cursor = read(source())
    assert len(documents) == 1
    assert [(r.reason, r.place) for r in bad] == [("has neither title nor text", "entry 2")]
    assert "a.mp3" in bad[0].raw
    second = "<item><guid>e2</guid></item>"
    server.routes["/feed"] = Reply(body=feed(item(2), second, item(1), first))
    documents, bad, cursor = read(source(), cursor)
    assert (len(documents), [r.place for r in bad]) == (2, ["entry 2"])
    assert read(source(), cursor)[1] == []


def test_broken_xml_is_read_as_far_as_it_goes(server: LoopbackServer, source: Callable[..., Rss]) -> None:
    broken = feed("<item><title>Fish & chips</title></item>", item(2)).replace(b"</channel></rss>", b"")
    server.routes["/feed"] = Reply(body=broken)
    documents, [fault], cursor = read(source())
    assert [d.title for d in documents] == ["Title 2", "Fish & chips"]
    assert (fault.place, fault.reason) == ("feed", "the XML is broken, and was read as far as it goes")
    assert fault.raw.startswith("line 1: ")
    assert read(source(), cursor)[1] == []


def test_dates_in_the_future_are_passed_on(server: LoopbackServer, source: Callable[..., Rss]) -> None:
    late = "<item><title>x</title><pubDate>Fri, 01 Jan 2100 10:00:00 GMT</pubDate></item>"
    server.routes["/feed"] = Reply(body=feed(late))
    [document], _, _ = read(source())
    assert document.published_at == datetime(2100, 1, 1, 10, tzinfo=UTC)


def test_a_bug_of_the_parser_is_one_line(
    server: LoopbackServer, source: Callable[..., Rss], monkeypatch: pytest.MonkeyPatch
) -> None:
    from monitor_plugins import _feed_xml

    def fail(body: str) -> None:
        raise KeyError("two\nlines")

    monkeypatch.setattr(_feed_xml, "read", fail)
    server.routes["/feed"] = Reply(body=feed(item(1)))
    with pytest.raises(SourceError, match=r"cannot be parsed \(KeyError") as caught:
        read(source())
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value.__cause__.__cause__, KeyError)  # type: ignore[union-attr]


def test_articles_that_change_their_guids_and_links_are_known(
    server: LoopbackServer, source: Callable[..., Rss]
) -> None:
    def items(scheme: str, poll: int) -> list[str]:
        return [
            f"<item><guid>{scheme}-{n}-{poll}</guid><link>{scheme}://x/{n}</link><title>Story {n}</title></item>"
            for n in range(3)
        ]

    rss, cursor, seen = source(), {}, set()
    for poll, scheme in enumerate(["http", "http", "https", "https"]):
        server.routes["/feed"] = Reply(body=feed(*items(scheme, poll)), headers=RSS)
        documents, _, cursor = read(rss, cursor)
        seen |= {d.external_id for d in documents}
    assert len(seen) == 3
    assert documents[0].url.startswith("https://")


@pytest.mark.parametrize("end", [0.3, 0.5, 0.9, 0.99])
def test_the_rest_of_a_feed_that_ended_in_the_middle_is_asked_for(
    server: LoopbackServer, source: Callable[..., Rss], end: float
) -> None:
    items = [f"<item><title>Title {n}</title><guid>g{n}</guid></item>" for n in range(6)]
    whole = feed(*items)

    def answer(seen: Seen) -> Reply:
        if seen.headers.get("if-none-match"):
            return Reply(304)
        body = whole[: int(len(whole) * end)] if len(server.requests) == 1 else whole
        # closed, as HTTP/1.0 says where a body ends
        return Reply(raw=[b'HTTP/1.1 200 OK\r\nETag: "v1"\r\nConnection: close\r\n\r\n', body])

    server.routes["/feed"] = answer
    rss = source()
    first, bad, cursor = read(rss)
    assert [fault.place for fault in bad] == ["feed"]
    assert "etag" not in cursor
    assert "ended in the middle" in rss.notes(cursor)[0]
    second, _, cursor = read(rss, cursor)
    assert {d.external_id for d in [*first, *second]} == {f"g{n}" for n in range(6)}, (
        "nor is there half a one"
    )
    assert rss.notes(cursor) == []
    assert read(rss, cursor)[0] == [], "not modified"


def test_a_broken_feed_that_was_read_to_its_end_is_whole(
    server: LoopbackServer, source: Callable[..., Rss]
) -> None:
    body = feed(item(1, "Q & A")) + b"<!-- made by a program"
    server.routes["/feed"] = Reply(body=body, headers={**RSS, "ETag": '"1"'})
    rss = source()
    _, bad, cursor = read(rss)
    assert len(bad) == 1
    assert cursor["etag"] == '"1"'
    assert rss.notes(cursor) == []


def dated(*dates: str) -> bytes:
    return feed(
        *(f"<item><guid>{n}</guid><title>T</title><pubDate>{d}</pubDate></item>" for n, d in enumerate(dates))
    )


@pytest.mark.parametrize("zone", ["GMT", "-0500", "+0900"])
def test_a_feed_that_dates_all_at_midnight_says_days(
    server: LoopbackServer, source: Callable[..., Rss], zone: str
) -> None:
    """What is of today counts when it is read, as a date without a time does; what is older, on its day."""
    today, old = f"{NOW:%a, %d %b %Y} 00:00:00 {zone}", f"Fri, 02 Jan 2026 00:00 {zone}"
    server.routes["/feed"] = Reply(body=dated(today, old), headers=RSS)
    by_id = {d.external_id: d.published_at for d in read(source())[0]}
    assert by_id["0"] is None
    assert by_id["1"] is not None
    # one that does say a time shows that the others mean it
    server.routes["/feed"] = Reply(body=dated(today, old, f"Fri, 02 Jan 2026 09:12:00 {zone}"), headers=RSS)
    assert None not in [d.published_at for d in read(source())[0]]


def test_midnights_of_a_json_feed(server: LoopbackServer, source: Callable[..., Rss]) -> None:
    items = [{"id": 1, "title": "T", "date_published": f"{NOW:%Y-%m-%d}T00:00:00+02:00"}]
    body = json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": items}).encode()
    server.routes["/feed"] = Reply(body=body)
    assert [d.published_at for d in read(source())[0]] == [None]


def test_an_entry_without_words_whose_date_changes_is_bad_once(
    server: LoopbackServer, source: Callable[..., Rss]
) -> None:
    rss, cursor, told = source(), {}, 0
    for day in range(1, 4):
        empty = f"<item><guid>x</guid><pubDate>{day:02d} Mar 2026 10:00:00 GMT</pubDate></item>"
        server.routes["/feed"] = Reply(body=feed(item(1), empty), headers=RSS)
        _, bad, cursor = read(rss, cursor)
        told += len(bad)
    assert told == 1
