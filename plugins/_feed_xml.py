"""RSS, RDF and Atom, read by feedparser's handlers."""

from __future__ import annotations

import contextlib
import io
import re
import xml.sax
import xml.sax.handler
import xml.sax.xmlreader
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from feedparser.api import LooseFeedParser, StrictFeedParser
from feedparser.util import FeedParserDict

_MAX_NAMESPACES = 200
_ENTRY = re.compile(r"(?i)<(/?)(?:\w{1,100}:)?(?:item|entry)(?=[\s>])")


@dataclass(frozen=True)
class Feed:
    """What feedparser made of a document: its version (``""``: unknown), entries, and what is wrong.

    ``whole``: its root element is closed; otherwise the rest was lost on the way. ``half``: so was a part of the
    last entry.
    """

    version: str
    entries: Sequence[dict[str, Any]]
    problem: str = ""
    whole: bool = True
    half: bool = False


_HANDLER_BUGS = (LookupError, OverflowError, TypeError, ValueError)
"""What the handlers raise at maps, licences, sizes of pictures and characters that are not as they should be.

None of those is read, so a strange one must not cost the feed.
"""


class _Lean:
    """Leaves out what no document needs and what takes time that grows with the square of the input.

    ``feedparser.parse`` gives no place to say so, so its handlers are run from here. It would also
    guess the encoding and rewrite the prolog, both of which is done already.
    """

    resolve_relative_uris = False  # addresses in the markup are not read
    sanitize_html = False  # nor is the markup, but for its words

    def _sync_author_detail(self, key: str = "author") -> None:
        """Names and e-mail addresses are not read."""

    def _add_tag(self, term: str, scheme: str, label: str) -> None:
        """Nor are categories; the handlers look for the last one."""
        self._get_context()["tags"] = [FeedParserDict(term=term, scheme=scheme, label=label)]  # type: ignore[attr-defined]

    def unknown_starttag(self, tag: str, attrs: Any) -> None:
        with contextlib.suppress(*_HANDLER_BUGS):
            super().unknown_starttag(tag, attrs)  # type: ignore[misc]

    def unknown_endtag(self, tag: str) -> None:
        with contextlib.suppress(*_HANDLER_BUGS):
            super().unknown_endtag(tag)  # type: ignore[misc]

    def handle_charref(self, ref: str) -> None:
        with contextlib.suppress(*_HANDLER_BUGS):
            super().handle_charref(ref)  # type: ignore[misc]

    def track_namespace(self, prefix: str | None, uri: str) -> None:
        """Up to so many as any feed has: for some elements, each one known is looked at."""
        if len(self.namespaces_in_use) < _MAX_NAMESPACES:  # type: ignore[attr-defined]
            super().track_namespace(prefix, uri)  # type: ignore[misc]

    def pop(self, element: str, strip_whitespace: int = 1) -> Any:
        stack = self.elementstack  # type: ignore[attr-defined]
        xhtml = self.contentparams.get("type") == "application/xhtml+xml"  # type: ignore[attr-defined]
        if xhtml and stack and stack[-1][0] == element:
            # A comment in front keeps it from unwrapping <div>s, each in time that grows with their depth.
            stack[-1][2].insert(0, "<!-- -->")
        return super().pop(element, strip_whitespace)  # type: ignore[misc]


class _Attributes:
    """The attributes of an element, each found by its name at once, where the SAX ones search for it."""

    def __init__(self, attributes: xml.sax.xmlreader.AttributesNSImpl) -> None:
        self._values = dict(attributes.items())
        self._named = {attributes.getQNameByName(name): value for name, value in self._values.items()}

    def items(self) -> Iterable[tuple[Any, str]]:
        return self._values.items()

    def getQNames(self) -> Iterable[str]:
        return self._named

    def getValueByQName(self, name: str) -> str:
        return self._named[name]


class _Strict(_Lean, StrictFeedParser):  # type: ignore[misc]
    def startElementNS(self, name: Any, qname: Any, attrs: xml.sax.xmlreader.AttributesNSImpl) -> None:
        super().startElementNS(name, qname, _Attributes(attrs))


class _Loose(_Lean, LooseFeedParser):  # type: ignore[misc]
    pass


def read(body: str) -> Feed:
    """Parse a document from its root element on: strictly, or where it is broken, as far as it goes."""
    strict = _Strict("", None, "utf-8")
    parser = xml.sax.make_parser()
    parser.setFeature(xml.sax.handler.feature_namespaces, True)
    parser.setFeature(xml.sax.handler.feature_external_ges, False)
    parser.setContentHandler(strict)
    parser.setErrorHandler(strict)
    source = xml.sax.xmlreader.InputSource()
    source.setByteStream(io.BytesIO(body.encode()))
    source.setEncoding("utf-8")
    try:
        parser.parse(source)
    except xml.sax.SAXParseException as error:
        problem = f"line {error.getLineNumber()}: {error.getMessage()}"
    except (xml.sax.SAXException, ValueError) as error:  # a namespace with blanks in it is a ValueError
        problem = str(error)
    else:
        return Feed(strict.version, strict.entries)
    loose = _Loose("", None, "utf-8", {})
    loose.feed(body)
    if _is_closed(body):
        return Feed(loose.version, loose.entries, problem)
    tags = [tag.group(1) for tag in _ENTRY.finditer(body)]
    half = bool(tags) and not tags[-1]
    return Feed(loose.version, loose.entries, problem, whole=False, half=half)


def _is_closed(body: str) -> bool:
    """Whether the root element, which the document begins with, ends somewhere."""
    root = re.match(r"<([^\s/>]+)", body)
    return root is not None and re.search(f"(?i)</\\s*{re.escape(root.group(1))}\\s*>", body) is not None
