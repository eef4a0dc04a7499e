"""Feeds nobody should send: nothing but entries or one clear line comes of them, and soon."""

from __future__ import annotations

import json

import numpy as np
import pytest

from monitor_plugins._feed_entries import NotAFeed, parse

N = 60_000
CHANNEL = '<rss version="2.0"><channel><item><title>T</title>'

SEEDS = [
    '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE rss [<!ENTITY e "x">]>\n<rss version="2.0" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>N</title><item><title>A &amp; é &e;'
    "</title><link>http://example.com/a?b=1&amp;c=2</link><guid isPermaLink='false'>0</guid><pubDate>Mon, 02 Mar "
    "2026 09:30:00 +0100</pubDate><content:encoded><![CDATA[<p>x <a href='/y'>y</a> &nbsp;</p>]]>"
    "</content:encoded></item></channel></rss>",
    '<feed xmlns="http://www.w3.org/2005/Atom" xml:base="http://example.com/"><entry><id>urn:1</id><title type='
    '"html">A &lt;b>b&lt;/b></title><updated>2026-03-02T08:30:00Z</updated><content type="xhtml"><div xmlns='
    '"http://www.w3.org/1999/xhtml"><p>x</p></div></content><author><name>N</name></author></entry></feed>',
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"><item '
    'rdf:about="http://example.com/1"><title>A</title><description>&lt;p&gt;x</description></item></rdf:RDF>',
    json.dumps(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "items": [
                {"id": 1, "title": "A", "content_html": "<p>é</p>", "date_published": "2026-03-02T08:30:00Z"}
            ],
        }
    ),
]
SPLINTERS = [
    b"<", b">", b"&", b"&#", b"&#xD800;", b"&#99999999999;", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"]]>", b'"', b"'",
    b"<![CDATA[", b"<!--", b"-->", b"<?", b"<!DOCTYPE", b"<!ENTITY x '&x;'>", b"</item>", b"<item>", b"xmlns:a='b c'",
    b"a:b", b"</", b"/>", b"\xe9", b"\xe2\x80", b"{", b"}", b"[", b"null", b"1e999", b"\\ud800", b"2026-99-99T99:99Z",
    b"<title>", b"<guid/>", b"<svg>", b"<link rel='x'/>", b"<image>", b"<source>", b"<author>a@b", b"xml:base='http://['",
    b"type='image/png'", b"mode='base64'", b"xml:lang='x'", b"<pubDate>0", b"encoding='idna'", b"utf-16", b"</width>",
]  # fmt: skip


def mutate(seed: bytes, rng: np.random.Generator) -> bytes:
    """A few pieces cut out, doubled, moved, overwritten or put in."""
    body = seed
    for _ in range(rng.integers(1, 5)):
        a, b = sorted(rng.integers(0, len(body) + 1, size=2))
        b = min(b, a + int(rng.integers(1, 60)))
        splinter = SPLINTERS[rng.integers(len(SPLINTERS))]
        body = [
            body[:a] + body[b:],
            body[:b] + body[a:],
            body[:a] + splinter + body[a:],
            body[:a] + splinter + body[b:],
            body[:a] + rng.bytes(b - a) + body[b:],
            body[:a],
        ][rng.choice(6, p=[0.2, 0.15, 0.3, 0.2, 0.1, 0.05])] or b"<"
    return body


def test_mutated_feeds() -> None:
    """Only entries and one-line faults come out, and texts that can be stored."""
    rng = np.random.default_rng(20260302)
    read = 0
    refused = []
    for number in range(800):
        body = mutate(SEEDS[number % len(SEEDS)].encode(), rng)
        try:
            parsed = parse(body, "application/xml", "http://example.com/feed")
        except NotAFeed as error:
            refused.append(str(error))
            continue
        read += bool(parsed.entries)
        for entry in parsed.entries:
            assert entry.title or entry.text
            for text in (entry.guid, entry.link, entry.url, entry.title, entry.text):
                assert "\0" not in text.encode().decode()  # lone surrogates do not encode
            assert entry.published_at is None or entry.published_at.utcoffset() is not None
        for fault in parsed.faults:
            assert fault.reason.isprintable()
            assert fault.raw.encode().decode() == fault.raw
    assert all(message.isprintable() and 0 < len(message) < 400 for message in refused)
    assert not any("cannot be parsed" in message for message in refused)
    assert read > 300
    assert len(refused) > 30


