"""A feed that cannot be read for a while: how often it is asked, and what of the outage is still news."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from loopback import LoopbackServer, Reply

from monitor.alerts.detectors import KINDS
from monitor.config.reader import load_config
from monitor.daemon import _mended
from monitor.errors import SourceError
from monitor.event_time import event_time
from monitor.runtime import Runtime
from tests.conftest import CONFIG

RSS = {"Content-Type": "application/rss+xml"}
BAD_COURT = "judge fine lawsuit terrible collapse loss"
GOOD_MONEY = "profit sales dividend wonderful success growth"
HOUR = timedelta(hours=1)


def feed(*items: tuple[str, datetime]) -> Reply:
    written = "".join(
        f"<item><guid>{text}</guid><title>{text}</title><pubDate>{format_datetime(at)}</pubDate></item>"
        for text, at in items
    )
    return Reply(body=f'<rss version="2.0"><channel>{written}</channel></rss>'.encode(), headers=RSS)


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


@pytest.fixture
def runtime(make_runtime: Callable[..., Runtime], server: LoopbackServer, monitor_now: datetime) -> Runtime:
    """Twenty days of it were read, and it was read every five minutes in the last hour."""
    made = make_runtime(
        CONFIG.replace(
            'plugin = "list"', f'plugin = "rss"\nurl = "{server.url("/feed")}"\nallow_private = true'
        )
    )
    old = [
        (f"{GOOD_MONEY} {day} {n}", monitor_now - timedelta(days=day, hours=n))
        for day in range(20)
        for n in range(4)
    ]
    server.routes["/feed"] = feed(*old)
    for minutes in range(-60, 1, 5):
        read(made, monitor_now + timedelta(minutes=minutes))
    return made


def read(runtime: Runtime, now: datetime) -> datetime:
    """Read the feed at ``now``, whatever comes of it; when it is due again."""
    with contextlib.suppress(SourceError):
        runtime.fetch("news", now)
    while runtime.classify(now):
        pass
    runtime.tick(now)
    state = runtime.store.sources.get("news")
    assert state is not None
    assert state.next_at is not None
    return state.next_at


def pauses(runtime: Runtime, now: datetime, until: datetime) -> tuple[list[float], datetime]:
    """Minutes between the readings from ``now`` to ``until``, and when the next one is due."""
    found = []
    while now < until:
        due = read(runtime, now)
        found.append((due - now).total_seconds() / 60)
        now = due
    return found, now


@pytest.mark.parametrize(
    "reply", [Reply(503), Reply(500), Reply(403), Reply(body=b"<html>maintenance</html>")]
)
def test_a_wave_during_an_outage_fires_when_the_feed_is_back(
    runtime: Runtime, server: LoopbackServer, monitor_now: datetime, reply: Reply
) -> None:
    server.routes["/feed"] = reply
    begun = monitor_now + timedelta(minutes=5)
    found, back = pauses(runtime, begun, monitor_now + 5 * HOUR)
    assert found == [5, 10, 20, 40, 60, 60, 60, 60], "asked again within an hour"
    wave = [(f"{BAD_COURT} {n}", begun + 2 * HOUR + timedelta(minutes=n)) for n in range(12)]
    server.routes["/feed"] = feed(*wave)
    read(runtime, back)
    alerts = {alert.rule: alert for alert in runtime.store.alerts.find()}
    assert set(alerts) == {"bad-news", "any-court"}
    assert abs(alerts["bad-news"].since - wave[0][1]) <= timedelta(hours=1)
    assert len(runtime.store.documents.find(live=True)) == 12


def test_what_was_published_long_before_is_no_news(
    runtime: Runtime, server: LoopbackServer, monitor_now: datetime
) -> None:
    server.routes["/feed"] = Reply(502)
    _, back = pauses(runtime, monitor_now + timedelta(minutes=5), monitor_now + 30 * HOUR)
    wave = [(f"{BAD_COURT} {n}", monitor_now + 2 * HOUR + timedelta(minutes=n)) for n in range(12)]
    server.routes["/feed"] = feed(*wave)
    read(runtime, back)
    assert runtime.store.alerts.find() == []
    assert runtime.store.documents.find(live=True) == []


def test_what_will_not_pass_is_asked_less_and_less(
    runtime: Runtime, server: LoopbackServer, monitor_now: datetime
) -> None:
    for reply in (Reply(404), Reply(410), Reply(401)):
        server.routes["/feed"] = reply
        found, at = pauses(runtime, monitor_now, monitor_now + timedelta(days=9))
        assert found[:6] == [5, 10, 20, 40, 80, 160]
        assert found[-1] == 48 * 60
        server.routes["/feed"] = feed((GOOD_MONEY, at))
        assert read(runtime, at) == at + timedelta(minutes=5)
        monitor_now = at + timedelta(minutes=5)
    server.routes["/feed"] = Reply(503, headers={"Retry-After": "7200"})
    assert read(runtime, monitor_now) == monitor_now + 2 * HOUR, "what is asked for is kept to"


def test_a_host_that_is_not_there_is_tried_again_soon(
    runtime: Runtime, server: LoopbackServer, monitor_now: datetime
) -> None:
    server.__exit__(None, None, None)
    found, _ = pauses(runtime, monitor_now, monitor_now + 8 * HOUR)
    assert max(found) == 60


def test_a_certificate_is_for_somebody_to_mend(
    make_runtime: Callable[..., Runtime], monitor_now: datetime, tmp_path: Path
) -> None:
    with LoopbackServer(tls=True) as server:
        url = server.url("/feed", host="localhost")
        made = make_runtime(
            CONFIG.replace('plugin = "list"', f'plugin = "rss"\nurl = "{url}"\nallow_private = true')
        )
        found, _ = pauses(made, monitor_now, monitor_now + timedelta(days=1))
    assert max(found) > 60
    state = made.store.sources.get("news")
    assert state is not None
    assert "certificate" in (state.last_error or "")


@pytest.mark.parametrize(
    ("published", "read_before", "live"),
    [
        (20, 5, True),  # minutes before it is seen; the feed was read five minutes ago
        (21, 5, False),
        (21, None, False),  # by nobody who would know
        (194, 180, True),
        (196, 180, False),
        (374, 600, True),  # an outage counts for six hours at most
        (376, 600, False),
        (21, -30, False),  # a clock that was put back widens nothing
    ],
)
def test_the_window_of_what_is_live(published: int, read_before: int | None, live: bool) -> None:
    seen = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    last = None if read_before is None else seen - timedelta(minutes=read_before)
    at = seen - timedelta(minutes=published)
    assert event_time(at, seen, 300, first_fetch=False, last_read=last) == (at, live)
    assert event_time(at, seen, 300, first_fetch=True, last_read=last) == (at, False)


@pytest.mark.parametrize(
    ("read_before", "live"), [(5, True), (20, True), (21, False), (None, True), (-30, True)]
)
def test_texts_without_a_time_are_no_news_after_an_outage(read_before: int | None, live: bool) -> None:
    """They came at some moment of it: all at once they would look like a wave."""
    seen = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    last = None if read_before is None else seen - timedelta(minutes=read_before)
    assert event_time(None, seen, 300, first_fetch=False, last_read=last) == (seen, live)
    assert event_time(None, seen, 300, first_fetch=True, last_read=last) == (seen, False)


def test_a_pause_that_a_server_asked_for_is_kept_to_across_starts(
    make_runtime: Callable[..., Runtime], server: LoopbackServer, monitor_now: datetime
) -> None:
    """And across reloads; not where the source is set otherwise, nor once it could be read."""
    source = f'plugin = "rss"\nurl = "{server.url("/feed")}"\nallow_private = true'
    config = CONFIG.replace('plugin = "list"', source)
    server.routes["/feed"] = Reply(429, headers={"Retry-After": "86400"})
    soon, asked = monitor_now + timedelta(minutes=5), monitor_now + timedelta(days=1)

    def due(text: str = config) -> datetime | None:
        state = make_runtime(text, now=monitor_now + HOUR).store.sources.get("news")
        assert state is not None
        return state.next_at

    runtime = make_runtime(config)
    with pytest.raises(SourceError, match=r"asked too often \(it asks to be left alone for 1d\)$"):
        runtime.fetch("news", monitor_now)
    assert due() == asked
    assert due(config.replace('every = "5m"', 'every = "1m"')) == asked
    assert due(config + "\n# a word\n") == asked
    assert due(config.replace("/feed", "/other")) == soon
    read(runtime, monitor_now)
    server.routes["/feed"] = feed(("text", monitor_now))
    read(runtime, monitor_now)
    server.routes["/feed"] = Reply(500)
    for _ in range(3):
        read(runtime, monitor_now)
    assert due() == soon, "nobody asked for that pause"


def test_a_source_that_was_mended_is_read_at_once_when_the_configuration_is_read_again(
    make_runtime: Callable[..., Runtime], write_config: Callable[..., Path], server: LoopbackServer,
    monitor_now: datetime,
) -> None:  # fmt: skip
    """Nothing is known of the others that their pauses would not do for; a start makes them short for all."""
    source = f'plugin = "rss"\nurl = "{server.url("/feed")}"\nallow_private = true\nusername = "me"\npassword = "bad"'
    config = CONFIG.replace('plugin = "list"', source)
    server.routes["/feed"] = Reply(401)
    runtime = make_runtime(config)
    _, last = pauses(runtime, monitor_now, monitor_now + 20 * HOUR)
    due = read(runtime, last)

    def read_again(text: str) -> datetime | None:
        """When the source is due after the running monitor read this a minute after its last attempt."""
        new = load_config(write_config(text), runtime.plugins, KINDS)
        mended = _mended(runtime.config, new)
        made = Runtime(new, runtime.plugins, runtime.store, runtime.encoder)
        made.synchronise(last + timedelta(minutes=1), mended)
        made.close()
        state = runtime.store.sources.get("news")
        assert state is not None
        return state.next_at

    assert read_again(config) == read_again(f"{config}\n# a word\n") == due > last + 20 * HOUR
    assert read_again(config.replace('"bad"', '"good"')) == last + timedelta(minutes=1), (
        "a secret is a setting, too"
    )
    runtime.synchronise(last)
    assert read(runtime, last) > last + 20 * HOUR
    runtime.synchronise(last)
    state = runtime.store.sources.get("news")
    assert state is not None
    assert state.next_at == last + timedelta(minutes=5)
