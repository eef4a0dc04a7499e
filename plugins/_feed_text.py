"""Words out of HTML and out of what claims to be plain text.

The scanner is our own because feeds are written by strangers: its time grows with the length of
the text and with nothing else, and it recurses nowhere. Parsers that build a tree, and the one of
the standard library, take minutes for a few hundred kilobytes of ``<a <a <a``.
"""

from __future__ import annotations

import html
import re

MAX_CHARACTERS = 100_000
"""A longer text is cut: no classifier reads so far."""

_MAX_MARKUP = 1_000_000
"""Markup beyond this many characters is not looked at."""

_BLOCKS = frozenset(
    ["address", "article", "aside", "blockquote", "br", "caption", "center", "dd", "details", "div", "dl", "dt",
     "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li",
     "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul"]
)  # fmt: skip
_CELLS = frozenset(["td", "th", "option"])
_UNREAD = frozenset(["head", "iframe", "noscript", "object", "script", "style", "svg", "template", "title"])

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*(?::[a-zA-Z][a-zA-Z0-9-]*)?)(?=[\s/>])")
_REST_OF_TAG = re.compile(r"""(?:[^>"']++|"[^"]*+"|'[^']*+')*+>""")
_OTHER_MARKUP = {"<!--": "-->", "<![CDATA[": "]]>", "<!": ">", "<?": ">"}
_OTHER = re.compile(r"<!--|<!\[CDATA\[|<!(?=[a-zA-Z\[])|<\?")
_LOOKS_LIKE_HTML = re.compile(r"(?i)</[a-z][a-z0-9]*\s*>|<(?:p|br|img|hr|div|li|a)(?:\s[^<>]*)?/?>")

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")  # soft hyphens and the like, inside words
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONG_NUMBER = re.compile(r"&#[0-9]{8,};?")


def to_text(markup: str) -> str:
    """The words of a piece of HTML: blocks on lines of their own, scripts and styles left out.

    >>> to_text("<p>Fish &amp; chips</p><p>are <b>back</b></p>")
    'Fish & chips\\nare back'
    """
    if "<" not in markup:
        return tidy(unescape(markup))
    return tidy("".join(_pieces(markup[:_MAX_MARKUP])))


def plain_to_text(text: str) -> str:
    """The words of a text that is said to be plain, but often is not.

    >>> plain_to_text("Is 3 <b a joke?")
    'Is 3 <b a joke?'
    """
    return to_text(text) if _LOOKS_LIKE_HTML.search(text) else tidy(unescape(text))


def tidy(text: str) -> str:
    """One blank between words, no empty lines, no control characters, at most 100,000 characters."""
    text = _SURROGATE.sub("\ufffd", text[: 4 * MAX_CHARACTERS])
    text = _INVISIBLE.sub("", _CONTROL.sub(" ", text))
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)[:MAX_CHARACTERS].rstrip()


def one_line(text: str) -> str:
    """:func:`tidy`, on one line."""
    return " ".join(tidy(text).split())


def unescape(text: str) -> str:
    """Character references resolved; ``html.unescape`` raises at numbers of thousands of digits."""
    return html.unescape(_LONG_NUMBER.sub("\ufffd", text)) if "&" in text else text


def _pieces(markup: str) -> list[str]:
    out: list[str] = []
    unclosed: set[str] = set()  # what has no end further on need not be looked for again
    at = 0
    while (start := markup.find("<", at)) >= 0:
        out.append(unescape(markup[at:start]))
        tag = _TAG.match(markup, start)
        if tag is None:
            at, piece = _other(markup, start, unclosed)
            out.append(piece)
            continue
        closing, name = tag.group(1), tag.group(2).lower().rpartition(":")[2]
        end = _end_of_tag(markup, tag.end(), unclosed)
        if end < 0:  # cut in the middle of a tag
            return out
        at = end
        if name in _BLOCKS:
            out.append("\n")
        elif name in _CELLS:
            out.append(" ")
        elif name in _UNREAD and not closing and markup[end - 2] != "/":
            at = _after_element(markup, name, end, unclosed)
    out.append(unescape(markup[at:]))
    return out


def _end_of_tag(markup: str, at: int, unclosed: set[str]) -> int:
    """Behind the ``>`` that is not in quotes, or where the quotes do not match, behind any; -1: none."""
    if "quotes" not in unclosed:
        whole = _REST_OF_TAG.match(markup, at)
        if whole is not None:
            return whole.end()
        unclosed.add("quotes")
    return markup.find(">", at) + 1 or -1


def _after_element(markup: str, name: str, at: int, unclosed: set[str]) -> int:
    """Behind the element's end tag; where it has none, ``at``: then only the tag is left out."""
    if name not in unclosed:
        end = re.compile(rf"</(?:[a-z]+:)?{name}\s*>", re.IGNORECASE).search(markup, at)
        if end is not None:
            return end.end()
        unclosed.add(name)
    return at


def _other(markup: str, start: int, unclosed: set[str]) -> tuple[int, str]:
    """Where to go on behind a ``<`` that begins no tag, and what of it is text."""
    begun = _OTHER.match(markup, start)
    if begun is None:
        return start + 1, "<"
    opening, closing = begun.group(), _OTHER_MARKUP[begun.group()]
    end = -1 if opening in unclosed else markup.find(closing, begun.end())
    if end < 0:
        unclosed.add(opening)
        return begun.end(), ""
    inner = markup[begun.end() : end]
    return end + len(closing), inner if opening == "<![CDATA[" else ""
