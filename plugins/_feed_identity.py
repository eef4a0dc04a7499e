"""Which entry is which, from one fetch to the next.

An entry is known by its GUID, else by its link, else by a hash of its content. Publishers give one
GUID, or one link, to several entries all the same. So each entry has *names*, every one more
special than the one before; where entries share a name, its first owner keeps it, for life, and
the others go by their next. Who owns what is remembered (``owners``, and ``holders`` of names that
nobody else claims yet), so that an identity depends neither on the order of the feed, nor on which
other entries are still in it, nor on those to come.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from monitor_plugins._feed_entries import Entry

MAX_OWNERS = 5000
"""So many shared names are remembered, the newest."""

_LONGEST = 400


def identify(
    entries: Sequence[Entry], owners: Mapping[str, str], holders: Mapping[str, Sequence[str]] | None = None
) -> tuple[dict[str, Entry], dict[str, str]]:
    """Entries by identity, oldest first, and the owners of shared names from now on.

    :param entries: in the order of the file. Of several with one identity the newest is kept.
    :param owners: what the last call returned.
    :param holders: what :func:`hold` returned for the last call's entries.
    """
    ordered = oldest_first(entries)
    claims: dict[str, dict[str, Entry]] = {}
    for entry in ordered:
        for name, finer in pairwise(names(entry)):
            claims.setdefault(name, {})[finer] = entry
    owned = dict(owners)
    for name, claimants in claims.items():
        holder = (holders or {}).get(_digest(name))
        if name in owned:
            owned[name] = owned.pop(name)  # it moves to the end
        elif holder is not None and (len(claimants) > 1 or _is_taken(name, claimants, holder)):
            owned[name] = _heir(claimants, holder)
        elif len(claimants) > 1:
            owned[name] = _digest(next(iter(claimants)))
    found: dict[str, Entry] = {}
    for entry in ordered:
        identity = _identity(entry, owned)
        found.pop(identity, None)
        found[identity] = entry
    return found, dict(list(owned.items())[-MAX_OWNERS:])


def hold(entries: Iterable[Entry], owners: Mapping[str, str]) -> dict[str, list[str]]:
    """Who goes by which name, to know it again when another entry claims that name.

    :param entries: what :func:`identify` found, oldest first; the newest are remembered.
    """
    held = {}
    for entry in entries:
        for name, finer in pairwise(names(entry)):
            if owners.get(name, _digest(finer)) == _digest(finer):
                held[_digest(name)] = [_digest(finer), _digest(entry.title), _date(entry)]
    return dict(list(held.items())[-MAX_OWNERS:])


def names(entry: Entry) -> list[str]:
    """What an entry may be known by, the most general first.

    >>> names(Entry("", "https://example.com/a?utm_source=rss", "", "Hello", "", None))[0]
    'https://example.com/a'
    """
    link = plain_link(entry.link)
    content = entry.title or entry.text
    if entry.guid:
        guid = _short(entry.guid)
        return [guid, f"{guid}#{_digest(link)}", f"{guid}#{_digest(link, content)}"]
    if link:
        return [_short(link), f"{_short(link)}#{_digest(content)}"]
    return [_digest(entry.title, entry.text)]


def plain_link(link: str) -> str:
    """A link without the ``utm_`` parameters, which change from reader to reader."""
    try:
        parts = urlsplit(link)
        if "utm_" not in parts.query.lower():
            return link
        kept = [(k, v) for k, v in parse_qsl(parts.query, True) if not k.lower().startswith("utm_")]
        return urlunsplit(parts._replace(query=urlencode(kept)))
    except ValueError:
        return link


def oldest_first(entries: Sequence[Entry]) -> list[Entry]:
    """Feeds begin with the newest entry, unless their dates say otherwise."""
    dates = [entry.published_at for entry in entries if entry.published_at is not None]
    rising = len(dates) > 1 and dates[0] < dates[-1]
    return list(entries) if rising else list(reversed(entries))


def _identity(entry: Entry, owners: Mapping[str, str]) -> str:
    identity, *_ = found = names(entry)
    for name, finer in pairwise(found):
        if owners.get(name, _digest(finer)) != _digest(finer):
            identity = finer
    return identity


def _is_taken(name: str, claimants: Mapping[str, Entry], holder: Sequence[str]) -> bool:
    """Whether a GUID comes with another entry than it came with last time.

    An edit may change link and title (the link is often made of the title), or the date. Where all
    three are others, or there is no date, it is another entry. A name that holds the link is not
    asked: who has the same link is the same.
    """
    [(finer, entry)] = claimants.items()
    is_guid = bool(entry.guid) and name == names(entry)[0]
    return is_guid and _digest(finer) != holder[0] and _differs(entry, holder)


def _heir(claimants: Mapping[str, Entry], holder: Sequence[str]) -> str:
    """Who of the claimants held the name: unchanged, else edited; else none of them."""
    marks = {_digest(finer): entry for finer, entry in claimants.items()}
    if holder[0] in marks:
        return holder[0]
    return next((mark for mark, entry in marks.items() if not _differs(entry, holder)), holder[0])


def _differs(entry: Entry, holder: Sequence[str]) -> bool:
    _, title, date = holder
    return _digest(entry.title) != title and (not date or _date(entry) != date)


def _date(entry: Entry) -> str:
    return entry.published_at.isoformat() if entry.published_at else ""


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}#{_digest(name)}"


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\x00".join(parts).encode(errors="replace"), digest_size=12).hexdigest()
