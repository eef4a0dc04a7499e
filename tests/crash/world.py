"""A small world that unfolds in rounds, and a monitor that lives through it, in a process of its own.

Each round the world's files grow to what they are at that time, and the monitor fetches,
classifies, judges and delivers. A killed run goes on with the round it died in.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ROUNDS = 7
BAD = "judge fine lawsuit terrible collapse loss"
GOOD = "profit sales dividend wonderful success growth"

CONFIG = """
database = "monitor.db"
encoder = "{encoder}"

[[sources]]
plugin = "rss"
name = "news"
every = "5m"
url = "http://127.0.0.1:{port}/feed.xml"
allow_private = true

[[sources]]
plugin = "chatlog"
name = "chats"
every = "5m"
path = "chats/*.jsonl"

[[tasks]]
name = "topic"
multi = true
seeds = "topic.csv"
labels = {{ court = "judge, lawsuit or fine", money = "profit, sales or dividend" }}

[[tasks]]
name = "mood"
seeds = "mood.csv"
labels = {{ bad = "something went wrong", good = "something went well" }}

[[rules]]
name = "bad-news"
kind = "surge"
where = {{ topic = "*", mood = "bad" }}
window = "30m"

[[rules]]
name = "any-court"
kind = "threshold"
where = {{ topic = "court" }}
at_least = 3
window = "30m"

[[notifiers]]
plugin = "webhook"
name = "desk"
url = "http://127.0.0.1:{port}/desk"
allow_private = true

[[notifiers]]
plugin = "webhook"
name = "press"
url = "http://127.0.0.1:{port}/press"
allow_private = true

[[routes]]
name = "one by one"
notify = ["desk"]
continue = true

[[routes]]
name = "together"
notify = ["press"]
group_by = []
group_wait = "0s"
"""

SEEDS = {
    "topic.csv": (
        "text,label\njudge orders fine in lawsuit,court\ncourt hears lawsuit and judge rules,court\n"
        "profit sales dividend rise,money\nquarterly profit and sales,money\n"
    ),
    "mood.csv": (
        "text,label\nterrible loss collapse broken,bad\nawful failure collapse loss,bad\n"
        "wonderful success growth win,good\ngreat success win growth,good\n"
    ),
}


def time_of(round_: int) -> datetime:
    """Rounds are five minutes apart at first; the last ones come when all is quiet again."""
    return START + timedelta(minutes=5 * round_ if round_ < 4 else 60 * round_)


def unfold(folder: Path, round_: int) -> None:
    """Bring the world's files to what they are in ``round_``; the same whenever it is called."""
    items = []
    for day in range(12, 0, -1):
        at = START - timedelta(days=day, hours=day % 3)
        items += [
            (f"calm-{day}-{n}", f"{GOOD} day {day} part {n}", at + timedelta(hours=n)) for n in range(2)
        ]
    for past in range(1, round_ + 1):
        at = time_of(past) - timedelta(minutes=2)
        wave = 9 if past in (2, 3) else 0
        items += [(f"wave-{past}-{n}", f"{BAD} round {past} report {n}", at) for n in range(wave)]
        items.append((f"calm-now-{past}", f"{GOOD} round {past}", at))
    entries = "".join(
        f"<item><guid isPermaLink='false'>{guid}</guid><title>{text}</title>"
        f"<link>http://news.example/{guid}</link><pubDate>{format_datetime(at)}</pubDate></item>"
        for guid, text, at in items
    )
    feed = f"<rss version='2.0'><channel><title>News</title>{entries}</channel></rss>"
    _replace(folder / "feed.xml", feed)

    turns = [(n, START - timedelta(days=12 - n / 2)) for n in range(20)]
    turns += [(100 + past, time_of(past) - timedelta(minutes=1)) for past in range(1, round_ + 1)]
    lines = [
        json.dumps({"id": f"turn-{n}", "thread": f"t{n // 3}", "role": "customer", "time": at.isoformat(),
                    "text": f"{BAD if n % 5 == 0 else GOOD} said in turn {n}"})
        for n, at in turns
    ]  # fmt: skip
    (folder / "chats").mkdir(exist_ok=True)
    log = folder / "chats" / "log.jsonl"
    present = log.stat().st_size if log.exists() else 0
    with log.open("ab") as file:
        file.write("".join(line + "\n" for line in lines).encode()[present:])


