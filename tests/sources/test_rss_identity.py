"""Which entry is which: nothing is lost, and nothing is counted twice, as a feed moves on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from monitor_plugins._feed_entries import Entry
from monitor_plugins._feed_identity import MAX_OWNERS, hold, identify, plain_link

START = datetime(2026, 3, 2, tzinfo=UTC)


def entry(guid: str = "", link: str = "", title: str = "", text: str = "", hour: int | None = None) -> Entry:
    published = None if hour is None else START + timedelta(hours=hour)
    return Entry(guid, link, link, title, text, published)


def ids(*entries: Entry, owners: dict[str, str] | None = None) -> dict[str, str]:
    """Identity by title and text, of entries in the order of a file."""
    found, _ = identify(entries, owners or {})
    return {f"{e.title}{e.text}": identity for identity, e in found.items()}


def test_guid_then_link_then_content() -> None:
    assert ids(entry("g", "http://x/1", "A")) == {"A": "g"}
    assert ids(entry("", "http://x/1", "A")) == {"A": "http://x/1"}
    [content] = ids(entry("", "", "A", "text")).values()
    assert ids(entry("", "", "A", "text"), entry("", "", "B", "text"))["Atext"] == content
    assert ids(entry("", "", "A", "other"))["Aother"] != content


def test_zero_and_case_are_guids_like_others() -> None:
    found = ids(entry("0", "http://x/1", "A"), entry("a", "http://x/2", "B"), entry("A", "http://x/3", "C"))
    assert found == {"A": "0", "B": "a", "C": "A"}


def test_an_edited_entry_stays_the_same() -> None:
    assert ids(entry("g", "http://x/1", "A")) == {"A": "g"}
    assert ids(entry("g", "http://x/1?edited", "B", "new")) == {"Bnew": "g"}
    assert ids(entry("", "http://x/1", "A")).popitem()[1] == ids(entry("", "http://x/1", "B")).popitem()[1]


def follow(*polls: Sequence[Entry]) -> list[dict[str, str]]:
    """Identities by title and text, of each poll of a feed that moves on."""
    owners: dict[str, str] = {}
    holders: dict[str, list[str]] = {}
    told = []
    for poll in polls:
        found, owners = identify(poll, owners, json.loads(json.dumps(holders)))
        holders = hold(found.values(), owners)
        told.append({f"{e.title}{e.text}": identity for identity, e in found.items()})
    return told


@pytest.mark.parametrize("order", [1, -1], ids=["oldest first", "newest first"])
@pytest.mark.parametrize("dated", [True, False])
# one entry at a time and no GUID: a page that changes looks like an entry that is edited
@pytest.mark.parametrize(("guid", "window"), [("0", 1), ("0", 2), ("0", 3), ("", 2), ("", 3)])
def test_a_feed_that_gives_every_entry_one_name(guid: str, dated: bool, window: int, order: int) -> None:
    """A window of the entries moves on; every entry keeps its first identity."""
    home = "" if guid else "http://x/"
    news = [entry(guid, home or f"http://x/{n}", f"T{n}", hour=n if dated else None) for n in range(8)]
    polls = [news[max(0, end - window) : end][::order] for end in range(1, len(news) + 1)]
    seen: dict[str, str] = {}
    for poll, told in zip(polls, follow(*polls), strict=True):
        assert len(told) == len(poll)
        for title, identity in told.items():
            assert seen.setdefault(title, identity) == identity
    assert len(set(seen.values())) == len(news)
    assert seen["T0"] == (guid or home)  # known before the name was shared


def test_an_older_entry_that_comes_later_takes_nothing() -> None:
    old, new = entry("g", "http://x/1", "A", hour=1), entry("g", "http://x/2", "B", hour=2)
    first, second = follow([new], [new, old])
    assert first["B"] == second["B"] == "g" != second["A"]


@pytest.mark.parametrize(
    "edited",
    [
        entry("g", "http://x/other", "A", hour=1),
        entry("g", "http://x/a", "B", hour=2),
        entry("g", "http://x/b", "B", hour=1),
        entry("g", "http://x/b", "A", hour=2),
    ],
    ids=["link", "title and date", "link and title", "link and date"],
)
def test_an_edit_is_no_new_entry(edited: Entry) -> None:
    before, neighbour = entry("g", "http://x/a", "A", hour=1), entry("g", "http://x/n", "N", hour=3)
    assert follow([before], [edited])[1] == {edited.title: "g"}
    assert follow([before], [neighbour, edited])[1][edited.title] == "g"
    assert follow([before], [neighbour, before], [edited, neighbour])[2]["N"] != "g"


def test_the_first_owner_keeps_a_guid_for_life() -> None:
    a, b, c = (entry("g", f"http://x/{n}", n) for n in "abc")
    _, owners = identify([b, a], {})
    assert ids(b, owners=owners)["b"] != "g"  # `a` fell out
    _, owners = identify([], owners)  # both did
    assert ids(c, owners=owners)["c"] != "g"


def test_a_shared_guid_and_edited_titles() -> None:
    a, b = entry("g", "http://x/1", "A"), entry("g", "http://x/2", "B")
    first, owners = identify([b, a], {})
    edited, _ = identify([entry("g", "http://x/2", "B!"), entry("g", "http://x/1", "A!")], owners)
    assert list(first) == list(edited)


def test_one_guid_and_one_link_for_all() -> None:
    home = "http://x/"
    assert len(set(ids(*(entry("g", home, t) for t in "ABC")).values())) == 3
    assert len(set(ids(*(entry("", home, t) for t in "ABC")).values())) == 3
    assert len(set(ids(*(entry("g", home, "", t) for t in "ABC")).values())) == 3
    mixed = ids(
        entry("g", home, "A"), entry("g", home, "B"), entry("g", "http://x/c", "C"), entry("g", "", "D")
    )
    assert len(set(mixed.values())) == 4


def test_a_guid_that_is_the_link_of_another() -> None:
    assert len(set(ids(entry("http://x/1", "", "A"), entry("", "http://x/1", "B")).values())) == 2


def test_which_is_the_oldest_where_dates_tell() -> None:
    rising = [entry("g", "http://x/a", "A", hour=1), entry("g", "http://x/b", "B", hour=2)]
    falling = rising[::-1]
    assert ids(*rising)["A"] == ids(*falling)["A"] == "g"
    assert [e.title for e in identify(rising, {})[0].values()] == ["A", "B"]
    assert [e.title for e in identify(falling, {})[0].values()] == ["A", "B"]


def test_of_one_entry_given_twice_the_newest_is_taken() -> None:
    old, new = entry("g", "http://x/1", "A", "old", hour=1), entry("g", "http://x/1", "A", "new", hour=2)
    for order in ([old, new], [new, old]):
        found, _ = identify(order, {})
        assert [e.text for e in found.values()] == ["new"]


def test_links_without_what_readers_differ_in() -> None:
    assert plain_link("http://x/a?utm_source=rss&id=3&UTM_medium=x#top") == "http://x/a?id=3#top"
    assert plain_link("http://x/a?b=%20c&id=3") == "http://x/a?b=%20c&id=3"
    assert plain_link("http://[x/?utm_a=1") == "http://[x/?utm_a=1"
    assert len(ids(entry("", "http://x/log#v1", "A"), entry("", "http://x/log#v2", "B"))) == 2


def test_names_have_bounds() -> None:
    long = [entry("g" * 10_000 + str(n), "", f"T{n}") for n in range(2)]
    found = ids(*long)
    assert len(set(found.values())) == 2
    assert max(map(len, found.values())) < 500
    pairs = [entry(f"g{n // 2}", f"http://x/{n}", f"T{n}") for n in range(2 * MAX_OWNERS + 10)]
    _, owners = identify(pairs, {})
    assert len(owners) == MAX_OWNERS
