"""From the bytes of a feed to its text: encodings, prolog, characters and entities.

What XML forbids and publishers send all the same is mended here, so that a strict parser can read it;
what makes a parser grow without end is refused here.
"""

from __future__ import annotations

import codecs
import html.entities
import re

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# "<" and what follows it, as XML 1.0 (appendix F.1) tells encodings apart
_STARTS = (
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_EBCDIC = b"\x4c\x6f\xa7\x94"  # "<?xm"
# Labels that mean more than they say (WHATWG Encoding Standard, 4.2)
_WIDER = {"ascii": "cp1252", "iso8859-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932",
          "euc_kr": "cp949", "iso8859-9": "cp1254", "tis-620": "cp874"}  # fmt: skip
# Codecs of Python that are no encodings of documents, or that hide markup
_NOT_FOR_DOCUMENTS = {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "utf-7"}  # fmt: skip
_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']""")
_CHARSET = re.compile(r"""(?i);\s*charset\s*=\s*["']?([\w.:-]{1,40})""")

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&(?:#([0-9]+)|#[xX]([0-9a-fA-F]+)|([A-Za-z_][\w.-]{0,60}));?")
_ENTITY = re.compile(r"""<!ENTITY\s+([A-Za-z_][\w.-]*)\s+(?:"([^"]*)"|'([^']*)')\s*>""")
_BARE = re.compile(
    r"<!\[CDATA\[(?:.*?\]\]>|.*)|<!--(?:.*?-->|.*)|&(?!#[0-9]+;|#x[0-9a-fA-F]+;|(?:amp|lt|gt|quot|apos);)",
    re.DOTALL,
)
"""An ampersand that begins no reference of XML, or what may hold any."""
_XML_ENTITIES = {"lt", "gt", "amp", "quot", "apos"}
_MAX_GROWTH = 2**20


class EntityBomb(ValueError):
    """A document made to grow when it is read."""


def decode(content: bytes, content_type: str) -> tuple[str, str]:
    """The text of a document, and what had to be replaced in it (``""``: nothing).

    A byte order mark decides. Else bytes that are valid UTF-8 are UTF-8, whatever is claimed: other
    text hardly ever is, by chance. Else what the server says (RFC 7303, 3), unless that is the old
    default of HTTP, then what the document says; where neither fits, whatever loses least.
    """
    for mark, name in _BOMS:
        if content.startswith(mark):
            return _lossy(content[len(mark) :], name)
    start = content.lstrip()[:4] if content[:1].isspace() else content[:4]
    for first, name in _STARTS:
        if start.startswith(first):
            return _lossy(content, name)
    if start == _EBCDIC:
        declared = _codec(_declared(content[:1024].decode("cp037").encode()))
        return _lossy(content, declared if _in(declared, _EBCDIC) == "<?xm" else "cp037")
    served, declared = _claims(content, content_type)
    if served in ("cp1252", ""):
        served, declared = declared, served
    # 7-bit encodings look like ASCII
    candidates = [name for name in (served, declared) if name.startswith(("iso2022", "hz"))]
    for name in [*candidates, "utf-8", served, declared]:
        if name:
            try:
                return content.decode(name), ""
            except (UnicodeDecodeError, LookupError):
                pass
    text, note = _lossy(content, "utf-8")
    if 2 * text.count("\ufffd") > sum(c > "\x7f" for c in text):  # not UTF-8 with a few faults
        return _lossy(
            content, next((name for name in (served, declared) if name not in ("", "utf-8")), "cp1252")
        )
    return text, note


def body_of(text: str) -> str:
    """A document from its root element on, with every character and reference in it readable.

    :raises EntityBomb: if entities are declared that grow.
    """
    start, doctype = _skip_prolog(text)
    declared = _declared_entities(doctype)
    body = _FORBIDDEN.sub("\ufffd", text[start:])
    budget = [_MAX_GROWTH]

    def resolve(reference: re.Match[str]) -> str:
        decimal, hexadecimal, name = reference.groups()
        if name is None:
            digits = (decimal or hexadecimal).lstrip("0")
            code = int(digits, 10 if decimal else 16) if 0 < len(digits) < 8 else 0
            return reference.group() if _allowed(code) else "\ufffd"
        if not reference.group().endswith(";"):
            return reference.group()
        if name in declared:
            budget[0] -= len(declared[name])
            if budget[0] < 0:
                raise EntityBomb("its entities grow to more than they may (an entity bomb?)")
            return declared[name]
        if name not in _XML_ENTITIES and name in html.entities.name2codepoint:
            return chr(html.entities.name2codepoint[name])
        return reference.group()

    readable = _REFERENCE.sub(resolve, body)
    return _BARE.sub(lambda found: "&amp;" if found.group() == "&" else found.group(), readable)


def _claims(content: bytes, content_type: str) -> tuple[str, str]:
    served = _CHARSET.search(content_type)
    return _codec(served.group(1) if served else ""), _codec(_declared(content[:1024]))


def _declared(start: bytes) -> str:
    found = _DECLARED.search(start)
    return found.group(1).decode("ascii", "replace") if found else ""


def _in(codec: str, content: bytes) -> str:
    return content.decode(codec, "replace") if codec else ""


def _codec(label: str) -> str:
    """The codec for a label, as wide as it is meant; ``""`` for what is none."""
    try:
        name = codecs.lookup(label).name if label else ""
    except LookupError:
        return ""
    return "" if name.replace("_", "-") in _NOT_FOR_DOCUMENTS else _WIDER.get(name, name)


def _lossy(content: bytes, name: str) -> tuple[str, str]:
    try:
        return content.decode(name), ""
    except UnicodeDecodeError:
        text = content.decode(name, "replace")
        return text, f"some bytes are not {name}, and were replaced"


def _skip_prolog(text: str) -> tuple[int, str]:
    """Where the root element begins, and the document type declaration before it."""
    at, doctype = 0, ""
    while True:
        while at < len(text) and (text[at].isspace() or text[at] in "\ufeff\0"):
            at += 1
        if text.startswith("<?", at):
            end = text.find("?>", at) + 2
        elif text.startswith("<!--", at):
            end = text.find("-->", at) + 3
        elif text[at : at + 9].upper() == "<!DOCTYPE":
            end = _end_of_doctype(text, at)
            doctype = text[at:end]
        else:
            return at, doctype
        if end <= at:
            return at, doctype
        at = end


def _end_of_doctype(text: str, at: int) -> int:
    subset, close = text.find("[", at), text.find(">", at)
    if close < 0 or subset < 0 or close < subset:
        return close + 1
    end = re.compile(r"\]\s*>").search(text, subset)
    return end.end() if end else -1


def _declared_entities(doctype: str) -> dict[str, str]:
    found = {name: double or single for name, double, single in _ENTITY.findall(doctype)}
    for value in found.values():
        for reference in _REFERENCE.finditer(value):
            if reference.group(3) in found:
                raise EntityBomb("it declares entities made of entities (an entity bomb?)")
    return found


def _allowed(code: int) -> bool:
    """Whether XML 1.0 (2.2) allows a character."""
    return (
        code in (9, 10, 13) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code < 0x110000
    )
