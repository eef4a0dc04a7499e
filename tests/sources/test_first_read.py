"""What a source held before it was read is history, however late it is found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from loopback import LoopbackServer, Reply

from monitor.errors import SourceError
from monitor.runtime import Runtime
from monitor.store import Store
from monitor.types import BadRecord, Document
from tests.conftest import CONFIG

STEP = timedelta(minutes=5)


def feed(*titles: str, at: datetime | None = None) -> Reply:
    date = f"<pubDate>{format_datetime(at)}</pubDate>" if at else ""
    items = "".join(f"<item><guid>{t}</guid><title>{t}</title>{date}</item>" for t in titles)
    return Reply(body=f'<rss version="2.0"><channel>{items}</channel></rss>'.encode())


def titles(word: str, count: int = 200) -> list[str]:
    return [f"{word} {n}" for n in range(count)]


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


@pytest.fixture
def made(make_runtime: Callable[..., Runtime], server: LoopbackServer) -> Callable[[str], Runtime]:
    def make(path: str) -> Runtime:
        source = f'plugin = "rss"\nurl = "{server.url(path)}"\nallow_private = true'
        return make_runtime(CONFIG.replace('plugin = "list"', source))

    return make


def live(store: Store) -> list[str]:
    return sorted(d.title or d.text for d in store.documents.find(live=True, limit=None))


def test_an_empty_answer_is_no_first_read(
    made: Callable[[str], Runtime], server: LoopbackServer, monitor_now: datetime
) -> None:
    runtime, now = made("/a"), monitor_now
    server.routes["/a"] = feed()
    runtime.fetch("news", now)
    server.routes["/a"] = feed(*titles("old"))
    assert runtime.fetch("news", now + STEP).new == 200
    assert live(runtime.store) == []
    server.routes["/a"] = feed(*titles("old"), "new")
    assert runtime.fetch("news", now + 2 * STEP).new == 1
    assert live(runtime.store) == ["new"]


@pytest.mark.parametrize(("minutes", "said"), [(-11, []), (15, []), (-2, ["incident"]), (2, ["incident"])])
def test_what_was_published_since_a_source_was_empty_is_news(
    made: Callable[[str], Runtime],
    server: LoopbackServer,
    monitor_now: datetime,
    minutes: float,
    said: list[str],
) -> None:
    """A feed of incidents is empty until the first one, which must not be missed."""
    runtime, now = made("/a"), monitor_now
    server.routes["/a"] = feed()
    runtime.fetch("news", now)
    server.routes["/a"] = feed("incident", at=now + timedelta(minutes=minutes))
    runtime.fetch("news", now + STEP)
    assert live(runtime.store) == said


def test_another_address_is_another_feed(
    made: Callable[[str], Runtime], server: LoopbackServer, monitor_now: datetime
) -> None:
    now = monitor_now
    server.routes["/a"], server.routes["/b"] = feed(*titles("a")), feed()
    made("/a").fetch("news", now)
    made("/b").fetch("news", now + STEP)
    server.routes["/b"] = feed(*titles("b"))
    runtime = made("/b")
    assert runtime.fetch("news", now + 2 * STEP).new == 200
    assert live(runtime.store) == []
    server.routes["/b"] = feed("news of b")
    runtime.fetch("news", now + 3 * STEP)
    assert live(runtime.store) == ["news of b"]


def test_another_address_whose_first_fetch_is_cut_off(
    made: Callable[[str], Runtime], server: LoopbackServer, monitor_now: datetime
) -> None:
    """What the first batch of it said is kept; the rest is history as well."""
    now = monitor_now
    server.routes["/a"], server.routes["/b"] = feed(*titles("a")), feed(*titles("b", 500))
    made("/a").fetch("news", now)

    def killed(_: object) -> None:
        raise KeyboardInterrupt

    runtime = made("/b")
    with pytest.raises(KeyboardInterrupt):
        runtime.fetch("news", now + STEP, stored=killed)
    assert runtime.store.documents.count() == 400
    assert runtime.fetch("news", now + 2 * STEP).new == 300
    assert live(runtime.store) == []


def test_an_address_that_answers_nothing_changes_nothing(
    made: Callable[[str], Runtime], server: LoopbackServer, monitor_now: datetime
) -> None:
    now = monitor_now
    server.routes["/a"] = feed("a")
    made("/a").fetch("news", now)
    with pytest.raises(SourceError):
        made("/typo").fetch("news", now + STEP)
    server.routes["/a"] = feed("a", "new")
    runtime = made("/a")
    runtime.fetch("news", now + 2 * STEP)
    assert live(runtime.store) == ["new"]


def test_records_that_were_all_bad_are_history_when_they_can_be_read(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime, now = make_runtime(), monitor_now
    runtime.sources["news"].waiting = [BadRecord("no text", f"line {n}") for n in range(9)]  # type: ignore[attr-defined]
    runtime.fetch("news", now)
    times = [None, *(now - timedelta(seconds=n) for n in range(1, 9)), now + STEP / 2]
    found = [Document(f"{n}", f"text {n}", published_at=at) for n, at in enumerate(times)]
    runtime.sources["news"].waiting = found  # type: ignore[attr-defined]
    runtime.fetch("news", now + STEP)
    assert live(runtime.store) == ["text 9"], "which was written since"


def test_a_file_of_before_goes_on_without_a_flood_and_without_losing_news(
    made: Callable[[str], Runtime], server: LoopbackServer, monitor_now: datetime, tmp_path: Path
) -> None:
    """A file of before the sixteenth migration; its source was read, and another never gave anything."""
    now = monitor_now
    server.routes["/a"] = feed(*titles("a"))
    runtime = made("/a")
    runtime.fetch("news", now)
    runtime.store.sources.ensure("quiet", "rss")
    runtime.store.sources.succeeded("quiet", now, now)
    path = runtime.store.path
    with runtime.store.transaction() as connection:
        for column in ("begun", "live_since", "asked_until", "asked_with"):
            connection.execute(f"alter table sources drop column {column}")
        connection.execute("delete from _sqlite_migrations where name like 'm0016%'")
    runtime.store.close()
    store = Store(path)
    states = {state.name: state for state in store.sources.all()}
    assert states["news"].live_since == now
    assert states["quiet"].live_since is None
    store.close()
    server.routes["/a"] = feed(*titles("a"), "new")
    runtime = made("/a")
    runtime.fetch("news", now + STEP)
    assert live(runtime.store) == ["new"]


def test_the_rest_of_a_first_answer_that_ended_in_the_middle_is_history(
    made: Callable[[str], Runtime], server: LoopbackServer, monitor_now: datetime
) -> None:
    runtime, now = made("/a"), monitor_now
    whole = feed(*titles("old")).body
    assert isinstance(whole, bytes)
    server.routes["/a"] = Reply(body=whole[:3000])
    assert 0 < runtime.fetch("news", now).new < 100
    server.routes["/a"] = feed(*titles("old"))
    assert runtime.fetch("news", now + STEP).new > 100
    assert live(runtime.store) == []
    server.routes["/a"] = Reply(body=b'<rss version="2.0"><channel><item><title>new</title></item>')
    runtime.fetch("news", now + 2 * STEP)
    assert live(runtime.store) == ["new"]


def test_a_feed_that_never_ends_as_it_should_has_news_as_well(
    made: Callable[[str], Runtime], server: LoopbackServer, monitor_now: datetime
) -> None:
    runtime = made("/a")
    for poll in range(4):
        item = f"<item><title>news {poll}</title></item>"
        server.routes["/a"] = Reply(body=f'<rss version="2.0"><channel>{item}'.encode())
        runtime.fetch("news", monitor_now + poll * STEP)
    assert live(runtime.store) == ["news 2", "news 3"]


def test_each_bulletin_of_a_feed_of_one_entry_is_news(
    made: Callable[[str], Runtime], server: LoopbackServer, monitor_now: datetime
) -> None:
    """It has neither GUID nor date, and always the same title and link."""
    runtime = made("/a")
    said = [
        "snow above eight hundred metres, roads closed",
        "thunderstorms moving east with large hail tonight",
    ]
    said += [
        "thunderstorms moving west with large hail tonight",
        "river levels falling slowly, evacuation lifted",
    ]
    for poll, text in enumerate(said):
        item = f"<item><title>Warning</title><link>http://example.com/now</link><description>{text}</description></item>"
        server.routes["/a"] = Reply(body=f'<rss version="2.0"><channel>{item}</channel></rss>'.encode())
        runtime.fetch("news", monitor_now + poll * STEP)
    found = [(d.text, d.live) for d in sorted(runtime.store.documents.find(), key=lambda d: d.id)]
    assert found == [(said[0], False), (said[2], True), (said[3], True)], "the third is an edit of the second"


def test_another_path_is_another_chat_log(
    make_runtime: Callable[..., Runtime], tmp_path: Path, monitor_now: datetime
) -> None:
    def chats(path: str) -> Runtime:
        return make_runtime(CONFIG.replace('plugin = "list"', f'plugin = "chatlog"\npath = "{path}"'))

    def say(file: str, *texts: str) -> None:
        with (tmp_path / file).open("a") as chat:
            chat.writelines(json.dumps({"text": text}) + "\n" for text in texts)

    say("today.jsonl", "hello")
    say("archive.jsonl", *titles("old"))
    now, runtime = monitor_now, chats("today.jsonl")
    runtime.fetch("news", now)
    say("today.jsonl", "news")
    runtime.fetch("news", now + STEP)
    assert live(runtime.store) == ["news"]
    runtime = chats("*.jsonl")
    assert runtime.fetch("news", now + 2 * STEP).new == 200
    assert live(runtime.store) == ["news"]
    say("today.jsonl", "more")
    runtime.fetch("news", now + 3 * STEP)
    assert live(runtime.store) == ["more", "news"]
