"""The texts of a simulated month: the sample's, retold so that each telling is a story of its own.

What can be told is a bounded pool, the same for every seed, so that an encoder that remembers
texts reads each of them once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from sample.texts import Conversation, News, Turn, read_companies, read_conversations, read_news

TELLINGS = 8
"""In so many ways can numbers and months of an item be changed."""
ENOUGH = 4
"""Waves are not made of fewer different items."""
MONTHS = (
    "January", "February", "March", "April", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
NUMBER = re.compile(r"(?<![\d:.,])(\d+(?:[.,]\d+)*)(?![\d:])")
OPENINGS = (
    "", "Hi. ", "Hello there, ", "Good morning. ", "hey, ", "To whom it may concern: ", "Hi team, ", "Once more: ",
)  # fmt: skip
CLOSINGS = (
    "",
    " My customer number is 48213.",
    " It is about order 90377.",
    " Regards, Ines",
    " Sent from my phone",
)
GRIPES = (
    "I have been on hold for {n} minutes and then the line went dead. This is no way to treat people",
    "{n} days since my first message and not one of you has answered. I want this escalated",
    "Your colleague hung up on me. In {n} years as a customer nobody has been so rude to me",
    "Promised a call back within {n} hours, nobody called. Again.",
    "I'm filing a complaint about your branch: {n} people waiting, one counter, and a clerk on her phone",
    "How can it be that I explain the same thing to {n} different people? Does nobody write anything down?",
    "The worst service I have had in {n} years. I'm really disappointed in you",
    "This is the second apology I get and still nothing has happened for {n} days",
    "I was told {n} different things by three people and all of them were wrong. I'd like to complain formally",
    "nobody takes responsibility over there, I've been sent from one desk to the next {n} times",
    "You closed my case without solving it, for the {n}th time. Unbelievable",
    "Your chat kicked me out after {n} minutes of waiting, and now I start from zero? Ridiculous",
    "I want to speak up about how I was treated on the phone today, I waited {n} minutes to be laughed at",
    'Stop sending me "we value your patience". I have had none for {n} days',
)


@dataclass(frozen=True)
class Texts:
    """The sample's texts, and ways to draw from them."""

    items: Sequence[News] = field(default_factory=read_news)
    conversations: Sequence[Conversation] = field(default_factory=read_conversations)
    companies: Sequence[str] = field(default_factory=read_companies)

    @cached_property
    def _calm(self) -> list[News]:
        return [item for item in self.items if not item.wave]

    @cached_property
    def _bad(self) -> list[News]:
        return [item for item in self.items if item.mood == "negative" and self._named(item)]

    @cached_property
    def _complaints(self) -> list[Conversation]:
        own = [c for c in self.conversations if "complaint" in c.intents and c.mood == "negative"]
        return own + [
            Conversation((Turn("customer", text.format(n=n)),), ("complaint",), "negative")
            for text in GRIPES
            for n in (3, 4, 6, 9)
        ]

    def calm(self, rng: np.random.Generator, company: str, *, topic: str = "", bad: bool = True) -> News:
        """An ordinary item; where it names a company, it names this one.

        :param topic: of this topic alone; :param bad: bad news are among them.
        """
        able = [i for i in self._calm if (not topic or i.topic == topic) and (bad or i.mood != "negative")]
        return self.told(able[int(rng.integers(len(able)))], company, int(rng.integers(TELLINGS)))

    def bad_topic(self, rng: np.random.Generator) -> str:
        """A topic of which :data:`ENOUGH` items of bad news about companies are told."""
        known = Counter(item.topic for item in self._bad)
        return str(rng.choice(sorted(topic for topic in known if known[topic] >= ENOUGH)))

    def bad(
        self, rng: np.random.Generator, count: int, topic: str, company: str, *, main: float = 1.0
    ) -> Iterator[News]:
        """So many different items of bad news.

        :param main: the share of them that is of ``topic``; :param company: "" for any.
        """
        own = [item for item in self._bad if item.topic == topic]
        rest = [item for item in self._bad if item.topic != topic]
        told: set[News] = set()
        while len(told) < count:
            pool = own if rng.random() < main else rest
            name = company or str(rng.choice(self.companies))
            item = self.told(pool[int(rng.integers(len(pool)))], name, int(rng.integers(TELLINGS)))
            if item not in told:
                told.add(item)
                yield item

    def conversation(self, rng: np.random.Generator) -> Conversation:
        """An ordinary conversation."""
        return _greeted(rng, self.conversations[int(rng.integers(len(self.conversations)))])

    def complaint(self, rng: np.random.Generator) -> Conversation:
        """A conversation that complains."""
        return _greeted(rng, self._complaints[int(rng.integers(len(self._complaints)))])

    def told(self, item: News, company: str, telling: int) -> News:
        """The item about another company, with other numbers and months."""
        title, summary = item.title, item.summary
        for name in self._named(item)[:1]:
            title, summary = (_renamed(text, name, company) for text in (title, summary))
        title, summary = (_varied(text, telling) for text in (title, summary))
        return replace(item, title=title, summary=summary, company=company)

    def _named(self, item: News) -> list[str]:
        """The companies that an item names, by their first word, the first one first."""
        text = f"{item.title} {item.summary}"
        found = [(text.find(name.split()[0]), name) for name in self.companies]
        return [name for place, name in sorted(found) if place >= 0]


def short(company: str) -> str:
    """How texts call a company after they have named it."""
    return company.split()[0]


def _renamed(text: str, name: str, other: str) -> str:
    text = text.replace(name, other)
    return (
        re.sub(rf"\b{re.escape(short(name))}\b", short(other), text) if short(name) != short(other) else text
    )


def _varied(text: str, telling: int) -> str:
    """Other numbers of the same size, other months; telling 0 is the text itself."""
    if not telling:
        return text
    for month in MONTHS:
        if re.search(rf"\b{month}\b", text):
            other = MONTHS[(MONTHS.index(month) + telling) % len(MONTHS)]
            return NUMBER.sub(lambda m: _other(m[0], telling), re.sub(rf"\b{month}\b", other, text))
    return NUMBER.sub(lambda m: _other(m[0], telling), text)


def _other(number: str, telling: int) -> str:
    """A number with another last digit but one; years, ordinals and small numbers stay."""
    if len(number) < 2 or re.fullmatch(r"(19|20)\d\d", number):
        return number
    place = len(number) - 2 if number[-2].isdigit() else len(number) - 1
    digit = (int(number[place]) - 1 + telling) % 9 + 1
    return f"{number[:place]}{digit}{number[place + 1 :]}"


def _greeted(rng: np.random.Generator, conversation: Conversation) -> Conversation:
    first, *others = conversation.turns
    opening, closing = rng.choice(OPENINGS), rng.choice(CLOSINGS)
    said = replace(first, text=f"{opening}{first.text}{closing}")
    return replace(conversation, turns=(said, *others))