@pytest.mark.parametrize("name", ["title_detail", "summary_detail", "content", "published_parsed", "links"])
@pytest.mark.parametrize("shape", ["<{}>abcdef</{}>", "<{} a='b'><!-- {} --></{}>"])
def test_elements_called_like_what_the_parser_keeps(name: str, shape: str) -> None:
    element = shape.format(name, name, name)
    date = "<pubDate>Mon, 02 Mar 2026 09:30:00 +0100</pubDate>"
    body = f"{CHANNEL}{date}{element}</item><item><title>U</title></item></channel></rss>"
    entries = parse(body.encode(), "application/xml", "http://example.com/feed").entries
    assert [entry.title for entry in entries] == ["T", "U"]


@pytest.mark.parametrize(
    "body",
    [
        "<rss><channel>" + "<item><title>T</title></item>" * 101 + "</channel></rss>",
        json.dumps({"version": "https://jsonfeed.org/version/1", "items": [{"title": "T"}] * 101}),
    ],
    ids=["rss", "json"],
)
def test_more_entries_than_any_feed_has(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor_plugins._feed_entries.MAX_ENTRIES", 100)
    parsed = parse(body.encode(), "", "http://example.com/feed")
    assert len(parsed.entries) == 100
    [fault] = parsed.faults
    assert fault.reason == "has 101 entries; the first 100 were read"


def described(text: str, times: int) -> str:
    return f"{CHANNEL}<description>{text * times}</description></item></channel></rss>"


def nested(depth: int) -> str:
    divs = "<div>" * depth + "x" + "</div>" * depth
    content = f'<content type="xhtml">{divs}</content>'
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>T</title>{content}</entry></feed>'


@pytest.mark.parametrize(
    "body",
    [
        f"{CHANNEL}<author>{'a' * N}</author></item></channel></rss>",
        f"{CHANNEL}{''.join(f'<category>{n}</category>' for n in range(N // 10))}</item></channel></rss>",
        described("&lt;br>", N),
        described("&lt;a ", N),
        described("&lt;!--", N),
        described("&lt;svg>", N),
        described('&lt;a "', N),
        nested(N // 4),
        '<?xml version="1.0"?>' + "\n" * (4 * N) + described("", 0),
        f"{CHANNEL}<description>{'< ' * N}",
        f"{CHANNEL}<x {' '.join(f'a{n}=``' for n in range(N))}/></item></channel></rss>".replace("`", "'"),
        f"{CHANNEL}{''.join(f'<x{n}:a xmlns:x{n}=`u{n}`/>' for n in range(N // 4))}</item></channel></rss>".replace(
            "`", "'"
        ),
    ],
    ids=[
        "author",
        "categories",
        "breaks",
        "tags",
        "comments",
        "svg",
        "quotes",
        "nested",
        "newlines",
        "broken",
        "attributes",
        "namespaces",
    ],
)
def test_sizes_that_make_careless_readers_slow(body: str) -> None:
    """Each took the square of its length: minutes. The suite would notice."""
    [entry] = parse(body.encode(), "application/xml", "http://example.com/feed").entries
    assert entry.title == "T"


@pytest.mark.parametrize(
    "strange",
    [
        "<image><width>wide</width><height/></image>",
        "<image><link/></image>",
        '<x:posList xmlns:x="http://www.opengis.net/gml">1 2</x:posList>',
        '<x:license xmlns:x="http://backend.userland.com/creativeCommonsRssModule"/>',
        '<x xmlns="a b c"/>',
        '<media:rating xmlns:media="http://search.yahoo.com/mrss/"/>',
        "<itunes:explicit/><undeclared:x/>",
        "<source><title/></source><enclosure/><category/><author/><pubDate/><guid/><link/>",
    ],
)
def test_strange_elements_do_not_cost_the_entry(strange: str) -> None:
    body = f"{CHANNEL}{strange}<description>text</description></item></channel></rss>"
    [entry] = parse(body.encode(), "application/xml", "http://example.com/feed").entries
    assert (entry.title, entry.text) == ("T", "text")
