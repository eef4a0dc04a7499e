"""What the formats say, and what publishers make of them: texts, dates, links, encodings."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from monitor_plugins._feed_dates import at_midnight, has_time
from monitor_plugins._feed_entries import Entry, NotAFeed, Parsed, parse
from monitor_plugins._feed_text import MAX_CHARACTERS, plain_to_text, tidy, to_text

URL = "https://example.com/news/feed.xml"


def read(body: str | bytes, content_type: str = "application/xml") -> Parsed:
    return parse(body.encode() if isinstance(body, str) else body, content_type, URL)


def one(body: str | bytes, content_type: str = "application/xml") -> Entry:
    parsed = read(body, content_type)
    assert parsed.faults == []
    [entry] = parsed.entries
    return entry


def rss(inner: str, attributes: str = "") -> str:
    return f'<rss version="2.0" {attributes}><channel><title>N</title><item>{inner}</item></channel></rss>'


def atom(inner: str, attributes: str = "") -> str:
    return f'<feed xmlns="http://www.w3.org/2005/Atom" {attributes}><entry>{inner}</entry></feed>'


def json_feed(*items: Any, **more: Any) -> str:
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "N", "items": items} | more)


# Formats

DATE = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
EXPECTED = Entry("", "https://example.com/1", "https://example.com/1", "Profit falls", "By a tenth.", DATE)
RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'


@pytest.mark.parametrize(
    ("body", "guid", "published"),
    [
        (
            "<!DOCTYPE rss PUBLIC '-//Netscape Communications//DTD RSS 0.91//EN' "
            "'http://my.netscape.com/publish/formats/rss-0.91.dtd'>\n<rss version='0.91'><channel><title>N</title>"
            "<item><title>Profit falls</title><link>https://example.com/1</link>"
            "<description>By a tenth.</description></item></channel></rss>",
            "",
            None,
        ),
        (
            "<rss version='0.92'><channel><item><title>Profit falls</title><link>https://example.com/1</link>"
            "<description>By a tenth.</description><enclosure url='https://example.com/a.mp3' length='1' "
            "type='audio/mpeg'/></item></channel></rss>",
            "",
            None,
        ),
        (
            f"<rdf:RDF {RDF} xmlns='http://my.netscape.com/rdf/simple/0.9/'><channel><title>N</title></channel>"
            "<item><title>Profit falls</title><link>https://example.com/1</link>"
            "<description>By a tenth.</description></item></rdf:RDF>",
            "",
            None,
        ),
        (
            f"<rdf:RDF {RDF} xmlns='http://purl.org/rss/1.0/' xmlns:dc='http://purl.org/dc/elements/1.1/'>"
            "<channel rdf:about='https://example.com/'><title>N</title></channel>"
            "<item rdf:about='https://example.com/about'><title>Profit falls</title>"
            "<link>https://example.com/1</link><description>By a tenth.</description>"
            "<dc:date>2026-03-02T09:30:00+01:00</dc:date></item></rdf:RDF>",
            "https://example.com/about",
            DATE,
        ),
        (
            rss(
                "<title>Profit falls</title><link>https://example.com/1</link><guid isPermaLink='false'>7</guid>"
                "<description>By a tenth.</description><pubDate>Mon, 02 Mar 2026 03:30:00 EST</pubDate>"
            ),
            "7",
            DATE,
        ),
        (
            "<feed version='0.3' xmlns='http://purl.org/atom/ns#'><entry><title>Profit falls</title>"
            "<link rel='alternate' type='text/html' href='https://example.com/1'/><id>tag:x,2026:1</id>"
            "<issued>2026-03-02T08:30:00Z</issued><modified>2026-03-02T09:00:00Z</modified>"
            "<summary>By a tenth.</summary></entry></feed>",
            "tag:x,2026:1",
            DATE,
        ),
        (
            atom(
                "<title>Profit falls</title><link rel='self' href='https://example.com/self'/>"
                "<link href='https://example.com/1'/><id>urn:1</id><updated>2026-03-02T08:30:00Z</updated>"
                "<content type='html'>&lt;p>By a &lt;b>tenth&lt;/b>.</content><summary>By.</summary>"
            ),
            "urn:1",
            DATE,
        ),
        (
            json_feed(
                {
                    "id": 7,
                    "title": "Profit falls",
                    "url": "https://example.com/1",
                    "content_html": "<p>By a tenth.</p>",
                    "date_published": "2026-03-02T09:30:00+01:00",
                }
            ),
            "7",
            DATE,
        ),
    ],
    ids=["0.91", "0.92", "0.90", "1.0", "2.0", "Atom 0.3", "Atom 1.0", "JSON Feed"],
)
def test_every_format(body: str, guid: str, published: datetime | None) -> None:
    found = one(body)
    assert found == Entry(guid, *list(vars(EXPECTED).values())[1:5], published)


def test_the_longest_text_is_the_text() -> None:
    namespace = (
        'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:media="http://search.yahoo.com/mrss/"'
    )
    full = "<content:encoded><![CDATA[<p>All of <em>it</em>, and more.</p>]]></content:encoded>"
    assert one(rss(f"<description>All.</description>{full}", namespace)).text == "All of it, and more."
    frame = f"<content:encoded><![CDATA[<iframe src='{'x' * 500}'></iframe>]]></content:encoded>"
    assert one(rss(f"<title>T</title><description>All.</description>{frame}", namespace)).text == "All."
    media = "<media:title>Film</media:title><media:description>A long one.</media:description>"
    video = one(atom(f"<media:group>{media}</media:group>", 'xmlns:media="http://search.yahoo.com/mrss/"'))
    assert (video.title, video.text) == ("Film", "A long one.")


def test_an_enclosure_with_a_title_is_enough() -> None:
    found = one(rss("<title>Episode 1</title><enclosure url='https://example.com/a.mp3' type='audio/mpeg'/>"))
    assert (found.title, found.text) == ("Episode 1", "")


def test_types_of_content_in_atom() -> None:
    def text(inner: str) -> str:
        return one(atom(f"<title>T</title>{inner}")).text

    assert text('<content type="text">a &lt;b and c</content>') == "a <b and c"
    assert (
        text('<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>a</p>b</div></content>')
        == "a\nb"
    )
    assert text("<summary>&lt;p>undeclared &lt;b>HTML&lt;/b>&lt;/p></summary>") == "undeclared HTML"
    assert text(f'<content type="image/png">{"iVBORw0KGgo" * 20}</content>') == ""
    assert text('<content type="text/plain" src="https://example.com/x"/>') == ""


def test_titles_with_markup() -> None:
    assert (
        one(rss("<title>AT&amp;amp;T &lt;i&gt;falls&lt;/i&gt;\n again</title>")).title == "AT&T falls again"
    )
    assert one(rss("<title><![CDATA[Fish &#38; chips]]></title>")).title == "Fish & chips"
    assert one(rss("<title>3 &lt; 4</title>")).title == "3 < 4"


# Text out of HTML


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>Fish &amp; chips</p><p>are <b>back</b></p>", "Fish & chips\nare back"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<ul><li>a<li>b</ul>", "a\nb"),
        ("<tr><td>1</td><td>2</td></tr>", "1 2"),
        ("a<script>var x = '<p>no</p>';</script>b<STYLE>p{}</STYLE >c", "abc"),
        ("a<script>never closed", "anever closed"),
        ("a<svg/>b", "ab"),
        ("a<!-- <p>no</p> -->b<!DOCTYPE x>c<?php no ?>d", "abcd"),
        ("a<!-- never closed", "a never closed"),
        ("<![CDATA[in & out]]>", "in & out"),
        ('<img alt="a > b" src=x>c', "c"),
        ('<a href="never closed>text</a> more', "text more"),
        ("if a < b and c > d", "if a < b and c > d"),
        (
            "I <3 you, <me@example.com>, <http://example.com>",
            "I <3 you, <me@example.com>, <http://example.com>",
        ),
        ("cut in the <a href=", "cut in the"),
        ("&#x1F4C9; &eacute;&nbsp;&unknown; &#0; &#99999999999999999999;", "📉 é &unknown; \ufffd \ufffd"),
        ("soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"),
        ("שלום <b>עולם</b> 👩\u200d🚒", "שלום עולם 👩\u200d🚒"),
        ("bell\x07 nul\x00 lone\ud800", "bell nul lone\ufffd"),
        ("", ""),
    ],
)
def test_to_text(markup: str, text: str) -> None:
    assert to_text(markup) == text


def test_plain_text_that_is_not() -> None:
    assert plain_to_text("<p>really HTML</p>") == "really HTML"
    assert plain_to_text("List<String> and <Enter>") == "List<String> and <Enter>"
    assert plain_to_text("it&#8217;s") == "it’s"


def test_long_texts_are_cut() -> None:
    assert len(tidy("word " * 10**6)) == MAX_CHARACTERS - 1
    assert len(to_text("<p>word</p>" * 10**6)) <= MAX_CHARACTERS
    assert len(to_text("&#" + "9" * 10_000 + ";")) == 1


# Dates


@pytest.mark.parametrize(
    ("written", "published"),
    [
        ("Mon, 02 Mar 2026 09:30:00 +0100", DATE),
        ("Mon, 2 Mar 2026 08:30 GMT", DATE),
        ("02 Mar 26 08:30:00 Z", DATE),
        ("2026-03-02T08:30:00Z", DATE),
        ("2026-03-02 08:30:00", DATE),
        ("Mon, 02 Mar 2026", None),
        ("2026-03-02", None),
        ("2026-03", None),
        ("yesterday", None),
        ("", None),
        ("Mon, 99 Foo 2026 08:30:00 GMT", None),
        ("Mon, 02 Mar 2026 09:30:00 CET", DATE),
        ("Mon, 02 Mar 2026 10:30:00 CEST", DATE),
        ("Mon, 02 Mar 2026 03:30 EST", DATE),
        ("20260302T083000Z", DATE),
        ("Mon, 02 Mar 2026 8:30:00 PM GMT", None),
        ("2026/03/02 08:30", DATE),
        ("2026/3/2 8:30:00", DATE),
        ("2026年3月2日 08:30", DATE),
        ("2026年03月02日 16:30:00 +0800", DATE),
        ("2026.03.02 09:30 CET", DATE),
        ("2026-03-02 09:30:00 CET", DATE),
        ("2026-03-02 09:30:00 +01:00", DATE),
        ("2026/03/02 08:30 XYZ", None),
        ("2026/03/02", None),
        ("2026年3月2日", None),
        ("2026. 03. 02. 08:30", DATE),
        ("2026-03-02T03:30:00 EST", DATE),
        ("Sun, 01 Mar 2026 22:30:00 HST", DATE),
        ("Mon, 02 Mar 2026 9:30:00 cet", DATE),
        ("Mon Mar 02 2026 09:30:00 GMT+0100 (Central European Standard Time)", DATE),
        # of which feedparser reads the day alone, or another one, or leaves the zone out
        ("2026-03-02 at 08:30", None),
        ("2026-03-02, 08:30", None),
        ("2026 Mar 02 08:30", None),
        ("2026년 3월 2일 08:30", None),
        ("02-03-2026 08:30", None),
        ("Mon, 02 Mar 2026 03:30:00 UTC-5", None),
        ("2026-03-02T03:30:00-5", None),
    ],
)
def test_dates(written: str, published: datetime | None) -> None:
    assert one(rss(f"<title>T</title><pubDate>{written}</pubDate>")).published_at == published


@pytest.mark.parametrize(
    "written",
    [
        "Mon, 01 Jan 0001 00:00:00 +1400",
        "Mon, 01 Jan 0001 00:00:00 GMT",
        "0001-01-01T00:00:00Z",
        "Wed, 30 Nov -0001 00:00:00 +0000",
        "Mon, 02 Mar 126 09:30:00 GMT",
        "1970-01-01T00:00:00Z",
        "Thu, 01 Jan 1970 00:00:00 +0000",
    ],
)
def test_a_date_before_there_were_feeds_is_none(written: str) -> None:
    assert one(rss(f"<title>T</title><pubDate>{written}</pubDate>")).published_at is None
    assert one(atom(f"<title>T</title><updated>{written}</updated>")).published_at is None
    assert one(json_feed({"title": "T", "date_published": written})).published_at is None


def test_the_next_date_where_one_cannot_be_read() -> None:
    inner = "<title>T</title><published>soon</published><updated>2026-03-02T08:30:00Z</updated>"
    assert one(atom(inner)).published_at == DATE
    items = {"title": "T", "date_published": 3, "date_modified": "Mon, 02 Mar 2026 08:30:00 GMT"}
    assert one(json_feed(items)).published_at == DATE


@pytest.mark.parametrize(
    "written", ["0001-01-01T00:00:00+23:59", "2026-13-01T00:00:00Z", "T10:00", "2026-03-02", None, []]
)
def test_dates_of_json_feed_that_are_none(written: Any) -> None:
    assert one(json_feed({"title": "T", "date_published": written})).published_at is None


def test_has_time() -> None:
    assert has_time("Mon, 02 Mar 2026 9:30 GMT")
    assert has_time("20260302T0930Z")
    assert not has_time("Mon, 02 Mar 2026")


# Links


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("/1", "https://example.com/1"),
        ("1?a=b&amp;c=d#e", "https://example.com/news/1?a=b&c=d#e"),
        ("//other.example/1", "https://other.example/1"),
        ("\n https://example.com/1 \n", "https://example.com/1"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("http://[bad/", ""),
        ("", ""),
    ],
)
def test_links(link: str, url: str) -> None:
    assert one(rss(f"<title>T</title><link>{link}</link>")).url == url


def test_a_guid_is_a_link_only_if_it_looks_like_one() -> None:
    assert one(rss("<title>T</title><guid>https://example.com/1</guid>")).url == "https://example.com/1"
    assert one(rss("<title>T</title><guid>17</guid>")).url == ""
    based = atom("<title>T</title><link href='1'/>", 'xml:base="https://other.example/a/"')
    assert one(based).url == "https://other.example/a/1"


# JSON Feed


def test_oddities_of_json_feed() -> None:
    parsed = read(
        json_feed(
            {"id": 1.5, "title": None, "content_text": "3 < 4 & 5", "content_html": None, "url": None},
            {"id": True, "title": "<b>T</b>", "external_url": "/x", "summary": "S"},
            "not an object",
            None,
            {"id": "only an id", "title": ["no"], "content_text": {"no": 1}},
            {"title": 42},
        ),
        "text/html",
    )
    assert [(e.guid, e.title, e.text, e.url) for e in parsed.entries] == [
        ("1.5", "", "3 < 4 & 5", ""),
        ("", "T", "S", "https://example.com/x"),
        ("", "42", "", ""),
    ]
    assert [(f.place, f.reason) for f in parsed.faults] == [
        ("entry 3", "is not an object"),
        ("entry 4", "is not an object"),
        ("entry 5", "has neither title nor text"),
    ]


def test_lone_surrogates_do_not_come_through() -> None:
    found = one(
        '{"version": "https://jsonfeed.org/version/1", "items": [{"id": "\\ud800", "title": "a\\udfff"}]}'
    )
    assert (found.guid, found.title) == ("\ufffd", "a\ufffd")


def test_a_json_feed_with_a_byte_order_mark() -> None:
    assert one(b"\xef\xbb\xbf \n" + json_feed({"title": "é"}).encode()).title == "é"


# Encodings

TITLE = "Größe – 利润 Ωμέγα"


def declared(encoding: str, title: str = TITLE) -> str:
    return f'<?xml version="1.0" encoding="{encoding}"?>' + rss(f"<title>{title}</title>")


@pytest.mark.parametrize(
    ("body", "content_type", "title"),
    [
        (declared("utf-8").encode(), "application/xml", TITLE),
        (declared("utf-8").encode(), "text/xml", TITLE),
        (declared("utf-8").encode(), "text/xml; charset=iso-8859-1", TITLE),  # the server is wrong
        (declared("iso-8859-1").encode(), "application/xml", TITLE),  # the document is
        (declared("nonsense").encode(), "application/xml; charset=nonsense", TITLE),
        (rss(f"<title>{TITLE}</title>").encode(), "", TITLE),
        (b"\xef\xbb\xbf" + declared("utf-8").encode(), "application/xml", TITLE),
        (b"\n\n  " + declared("utf-8").encode(), "application/xml", TITLE),
        (declared("utf-16").encode("utf-16"), "application/xml", TITLE),
        (declared("utf-16").encode("utf-16-be"), "application/xml", TITLE),
        (declared("utf-16").encode("utf-16-le"), "application/xml; charset=utf-8", TITLE),
        (declared("utf-32").encode("utf-32"), "application/xml", TITLE),
        (declared("utf-32").encode("utf-32-be"), "application/xml", TITLE),
        (declared("iso-8859-1", "Größe").encode("latin-1"), "application/xml", "Größe"),
        (declared("utf-8", "Größe “x”").encode("cp1252"), "application/xml", "Größe “x”"),  # it is not
        (rss("<title>Größe</title>").encode("latin-1"), "text/xml", "Größe"),
        (declared("windows-1251", "Прибыль").encode("cp1251"), "text/xml; charset=iso-8859-1", "Прибыль"),
        (declared("utf-8", "Прибыль").encode("koi8-r"), "text/xml; charset=koi8-r", "Прибыль"),
        (declared("gb2312", "利润镕").encode("gb18030"), "application/xml", "利润镕"),
        (declared("Shift_JIS", "利益①").encode("cp932"), "application/xml", "利益①"),
        (declared("big5", "利潤").encode("big5"), "application/xml", "利潤"),
        (declared("euc-kr", "이익").encode("euc-kr"), "application/xml", "이익"),
        (declared("iso-2022-jp", "利益").encode("iso-2022-jp"), "application/xml", "利益"),
        (declared("cp037", "Größe").encode("cp037"), "application/xml", "Größe"),
        (declared("cp500", "[Größe]").encode("cp500"), "application/xml", "[Größe]"),
        (declared("unicode_escape", "Größe \\u0041").encode(), "application/xml", "Größe \\u0041"),
        (declared("base64", "Größe").encode(), "application/xml; charset=zip", "Größe"),
    ],
)
def test_encodings(body: bytes, content_type: str, title: str) -> None:
    assert one(body, content_type).title == title


def test_a_few_wrong_bytes_do_not_spoil_the_rest() -> None:
    body = rss(f"<title>{TITLE}</title><description>cut \xff here</description>").encode()
    parsed = read(body.replace("\xff".encode(), b"\xe2\x80"))
    assert (parsed.entries[0].title, parsed.entries[0].text) == (TITLE, "cut \ufffd here")
    assert [(f.place, f.reason) for f in parsed.faults] == [
        ("feed", "some bytes are not utf-8, and were replaced")
    ]


def test_characters_that_xml_forbids() -> None:
    found = one(rss("<title>a\x00b\x0bc&#1;d&#xD800;e&#x110000;f&#99999999999999;g</title>"))
    assert found.title == "a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf\ufffdg"


# Prolog and entities


def test_entities_of_html_and_of_the_document() -> None:
    body = "<!DOCTYPE rss [\n<!ELEMENT x ANY>\n<!ENTITY co 'Firm &#38; Sons'>\n]>" + rss(
        "<title>&co;&nbsp;&uuml;ber</title>"
    )
    assert one(body).title == "Firm & Sons über"
    assert one("<!-- <rss> --><?xml-stylesheet href='x'?>" + body).title == "Firm & Sons über"


@pytest.mark.parametrize("count", [110_000])
def test_many_ordinary_references_are_no_bomb(count: int) -> None:
    assert one(rss(f"<title>T</title><description>{'&amp;amp; ' * count}</description>")).text.startswith(
        "& & &"
    )


def test_entity_bombs_are_refused() -> None:
    nested = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 9))
    laughs = f'<!DOCTYPE rss [<!ENTITY e0 "ha">{nested}]>' + rss("<title>&e8;</title>")
    flat = f'<!DOCTYPE rss [<!ENTITY e "{"x" * 100_000}">]>' + rss(
        f"<title>T</title><description>{'&e;' * 100}</description>"
    )
    for bomb in (laughs, flat):
        with pytest.raises(NotAFeed, match="entity bomb"):
            read(bomb)


def test_external_entities_are_not_read() -> None:
    body = "<!DOCTYPE rss [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>" + rss("<title>T &x;</title>")
    [entry] = read(body).entries
    assert "root" not in entry.title


@pytest.mark.parametrize(
    ("written", "midnight"),
    [
        ("Mon, 02 Mar 2026 00:00:00 GMT", True),
        ("Mon, 02 Mar 2026 00:00 +0100", True),
        ("Mon, 02 Mar 2026 0:00:00 EST", True),
        ("2026-03-02T00:00:00Z", True),
        ("2026-03-02T00:00:00.000-05:00", True),
        ("2026-03-02 00:00:00", True),
        ("20260302T000000Z", True),
        ("2026-03-02T09:00:00+00:00", False),
        ("2026-03-02T00:00:01Z", False),
        ("2026-03-02T00:10:00Z", False),
        ("Mon, 02 Mar 2026 10:00:00 GMT", False),
        ("2026-03-02", False),
    ],
)
def test_dates_that_are_written_as_midnight(written: str, midnight: bool) -> None:
    assert at_midnight(written) is midnight


def test_ampersands_that_begin_no_reference() -> None:
    bare = one(
        rss(
            "<title>AT&T &amp; R&D &nbsp;up & away &foo; <!-- a & b --></title>"
            "<link>https://example.com/?id=1&lang=en&copy=2&sect</link>"
            "<description><![CDATA[<a href='?a&b'>Profit & loss</a>]]></description>"
        )
    )
    assert bare.title == "AT&T & R&D up & away &foo;"
    assert bare.link == bare.url == "https://example.com/?id=1&lang=en&copy=2&sect"
    assert bare.text == "Profit & loss"
    [inside] = read(
        rss("<link><![CDATA[https://example.com/?id=1&lang=en]]></link><title>A&B</title>")
    ).entries
    assert inside.link == "https://example.com/?id=1&lang=en"
    attribute = one(atom("<id>1</id><title>A</title><link href='https://example.com/?id=1&lang=en'/>"))
    assert attribute.url == "https://example.com/?id=1&lang=en"
