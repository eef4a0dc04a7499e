"""A month of news and support chats with ten planted events, drawn from a seed; nothing here knows the monitor's rules.

Four calm weeks come first, as what the sources tell at their first fetch. News and chats have a
rhythm of hours and weekdays (:mod:`sample.history`) and are over-dispersed: the rate of each hour
is itself drawn, and some days are busier than others. Texts are the sample's own, bad and
neutral ones as their authors mixed them, retold about other companies, months and numbers
(:mod:`month_texts`). No text is a seed of the built-in tasks.

The month has ten slots of three days, one event in each, in an order that is drawn:

| event          | what happens                                                               | an alert must come |
|----------------|----------------------------------------------------------------------------|------|
| name-wave      | 15 to 30 items of bad news about one company in 2 to 5 hours of a day      | yes  |
| topic-wave     | 15 to 30 items of bad news of one topic, any companies, in 2 to 5 hours    | yes  |
| night-wave     | 10 to 16 items of bad news about one company, 1.5 to 3 hours of a night    | yes  |
| complaint-wave | 12 to 25 conversations that complain, in 2 to 4 hours of a day             | yes  |
| news-burn      | 14 to 22 items of bad news a day about one company, for 1.5 to 2.5 days    | yes  |
| chat-burn      | 15 to 25 conversations a day that complain, for 1.5 to 2.5 days            | yes  |
| outage         | 9 to 14 hours of a working day without news: the feed fails or gives none  | yes  |
| sale-day       | 3 to 5 times as many ordinary conversations for 12 hours                   | no   |
| storm          | one piece of bad news, word for word, by 40 to 60 publishers in 1 to 2 hours | no |
| results-day    | 25 to 40 calm or good items about earnings in 4 to 6 hours                 | no   |

What was missed in the outage comes late, all at once; the alert it must raise is of kind silence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from month_texts import Texts

from monitor.types import Document, Role
from sample.history import NEWSROOM, SUPPORT, WEEKEND
from sample.texts import Conversation, News

NEWS, CHATS = "news", "support"
HISTORY = timedelta(days=28)
SLOT = timedelta(days=3)
NEWS_A_DAY, CHATS_A_DAY = 60.0, 30.0
"""Items, and conversations, of a working day."""
HOUR_SPREAD, DAY_SPREAD = 0.15, 0.03
"""Variance of the gamma variates of mean one that rates of hours and days are multiplied with."""
COMPANY_SKEW = 0.6
"""The n-th company is written about n ** -this times as often as the first."""


@dataclass(frozen=True)
class Post:
    """A text as its source will give it; ``event`` is the number of the planted event it belongs to."""

    at: datetime
    source: str
    document: Document
    event: int | None = None


@dataclass(frozen=True)
class Event:
    """Something planted in ``[start, end]``; ``must``: whether an alert must come of it.

    ``source`` and ``fails`` are set where a source is out: it raises, or it gives nothing.
    """

    number: int
    kind: str
    must: bool
    start: datetime
    end: datetime
    about: str = ""
    source: str = ""
    fails: bool = False


@dataclass(frozen=True)
class World:
    """Posts in order of time from ``begin`` on; the month lasts from ``start`` to ``end``."""

    begin: datetime
    start: datetime
    end: datetime
    posts: tuple[Post, ...]
    events: tuple[Event, ...]


def make_world(rng: np.random.Generator, texts: Texts, start: datetime, days: int = 30) -> World:
    """Draw a world whose month begins at ``start`` (midnight, UTC) and has a slot for every three days."""
    return _Drawing(rng, texts, start, days).world()


class _Drawing:
    def __init__(self, rng: np.random.Generator, texts: Texts, start: datetime, days: int) -> None:
        self.rng, self.texts = rng, texts
        self.begin, self.start, self.end = start - HISTORY, start, start + timedelta(days=days)
        self.posts: list[Post] = []
        self.events: list[Event] = []
        self.threads = 0
        weights = np.arange(1, len(texts.companies) + 1) ** -COMPANY_SKEW
        self.weights = rng.permutation(weights / weights.sum())

    def world(self) -> World:
        plants: list[Callable[[int, datetime], None]] = [
            self.name_wave, self.topic_wave, self.night_wave, self.complaint_wave, self.news_burn,
            self.chat_burn, self.outage, self.sale_day, self.storm, self.results_day,
        ]  # fmt: skip
        for at in self._arrivals(self.begin, self.end, NEWS_A_DAY, NEWSROOM):
            self._news(at, self.texts.calm(self.rng, self._company()))
        for at in self._arrivals(self.begin, self.end, CHATS_A_DAY, SUPPORT):
            self._chat(at, self.texts.conversation(self.rng))
        order = self.rng.permutation(len(plants))
        for slot in range((self.end - self.start) // SLOT):
            plants[order[slot]](slot, self.start + slot * SLOT)
        posts = sorted((p for p in self.posts if p.at < self.end), key=lambda p: p.at)
        return World(self.begin, self.start, self.end, tuple(posts), tuple(self.events))

    # -- the ten events ------------------------------------------------------------------

    def name_wave(self, number: int, slot: datetime) -> None:
        self._wave(number, "name-wave", self._moment(slot, 7, 17), (2, 5), (15, 30), self._company())

    def night_wave(self, number: int, slot: datetime) -> None:
        self._wave(number, "night-wave", self._moment(slot, 21, 27), (1.5, 3), (10, 16), self._company())

    def topic_wave(self, number: int, slot: datetime) -> None:
        self._wave(number, "topic-wave", self._moment(slot, 7, 17), (2, 5), (15, 30), "")

    def news_burn(self, number: int, slot: datetime) -> None:
        start = slot + timedelta(hours=self.rng.uniform(5, 11))
        end = start + timedelta(days=self.rng.uniform(1.5, 2.5))
        company, topic = self._company(), self.texts.bad_topic(self.rng)
        self._plant(number, "news-burn", True, start, end, company)
        times = list(self._arrivals(start, end, self.rng.uniform(14, 22), NEWSROOM, weekend=1.0))
        for at, item in zip(
            times, self.texts.bad(self.rng, len(times), topic, company, main=0.5), strict=True
        ):
            self._news(at, item, number)

    def complaint_wave(self, number: int, slot: datetime) -> None:
        start = self._moment(slot, 7, 17)
        end = start + timedelta(hours=self.rng.uniform(2, 4))
        self._plant(number, "complaint-wave", True, start, end)
        self._complain(number, self._front(start, end, int(self.rng.integers(12, 26))))

    def chat_burn(self, number: int, slot: datetime) -> None:
        start = slot + timedelta(hours=self.rng.uniform(5, 11))
        end = start + timedelta(days=self.rng.uniform(1.5, 2.5))
        self._plant(number, "chat-burn", True, start, end)
        self._complain(number, self._arrivals(start, end, self.rng.uniform(15, 25), SUPPORT, weekend=1.0))

    def outage(self, number: int, slot: datetime) -> None:
        days = [d for d in range(3) if (slot + timedelta(days=d)).weekday() < 5]
        day = slot + timedelta(days=int(self.rng.choice(days)))
        start = day + timedelta(hours=self.rng.uniform(6, 9))
        end = start + timedelta(hours=self.rng.uniform(9, 14))
        fails = bool(self.rng.integers(2))
        self.events.append(Event(number, "outage", True, start, end, NEWS, NEWS, fails))

    def sale_day(self, number: int, slot: datetime) -> None:
        start = self._moment(slot, 8, 9)
        end, more = start + timedelta(hours=12), self.rng.uniform(2, 4)
        self._plant(number, "sale-day", False, start, end)
        for at in self._arrivals(start, end, more * CHATS_A_DAY, SUPPORT):
            self._chat(at, self.texts.conversation(self.rng), number)

    def storm(self, number: int, slot: datetime) -> None:
        start = self._moment(slot, 7, 17)
        end = start + timedelta(hours=self.rng.uniform(1, 2))
        company = self._company()
        self._plant(number, "storm", False, start, end, company)
        (item,) = self.texts.bad(self.rng, 1, self.texts.bad_topic(self.rng), company)
        for at in self._front(start, end, int(self.rng.integers(40, 61))):
            self._news(at, item, number)

    def results_day(self, number: int, slot: datetime) -> None:
        start = self._moment(slot, 6, 11)
        end = start + timedelta(hours=self.rng.uniform(4, 6))
        self._plant(number, "results-day", False, start, end, "earnings")
        for at in self._front(start, end, int(self.rng.integers(25, 41))):
            self._news(at, self.texts.calm(self.rng, self._company(), topic="earnings", bad=False), number)

    # -- the small steps -----------------------------------------------------------------

    def _wave(
        self,
        number: int,
        kind: str,
        start: datetime,
        hours: tuple[float, float],
        size: tuple[int, int],
        company: str,
    ) -> None:
        end = start + timedelta(hours=self.rng.uniform(*hours))
        topic = self.texts.bad_topic(self.rng)
        times = self._front(start, end, int(self.rng.integers(size[0], size[1] + 1)))
        self._plant(number, kind, True, start, end, company or topic)
        main = 0.7 if company else 1.0
        for at, item in zip(
            times, self.texts.bad(self.rng, len(times), topic, company, main=main), strict=True
        ):
            self._news(at, item, number)

    def _complain(self, number: int, times: Iterator[datetime] | list[datetime]) -> None:
        for at in times:
            self._chat(at, self.texts.complaint(self.rng), number)

    def _plant(
        self, number: int, kind: str, must: bool, start: datetime, end: datetime, about: str = ""
    ) -> None:
        self.events.append(Event(number, kind, must, start, min(end, self.end), about))

    def _moment(self, slot: datetime, since: float, until: float) -> datetime:
        """An hour of the clock on one of the slot's first two days."""
        return slot + timedelta(days=int(self.rng.integers(2)), hours=self.rng.uniform(since, until))

    def _front(self, start: datetime, end: datetime, count: int) -> list[datetime]:
        """So many times between two, the most of them soon after the start."""
        return sorted(start + (end - start) * float(place) for place in self.rng.beta(1.2, 2.0, count))

    def _arrivals(
        self, start: datetime, end: datetime, a_day: float, by_hour: np.ndarray, weekend: float = WEEKEND
    ) -> Iterator[datetime]:
        """Times at which texts arrive; ``a_day`` of them on a working day, over-dispersed."""
        share = by_hour / by_hour.sum()
        hour = start.replace(minute=0, second=0, microsecond=0)
        day, busy = None, 1.0
        while hour < end:
            if hour.date() != day:
                day, busy = hour.date(), self._gamma(DAY_SPREAD)
            rate = a_day * share[hour.hour] * (weekend if hour.weekday() >= 5 else 1.0)
            count = self.rng.poisson(rate * busy * self._gamma(HOUR_SPREAD))
            for second in np.sort(self.rng.uniform(0, 3600, count)):
                at = hour + timedelta(seconds=math.floor(second))
                if start <= at < end:
                    yield at
            hour += timedelta(hours=1)

    def _gamma(self, spread: float) -> float:
        return float(self.rng.gamma(1 / spread, spread))

    def _company(self) -> str:
        return str(self.rng.choice(self.texts.companies, p=self.weights))

    def _news(self, at: datetime, item: News, event: int | None = None) -> None:
        number = len(self.posts)
        url = f"https://paper{number % 40}.example/{number}"
        document = Document(f"n{number}", item.summary, item.title, url, published_at=at)
        self.posts.append(Post(at, NEWS, document, event))

    def _chat(self, at: datetime, conversation: Conversation, event: int | None = None) -> None:
        self.threads += 1
        thread = f"t{self.threads}"
        for number, turn in enumerate(conversation.turns):
            role: Role = "agent" if turn.role == "agent" else "customer"
            document = Document(f"{thread}-{number}", turn.text, thread=thread, role=role, published_at=at)
            self.posts.append(Post(at, CHATS, document, event))
            at += timedelta(seconds=int(self.rng.integers(20, 300)))
