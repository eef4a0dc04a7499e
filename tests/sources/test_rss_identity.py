"""Which entry is which: nothing is lost, and nothing is counted twice, as a feed moves on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor_plugins._feed_entries import Entry
from monitor_plugins._feed_identity import MAX_OWNERS, identify, plain_link

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


def test_a_feed_that_gives_every_entry_one_guid() -> None:
    """A window of three entries moves on; every entry keeps its first identity."""
    news = [entry("0", f"http://x/{n}", f"T{n}") for n in range(8)]
    seen: dict[str, str] = {}
    owners: dict[str, str] = {}
    for end in range(1, len(news) + 1):
        window = news[max(0, end - 3) : end][::-1]  # newest first
        found, owners = identify(window, owners)
        assert len(found) == len(window)
        for identity, e in found.items():
            assert seen.setdefault(e.title, identity) == identity
    assert len(set(seen.values())) == len(news)
    assert seen["T0"] == "0"  # known before the GUID was shared


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
