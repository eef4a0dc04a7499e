"""The simulated month: what is planted, what counts as found, and two days of it through the real monitor."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitor.interfaces import Settings
from monitor.plugins import load_plugins
from monitor.testing import HashEncoder

ROOT = Path(__file__).resolve().parent.parent
START = datetime(2026, 9, 7, tzinfo=UTC)


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts of that folder import each other by name."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


def world(seed: int, days: int = 30) -> Any:
    texts = import_module("month_texts").Texts()
    return import_module("month_world").make_world(np.random.default_rng(seed), texts, START, days)


def test_a_seed_is_one_world_with_ten_events() -> None:
    found = world(1)
    assert found == world(1)
    assert found.posts != world(2).posts
    assert [event.number for event in found.events] == list(range(10))
    assert len({event.kind for event in found.events}) == 10
    assert sum(event.must for event in found.events) == 7
    assert found.posts == tuple(sorted(found.posts, key=lambda post: post.at))
    assert found.begin <= found.posts[0].at
    assert found.posts[-1].at < found.end
    for event in found.events:
        assert found.start <= event.start < event.end <= found.end


def test_planted_posts_are_what_the_event_says() -> None:
    found = world(3)
    of = {event.kind: event for event in found.events}

    def texts(kind: str) -> list[str]:
        own = [post.document for post in found.posts if post.event == of[kind].number]
        return [f"{document.title} {document.text}" for document in own]

    assert len(set(texts("storm"))) == 1
    assert 40 <= len(texts("storm")) <= 60
    for kind in ("name-wave", "night-wave", "news-burn"):
        assert len(set(texts(kind))) == len(texts(kind)) >= 10
        assert all(of[kind].about.split()[0] in text for text in texts(kind))
    assert not texts("outage")
    for event in found.events:
        times = [post.at for post in found.posts if post.event == event.number and "news" in post.source]
        assert all(event.start <= at <= event.end for at in times)


def test_the_stream_has_a_rhythm() -> None:
    calm = [post.at for post in world(1).posts if post.at < START and post.source == "news"]
    hours, days = Counter(at.hour for at in calm), Counter(at.weekday() >= 5 for at in calm)
    assert hours[7] > 3 * hours[1]
    assert days[False] / 5 > 2 * days[True] / 2


def fired(month: Any, at: datetime, planted: dict[int, float], kind: str = "surge", **series: str) -> Any:
    return month.Fired(at, "a rule", kind, series, "", planted)


def test_what_is_found_and_what_is_false() -> None:
    month, place = import_module("month"), import_module("month_world")
    hour = timedelta(hours=1)
    wave = place.Event(0, "wave", True, START, START + 2 * hour)
    sale = place.Event(1, "sale", False, START, START + 2 * hour)
    out = place.Event(2, "outage", True, START + 9 * hour, START + 19 * hour, "news", "news")
    events = [wave, sale, out]
    first, second = fired(month, START + hour, {0: 0.5}), fired(month, START + 2 * hour, {0: 1.0})
    late = fired(month, START + 3.5 * hour, {0: 1.0})
    stray, shop = fired(month, START + hour, {0: 0.2}), fired(month, START + hour, {1: 1.0})
    silent = fired(month, START + 12 * hour, {}, "silence", source="news")
    other = fired(month, START + 12 * hour, {}, "silence", source="support")

    found = month.score(events, [first, second, silent])
    assert found["found"] == {"wave": 60.0, "outage": 180.0}
    assert (found["missed"], found["false"], found["alerts"]) == ([], [], 3)
    found = month.score(events, [late, stray, shop, other])
    assert found["missed"] == ["wave", "outage"]
    assert [alert["planted"] for alert in found["false"]] == [{"wave": 1.0}, {"wave": 0.2}, {"sale": 1.0}, {}]
    total = month.summary({"0": month.score(events, [first, silent]), "1": found})
    assert (total["recall"], total["false_alerts_a_month"]) == (0.5, 2.0)
    assert total["found"] == {"outage": "1 of 2", "wave": "1 of 2"}


def test_two_days_through_the_monitor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    month = import_module("month")
    unlearned = tmp_path / "unlearned.toml"
    with_seeds = month.CONFIG.read_text("utf-8")
    unlearned.write_text(with_seeds.replace('\nadapter = "', '\ndefault_seeds = false\nadapter = "'), "utf-8")
    monkeypatch.setattr(month, "CONFIG", unlearned)
    drawn = world(1)
    outage = next(event for event in drawn.events if event.kind == "outage")
    start = outage.start.replace(hour=0, minute=0, second=0, microsecond=0)
    end = start + timedelta(days=2)
    posts = tuple(p for p in drawn.posts if start - timedelta(days=15) <= p.at < end and p.source == "news")
    tiny = replace(drawn, start=start, end=end, posts=posts, events=(outage,))
    plugins = load_plugins(extra={"posts": month.PostsPlugin()})
    runs = month.Month(plugins, HashEncoder(Settings(), tmp_path))
    found = runs.run(tiny, tmp_path)
    assert list(month.score(tiny.events, found)["found"]) == ["outage"]
    assert all(start <= alert.at <= end for alert in found)