def prepare(folder: Path, port: int, encoder: str = "hash") -> None:
    """Write what does not change: configuration and seeds."""
    (folder / "config.toml").write_text(CONFIG.format(port=port, encoder=encoder), encoding="utf-8")
    for name, content in SEEDS.items():
        (folder / name).write_text(content, encoding="utf-8")
    unfold(folder, 0)


def state_of(path: Path) -> dict[str, list[Any]]:
    """All that must be the same however often a run was killed."""
    db = sqlite3.connect(path)
    queries = {
        "documents": "select source, external_id, title, text, event_at, live, state from documents order by 1, 2",
        "predictions": (
            "select d.source, d.external_id, p.task, p.label, p.abstained, round(p.probability, 4) "
            "from predictions p join documents d on d.id = p.document_id order by 1, 2, 3, 4"
        ),
        "counts": (
            "select selection, bucket, total, live from counts join series on series.id = series_id order by 1, 2"
        ),
        "alerts": (
            "select rule, fingerprint, selection, state, observed, fired_at, resolved_at from alerts order by 1, 3, 6"
        ),
        "alert documents": (
            "select a.rule, a.selection, a.fired_at, d.external_id from alert_documents x join alerts a "
            "on a.id = x.alert_id join documents d on d.id = x.document_id order by 1, 2, 3, 4"
        ),
        "notifications": "select key, event, state from outbox order by 1",
        "log": "select alert_id, notifier, route, notified_at, times, resolved_at from notification_log order by 1, 2",
        "groups": "select route, labels, notifications from alert_groups order by 1, 2",
    }
    found = {name: db.execute(sql).fetchall() for name, sql in queries.items()}
    db.close()
    return found


def main(folder: Path, mode: str, kill: int) -> None:
    """Live through the rounds that are left, and note how many commits and statements it took.

    :param mode: what ``kill`` counts: ``commit`` kills right before the ``kill``-th commit,
        ``statement`` before the ``kill``-th SQL statement; ``never`` lets the run end.
    """
    from monitor import hookimpl
    from monitor.alerts.detectors import KINDS
    from monitor.config.reader import load_config
    from monitor.errors import SourceError
    from monitor.plugins import load_plugins
    from monitor.runtime import Runtime
    from monitor.shared_encoder import make_encoder
    from monitor.store import Store
    from monitor.testing import HashEncoder

    class Fast:
        @hookimpl
        def register_encoders(self) -> list[type]:
            return [HashEncoder]

    seen = {"commit": 0, "statement": 0}

    def trace(statement: str) -> None:
        seen["statement"] += 1
        seen["commit"] += statement.strip().lower() == "commit"
        if mode != "never" and seen[mode] == kill:
            os.kill(os.getpid(), signal.SIGKILL)

    traced: list[sqlite3.Connection] = []

    class TracedStore(Store):
        @property
        def connection(self) -> sqlite3.Connection:
            connection = super().connection
            if connection not in traced:
                traced.append(connection)
                # a killed process loses nothing that it wrote; only a power cut would
                connection.execute("pragma synchronous = off")
                connection.set_trace_callback(trace)
            return connection

    plugins = load_plugins(extra={"fast": Fast()})
    config = load_config(folder / "config.toml", plugins, KINDS)
    store = TracedStore(config.database)
    progress = folder / "round"
    round_ = int(progress.read_text()) if progress.exists() else 0
    while round_ < ROUNDS:
        now = time_of(round_)
        unfold(folder, round_)
        runtime = Runtime(config, plugins, store, make_encoder(config))
        runtime.synchronise(now)
        runtime.learn(now)
        runtime.relabel(now)
        for name in sorted(runtime.sources):
            try:
                runtime.fetch(name, now)
            except SourceError as error:
                sys.exit(f"{name}: {error}")
        while runtime.classify(now):
            pass
        runtime.tick(now)
        for name in runtime.notifiers:
            runtime.deliver(name, now)
        runtime.close()
        round_ += 1
        _replace(progress, str(round_))
    store.close()
    _replace(folder / "seen.json", json.dumps(seen))


def _replace(path: Path, text: str) -> None:
    aside = path.with_suffix(".new")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
