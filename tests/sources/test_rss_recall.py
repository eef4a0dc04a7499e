"""Entries whose GUIDs or links change stay what they are; others do not become them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from monitor_plugins._feed_entries import Entry
from monitor_plugins._feed_identity import hold, identify
from monitor_plugins._feed_recall import MAX_SEEN, recall, remember

START = datetime(2026, 3, 2, tzinfo=UTC)


def entry(
    guid: str = "", link: str = "", title: str = "", text: str = "", hour: float | None = None
) -> Entry:
    published = None if hour is None else START + timedelta(hours=hour)
    return Entry(guid, link, link, title, text, published, hour == 0)


def follow(*polls: Sequence[Entry]) -> list[list[tuple[str, str]]]:
    """``(identity, title)`` by poll, as the plugin gives them."""
    owners: dict[str, str] = {}
    holders: dict[str, list[str]] = {}
    seen: dict[str, list[str]] = {}
    told = []
    for poll in polls:
        named, owners = identify(poll, owners, holders)
        found = recall(named, seen)
        holders = json.loads(json.dumps(hold(named.values(), owners) or holders))
        seen = json.loads(json.dumps(remember(named, found) or seen))
        told.append([(identity, e.title) for identity, e in found.items()])
    return told


def identities(*polls: Sequence[Entry]) -> int:
    return len({identity for poll in follow(*polls) for identity, _ in poll})


Make = Callable[[int, int], Entry]
"""Of the number of an article, and of the poll."""


@pytest.mark.parametrize(
    "make",
    [
        lambda k, p: entry(f"g{k}-{p}", f"http://x/{k}", f"Story {k}"),
        lambda k, p: entry(f"g{k}-{p}", f"http://x/{k}", f"Story {k}", "x", -k),
        lambda k, p: entry(
            f"{'https' if p else 'http'}://x/{k}", f"http{'s' * bool(p)}://x/{k}", f"Story {k}"
        ),
        lambda k, p: entry("", f"http{'s' * bool(p)}://x/{k}{'/' * p}", f"Story {k}"),
        lambda k, p: entry(f"urn:{k}" if p else f"{k}", f"http://x/{k}", f"Story {k} {p}", "", -k),
        lambda k, p: entry(f"g{k}-{p}", f"http://x/{k}?sid={p}", f"Story {k}", f"what happened, {k}"),
        lambda k, p: entry(f"g{k}-{p}", f"http://x/{k}?sid={p}", f"Story {k}", f"{p}", -k),
        lambda k, p: entry(f"g{k}-{p}", f"http://x/{k}", "", f"Text {k}"),
    ],
    ids=["guids", "guids, dated", "https", "slash", "scheme of guids", "text", "date", "no titles"],
)
def test_an_entry_under_another_name_is_no_new_one(make: Make) -> None:
    polls = [[make(k, p) for k in range(30, 0, -1)] for p in range(4)]
    assert identities(*polls) == 30
    # and while the feed moves on
    polls = [[make(k, p) for k in range(30 + p, p, -1)] for p in range(4)]
    assert identities(*polls) == 33


def test_the_position_as_guid() -> None:
    for hour in (1, None):
        polls = [
            [entry(f"{k}", f"http://x/{p - k}", f"Story {p - k}", "", hour and p - k) for k in range(1, 31)]
            for p in range(43)
        ]
        assert identities(*polls) == 72
        titles: dict[str, set[str]] = {}
        for identity, title in (pair for poll in follow(*polls) for pair in poll):
            titles.setdefault(identity, set()).add(title)
        assert max(map(len, titles.values())) == 1, "no two stories go by one name"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (entry("a", "http://x/", "Weather", "rain", 1), entry("b", "http://x/", "Weather", "sun", 25)),
        (entry("a", "http://x/", "Weather", "", 1), entry("b", "http://x/", "Weather", "", 25)),
        (entry("a", "http://x/1", "Weather", "rain"), entry("b", "http://x/2", "Weather", "sun")),
        (entry("a", "http://x/1", "Service down"), entry("b", "http://x/2", "Service down")),
        (entry("a", "http://x/", "Service down"), entry("b", "http://x/", "Service down")),
        (entry("a", "http://x/", "One", "same words"), entry("b", "http://x/", "Two", "same words")),
        (entry("a", "http://x/1", "Ruling", "one", 0), entry("b", "http://x/2", "Ruling", "two", 0)),
        (entry("a", "", "", "rain", 1), entry("b", "", "", "sun", 1)),
        (entry("a", "http://x/1?id=1", "One"), entry("b", "http://x/1?id=2", "Two")),
    ],
)
def test_another_entry_is_a_new_one(one: Entry, other: Entry) -> None:
    assert identities([one], [other]) == 2
    assert identities([one], [one, other]) == 2
    assert identities([one], [other, one], [other]) == 2


def test_what_several_entries_have_tells_none_of_them() -> None:
    home = "http://x/"
    old = [entry(f"a{n}", home, "Alert", f"{n}", 1) for n in range(3)]
    new = [entry(f"b{n}", home, "Alert", f"other {n}", 1) for n in range(3)]
    assert identities(old, new) == 6
    same = [entry(f"a{n}", "http://x/status", "Down") for n in range(4)]
    assert identities(same[:3], same[1:]) == 4


def test_a_name_that_another_entry_took_is_not_shared() -> None:
    a = entry("1", "http://x/a", "A")
    moved = entry("2", "http://x/a", "A")
    late = entry("1", "http://x/b", "B")
    polls = follow([a], [moved], [late, moved], [late, moved])
    assert [len(poll) for poll in polls] == [1, 1, 2, 2]
    assert polls[1] == [("1", "A")]
    assert polls[2] == polls[3]
    assert {title: identity for identity, title in polls[2]}["A"] == "1"


def test_an_edit_of_all_but_the_guid_stays_as_it_was() -> None:
    assert identities([entry("g", "http://x/a", "A", "a")], [entry("g", "http://x/a", "B", "b")]) == 1


@pytest.mark.parametrize("hours", [(1, 1), (1, 5), (None, None)], ids=["dated", "date moved", "undated"])
def test_an_edit_under_the_new_name_is_an_edit(hours: tuple[float | None, float | None]) -> None:
    """As after a move to https: who keeps the new name stays the entry that had the old one."""
    first, second = hours
    old = entry("http://x/1", "http://x/1", "A", "a", first)
    moved = entry("https://x/1", "https://x/1", "A", "a", first)
    edited = entry("https://x/1", "https://x/1", "B", "b", second)
    polls = follow([old], [moved], [moved], [edited], [edited])
    assert {identity for poll in polls for identity, _ in poll} == {"http://x/1"}


def test_what_is_remembered_has_bounds() -> None:
    many = [entry("g" * 1000 + f"{n}", "h" * 5000 + f"{n}", f"T{n}" * 1000) for n in range(MAX_SEEN + 10)]
    named, _ = identify(many, {})
    seen = remember(named, named)
    assert len(seen) == MAX_SEEN
    assert max(len(json.dumps([name, marks])) for name, marks in seen.items()) < 700


BULLETINS = [
    "heavy snow expected above eight hundred metres, roads closed",
    "thunderstorms moving east tonight with large hail, stay indoors",
    "river levels falling slowly, evacuation lifted for two villages",
]


def bulletin(text: str, **more: object) -> Entry:
    return Entry(**{**vars(entry("", "http://x/now", "Current warning", text)), **more})  # type: ignore[arg-type]


def test_a_bulletin_that_is_written_anew_in_its_place_is_another_one() -> None:
    """Each as long as it stands, and one that comes again, too."""
    polls = [[bulletin(text)] for text in BULLETINS for _ in range(3)]
    told = [
        identity for [(identity, _)] in follow(*polls, [bulletin(BULLETINS[0])], [bulletin(BULLETINS[0])])
    ]
    assert told == [told[0]] * 3 + [told[3]] * 3 + [told[6]] * 3 + [told[9]] * 2
    assert len(set(told)) == 4


def test_a_bulletin_that_is_edited_is_the_same() -> None:
    """Where most of its words stay; where it has a GUID or a date; where there are other entries; where it is short."""
    words = BULLETINS[0].split()
    edits = [" ".join(words[n:] + BULLETINS[1].split()[:n]) for n in range(0, 5)]
    assert identities(*([bulletin(text)] for text in edits)) == 1
    assert identities(*([bulletin(text, guid="g")] for text in BULLETINS)) == 1
    assert identities(*([bulletin(text, published_at=START)] for text in BULLETINS)) == 1
    other = entry("", "http://x/other", "Other", "what stands beside it in the feed")
    assert identities(*([bulletin(text), other] for text in BULLETINS)) == 2
    assert identities(*([bulletin(text)] for text in ("12 of 40", "17 of 40", "closed"))) == 1
