"""The live view: what came since it began, once, in order."""

from __future__ import annotations

import io
import re
import time
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from monitor.cli.view import View, _line, counts_table
from monitor.store import Store
from monitor.types import Document, Prediction, StoredDocument


def raised(store: Store, rule: str, now: datetime, state: str = "firing") -> int:
    return store.alerts.insert(
        rule=rule, kind="threshold", fingerprint=rule, selection={}, since=now, now=now, observed=4, expected=3,
        low=0, high=3, reason="4 texts", notify=[], state=state,
    )  # type: ignore[arg-type] # fmt: skip


def read(store: Store, text: str, now: datetime) -> None:
    store.documents.add("news", Document(text, text), now=now, event_at=now, live=True)
    [waiting] = store.documents.pending(5)
    store.documents.classified(waiting.document.id, waiting.content_hash)


class Screen(io.StringIO):
    """Takes what is printed, or is broken."""

    broken = False

    def write(self, text: str) -> int:
        if self.broken:
            raise OSError("the terminal is gone")
        return super().write(text)

    def alerts(self) -> list[str]:
        """What was said of alerts since the last time."""
        said = re.findall(r"ALERT \d+: \S+|alert \d+ resolved", self.getvalue())
        self.seek(0)
        self.truncate()
        return said


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture
def view(monitor_store: Store, screen: Screen) -> View:
    monitor_store.sources.sync([("news", "rss", 300.0)])
    return View(monitor_store.path, Console(file=screen, width=100))


def test_what_was_there_is_not_new_and_a_pending_alert_is_shown_when_it_fires(
    monitor_store: Store, monitor_now: datetime, view: View, screen: Screen
) -> None:
    store, now = monitor_store, monitor_now
    long_ago = now - timedelta(days=300)
    store.alerts.resolve(raised(store, "last-year", long_ago), "over", long_ago + timedelta(days=1))
    goes_on, pending = raised(store, "goes-on", now), raised(store, "waits", now, "pending")
    read(store, "an old text", now)
    view.begin()
    view.show_new()
    assert (screen.alerts(), screen.getvalue()) == ([], "")
    read(store, "a new text", now)
    passing = raised(store, "passes", now, "pending")
    view.show_new()
    assert "a new text" in screen.getvalue()
    assert screen.alerts() == [], "nobody is told of an alert that waits"
    store.alerts.resolve(passing, "did not last", now)
    store.alerts.fire(pending, "5 texts", now)
    view.show_new()
    assert screen.alerts() == [f"ALERT {pending}: waits"]
    store.alerts.resolve(goes_on, "over", now)
    view.show_new()
    assert screen.alerts() == [f"alert {goes_on} resolved"]


def test_no_alert_is_left_out_where_many_come_at_once(
    monitor_store: Store, monitor_now: datetime, view: View, screen: Screen
) -> None:
    view.begin()
    with monitor_store.transaction():
        ids = [raised(monitor_store, f"r{number}", monitor_now) for number in range(150)]
    view.show_new()
    view.show_new()
    assert screen.alerts() == [f"ALERT {alert_id}: r{n}" for n, alert_id in enumerate(ids)]


def test_an_error_does_not_end_it(
    monitor_store: Store, monitor_now: datetime, view: View, screen: Screen, caplog: pytest.LogCaptureFixture
) -> None:
    def until(condition: object) -> None:
        end = time.monotonic() + 30
        while not condition():  # type: ignore[operator]
            assert time.monotonic() < end
            time.sleep(0.02)

    view.start()
    screen.broken = True
    read(monitor_store, "a text", monitor_now)
    until(lambda: "the view left something out" in caplog.text)
    screen.broken = False
    raised(monitor_store, "later", monitor_now)
    until(lambda: "ALERT 1: later" in screen.getvalue())
    view.stop()


def test_each_text_of_the_past_is_counted_once(
    monitor_store: Store, monitor_now: datetime, view: View, screen: Screen
) -> None:
    store = monitor_store
    view.begin()
    for number in range(40):
        at = monitor_now - timedelta(days=40 - number)
        store.documents.add("news", Document(str(number), f"t{number}"), now=at, event_at=at, live=False)
    looks = list[str]()
    store_of_view = view.store.connection
    store_of_view.set_trace_callback(lambda sql: looks.append(sql) if "count(*)" in sql else None)
    for share in (30, 10):
        for waiting in store.documents.pending(share):
            store.documents.classified(waiting.document.id, waiting.content_hash)
        view.show_new()
    view.show_new()
    store_of_view.set_trace_callback(None)
    said = screen.getvalue()
    assert "history: 30 documents labelled" in said
    assert ("t30" in said, "t29 " in said, "t39" in said) == (True, False, True)
    assert [sql.split(" where ")[1].split(" and state")[0] for sql in looks] == [
        "id > 0 and id <= 30", "id > 30 and id <= 40", "id > 40 and id <= 40",
    ]  # fmt: skip


def test_columns_hold_where_letters_are_as_wide_as_two(
    view: View, screen: Screen, monitor_store: Store, monitor_now: datetime
) -> None:
    said = {"问题": [Prediction("登录问题与密码错误以及其他", 0.9)], "mood": [Prediction("bad", 0.9)]}
    document = StoredDocument(
        id=1, source="客服聊天记录", external_id="1", thread="", role="publisher", title="", text="登录", url="",
        published_at=None, fetched_at=monitor_now, event_at=monitor_now, live=True,
    )  # fmt: skip
    wide, narrow = _line(document, said), _line(replace(document, source="news", text="login"), {})
    assert cell_len(wide.plain.removesuffix("登录")) == cell_len(narrow.plain.removesuffix("login"))


def test_bars_are_divided_by_the_sentiment_that_reads_their_texts_and_fit_their_columns() -> None:
    moods = {"mood": ["negative", "positive"], "sentiment": ["negative", "positive"]}
    columns = {
        "intent": {"refund": 3},
        "mood": {"negative": 3},
        "sentiment": {"negative": 7, "positive": 5},
        "topic": {"credit": 7, "earnings": 5},
    }
    pairs = [
        ({"intent": "refund", "mood": "negative"}, 3),
        ({"topic": "credit", "sentiment": "negative"}, 3),
        ({"topic": "credit", "sentiment": "positive"}, 4),
        ({"topic": "earnings", "sentiment": "negative"}, 2),
        ({"topic": "earnings", "mood": "positive"}, 1),
    ]
    for width in (100, 140):
        screen = io.StringIO()
        table = counts_table(columns, pairs, moods, width)
        Console(file=screen, width=width).print(table)
        assert [line.split()[0] for line in screen.getvalue().splitlines()[:4]] == [
            "the", "intent", "refund", "positive",
        ]  # a title, a head, and no line is broken # fmt: skip
        refund, _, _, topics = [cell for column in table.columns for cell in column.cells]
        assert isinstance(refund, Text)
        assert isinstance(topics, Text)
        # a line a label: name, count, a bar of each shade, line end
        [line, *_] = refund.split("\n")
        assert [str(span.style) for span in line.spans] == ["red"]
        credit, earnings = topics.split("\n")[:2]
        assert [str(span.style) for span in credit.spans] == ["red", "green"]
        assert [str(span.style) for span in earnings.spans] == ["red"]
        assert credit.plain.count("\u2588") == min(16, width // 4 - 22)
