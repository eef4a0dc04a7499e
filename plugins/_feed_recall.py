"""Entries that come again under another name, known by what the last fetch held.

Publishers change their GUIDs: at each poll, when they move to https, when they change their software.
What looks new then is held against the entries of the last fetch, and keeps the identity that it had.
An entry is known again by its title with its link (but for scheme and last slash), its text or its
date, or by link and date; from then on by its new name. Two with other names and dates are never
one: a bulletin has one title each day. Where a feed is one entry without GUID and date, and comes with wholly other
words, that is another one: a bulletin that is written anew in its place.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from monitor_plugins._feed_entries import Entry
from monitor_plugins._feed_identity import plain_link

MAX_SEEN = 5000
"""So many entries are remembered, the newest."""
WORDS = 24
"""So many words of a text stand for it: those whose digests are the smallest."""
EDITED = 0.2
"""What shares less of its words than that with what was there is no edit of it; with fewer than four, nobody knows."""


def recall(entries: Mapping[str, Entry], seen: Mapping[str, Sequence[str]]) -> dict[str, Entry]:
    """Entries by the identity that they had, in the same order.

    :param entries: by the identity that their names give.
    :param seen: what :func:`remember` returned for the last fetch.
    """
    if not seen:
        return dict(entries)
    marks = {name: _marks(entry) for name, entry in entries.items()}
    if len(entries) == len(seen) == 1:
        [(name, entry)], [(before, old)] = entries.items(), seen.items()
        if _is_another(entry, old):
            return {f"{name}#{_digest('|'.join(marks[name]))}" if name == before else name: entry}
    found = {
        name: _was(name, seen[name]) for name in entries if name in seen and _agree(marks[name], seen[name])
    }
    taken = set(found.values())
    olds = _by_key(seen)
    for key, name in _by_key(marks).items():
        old = olds.get(key)
        if name in found or old is None or _was(old, seen[old]) in taken:
            continue
        if _may_be(marks[name], seen[old]):
            found[name] = _was(old, seen[old])
            taken.add(found[name])
    recalled: dict[str, Entry] = {}
    for name, entry in entries.items():
        identity = found.get(name, name)
        if name not in found and name in taken:
            identity = f"{name}#{_digest('|'.join(marks[name]))}"  # another one goes by that name
        recalled[identity] = entry
    return recalled


def remember(entries: Mapping[str, Entry], identities: Iterable[str]) -> dict[str, list[str]]:
    """What to know entries by, oldest first: digests of link, title and text, and the date (``d``: a day).

    :param entries: by the identity that their names give; a fifth part is the one that they have, if another,
        and a sixth has digests of words, where the feed is one entry that only these tell from the next.
    :param identities: of :func:`recall`, in the same order.
    """
    pairs = [*zip(entries.items(), identities, strict=True)][-MAX_SEEN:]
    found = {name: [*_marks(entry), *[identity] * (identity != name)] for (name, entry), identity in pairs}
    if len(entries) == 1:
        [(name, entry)] = entries.items()
        found[name] = [*found[name][:4], _was(name, found[name]), _words(entry)]
    return found


def _was(name: str, old: Sequence[str]) -> str:
    return old[4] if len(old) > 4 else name


def _words(entry: Entry) -> str:
    """Digests of the words of an entry that nothing else tells from the next one under its link; empty for others."""
    if entry.guid or entry.published_at is not None:
        return ""
    return " ".join(
        sorted({_digest(word)[:5] for word in re.findall(r"\w{3,}", (entry.text or entry.title).casefold())})[
            :WORDS
        ]
    )


def _is_another(entry: Entry, old: Sequence[str]) -> bool:
    """Whether what came under a link is not what was there, edited: hardly any word is the same."""
    new, before = (set(words.split()) for words in (_words(entry), old[5] if len(old) > 5 else ""))
    smallest = sorted(new | before)[
        :WORDS
    ]  # of both: how many of them both have estimates how much they share
    return min(len(new), len(before)) >= 4 and len(new & before & {*smallest}) < EDITED * len(smallest)


def _marks(entry: Entry) -> list[str]:
    at = entry.published_at
    return [
        _digest(_place(entry.link)),
        _digest(entry.title),
        _digest(entry.text),
        "" if at is None else f"{at.timestamp():.0f}{'d' * entry.midnight}",
    ]


def _keys(marks: Sequence[str]) -> list[tuple[str, ...]]:
    """What entries are known again by, the strongest first."""
    link, title, text, at = marks[:4]
    moment = "" if at.endswith("d") else at
    return [
        *[("link", link, title)] * bool(link and title),
        *[("link", link, moment)] * bool(link and moment),
        *[("title", title, text)] * bool(title and text),
        *[("title", title, moment)] * bool(title and moment),
        *[("text", link, text)] * bool(link and text and not title),
    ]


def _by_key(marks: Mapping[str, Sequence[str]]) -> dict[tuple[str, ...], str]:
    """Names by what only one entry has, for what several have tells none of them; the strongest first."""
    keys = [(place, key, name) for name, own in marks.items() for place, key in enumerate(_keys(own))]
    count = Counter(key for _, key, _ in keys)
    return {key: name for _, key, name in sorted(keys, key=lambda k: k[0]) if count[key] == 1}


def _agree(marks: Sequence[str], old: Sequence[str]) -> bool:
    """Whether a name stays with an entry of which at least one thing is as it was."""
    return any(a and a == b for a, b in zip(marks, old, strict=False))


def _may_be(marks: Sequence[str], old: Sequence[str]) -> bool:
    return not (marks[3] and old[3] and marks[3] != old[3])


def _place(link: str) -> str:
    """A link without scheme and last slash; a home page, which is no entry's own, is none."""
    _, _, rest = plain_link(link).rpartition("://")
    rest = rest.rstrip("/")
    return rest if "/" in rest or "?" in rest else ""


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=8).hexdigest() if text else ""
