"""A database with weeks of the sample's texts, labelled as their authors meant, for tests of what is said of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from monitor.store import Store
from monitor.store.predictions import Answer
from monitor.types import Document, Prediction, StoredDocument, Task
from sample.texts import News, read_conversations, read_news

TOPICS = ("earnings", "litigation", "mergers", "product", "management", "regulation", "markets", "other")
TASKS = ("topic", "sentiment", "intent")
MOODS = {"positive": "", "neutral": "", "negative": ""}


class Weeks:
    """Fills a store; :meth:`say` adds a document with its labels at a time."""

    def __init__(self, path: Path, now: datetime, *, days: int = 28, seed: int = 1, busy: int = 12) -> None:
        self.store, self.now = Store(path), now
        self.random = random.Random(seed)
        self.news = [item for item in read_news() if not item.wave]
        self.wave = [item for item in read_news() if item.wave]
        self.chats = read_conversations()
        self.number = 0
        if self.store.documents.count():  # a copy of a file that was filled before
            self.number = self.store.documents.count()
            self.heads = {t: self.store.heads.active(t).id for t in TASKS}  # type: ignore[union-attr]
            return
        topics = sorted({item.topic for item in read_news()} | set(TOPICS))
        intents = sorted({i for chat in self.chats for i in chat.intents} | {"complaint"})
        self.store.sources.sync(
            [("bbc-business", "rss", 600.0), ("wire", "rss", 300.0), ("chat", "chatlog", 30.0)]
        )
        self.store.tasks.sync(
            [
                (Task("topic", dict.fromkeys(topics, ""), multi=True), "labels", {}),
                (Task("sentiment", MOODS), "labels", {}),
                (Task("intent", dict.fromkeys(intents, "")), "labels", {}),
            ],
            now,
        )
        self.heads = {
            task: self.store.heads.add(task, inputs="x", encoder="e", seeds=0, data=b"", now=now).id
            for task in TASKS
        }
        with self.store.transaction():
            for day in range(days, 0, -1):
                for _ in range(busy):
                    self.report(self.random.choice(self.news), self._daytime(day), live=False)
                for _ in range(busy // 4):
                    self.talk(self._daytime(day), live=False)
            self.store.series.clear_due()

    def _daytime(self, day: int) -> datetime:
        hour = self.random.triangular(5, 23, 13)
        midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        return min(midnight - timedelta(days=day - 1) + timedelta(hours=hour), self.now - timedelta(hours=2))

    def report(self, item: News, at: datetime, *, live: bool = True, source: str = "") -> int:
        """A news item."""
        source = source or self.random.choice(["bbc-business", "wire"])
        return self.say(
            source,
            item.title,
            item.summary,
            at,
            {"topic": [item.topic], "sentiment": [item.mood]},
            url=f"https://{source}.example/{self.number}",
            live=live,
        )

    def talk(self, at: datetime, *, live: bool = True, chat: int | None = None) -> list[int]:
        """A conversation, a minute a turn."""
        talk = self.random.choice(self.chats) if chat is None else self.chats[chat]
        thread = f"t{self.number}"
        found = []
        for turn, said in enumerate(talk.turns):
            labels = {"sentiment": [talk.mood], "intent": list(talk.intents[:1])}
            when = min(at + timedelta(minutes=turn), self.now)
            found.append(
                self.say(
                    "chat", "", said.text, when, labels if said.role == "customer" else {}, thread=thread,
                    role=said.role, live=live,
                )
            )  # fmt: skip
        return found

    def say(
        self,
        source: str,
        title: str,
        text: str,
        at: datetime,
        labels: dict[str, Sequence[str]],
        *,
        url: str = "",
        thread: str = "",
        role: str = "publisher",
        live: bool = True,
    ) -> int:
        """Any document; a task that ``labels`` leaves out does not apply to it."""
        with self.store.transaction():
            return self._say(source, title, text, at, labels, url, thread, role, live)

    def _say(
        self,
        source: str,
        title: str,
        text: str,
        at: datetime,
        labels: dict[str, Sequence[str]],
        url: str,
        thread: str,
        role: str,
        live: bool,
    ) -> int:
        self.number += 1
        document = Document(str(self.number), text, title, url, thread, role, at)  # type: ignore[arg-type]
        self.store.documents.add(source, document, now=at, event_at=at, live=live)
        (pending,) = self.store.documents.pending(10)
        answers = {
            task: Answer([Prediction(label, 0.9) for label in said], self.heads[task])
            for task, said in labels.items()
            if said
        }
        self.store.predictions.record(pending.document.id, answers)
        self.store.documents.classified(pending.document.id, pending.content_hash)
        return pending.document.id

    def documents(self, ids: Sequence[int]) -> list[StoredDocument]:
        """Documents, the newest first."""
        return sorted(self.store.documents.many(list(ids)), key=lambda d: d.event_at, reverse=True)
