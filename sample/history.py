"""What happened before the start: undated texts become three weeks of dated ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from sample.texts import Conversation, News

DAYS = 21

# Share of a day's texts by hour of the day (UTC), on a scale of its own.
NEWSROOM = np.array([1, 1, 1, 1, 2, 5, 10, 12, 11, 9, 8, 8, 7, 8, 9, 9, 8, 7, 5, 4, 3, 2, 2, 1], float)
SUPPORT = np.array([1, 1, 0.5, 0.5, 0.5, 1, 3, 6, 9, 10, 10, 9, 8, 8, 9, 9, 9, 8, 8, 7, 6, 5, 3, 2], float)
WEEKEND = 0.35
"""What a day of the weekend brings, measured by a weekday."""


@dataclass(frozen=True)
class Published:
    """A news item that has appeared: ``number`` counts them in order of appearance."""

    number: int
    news: News
    at: datetime


def arrivals(
    rng: np.random.Generator, count: int, until: datetime, days: int, by_hour: np.ndarray
) -> list[datetime]:
    """When ``count`` texts arrived in the ``days`` before ``until``, earliest first, to the second.

    A Poisson process with the rhythm of ``by_hour`` (shape ``(24,)``, any scale) and of the week:
    given their number, its arrivals are so many independent draws from its intensity.
    """
    start = until - timedelta(days=days)
    hours = [start + timedelta(hours=hour) for hour in range(24 * days)]
    weight = np.array([by_hour[at.hour] * (WEEKEND if at.weekday() >= 5 else 1.0) for at in hours])
    drawn = rng.choice(len(hours), size=count, p=weight / weight.sum())
    seconds = np.sort(drawn * 3600 + rng.integers(0, 3600, size=count))
    return [start + timedelta(seconds=int(second)) for second in seconds]


def share_out(rng: np.random.Generator, news: Sequence[News], fresh: int) -> tuple[list[News], list[News]]:
    """Divide the calm items into the past ones and ``fresh`` ones that are still to come.

    The fresh ones are calm indeed: one in eight is bad news, each of another topic and none of
    the wave's, so that nothing but the wave stands out.
    """
    wave_topics = {item.topic for item in news if item.wave}
    calm = [item for item in news if not item.wave]
    mixed = [calm[index] for index in rng.permutation(len(calm))]
    chosen: list[News] = []
    bad: set[str] = set()
    for item in mixed:
        if len(chosen) == fresh:
            break
        if item.mood == "negative":
            if item.topic in bad | wave_topics or len(bad) >= fresh // 8:
                continue
            bad.add(item.topic)
        chosen.append(item)
    taken = set(map(id, chosen))
    past = [item for item in mixed if id(item) not in taken]
    return past, [chosen[index] for index in rng.permutation(len(chosen))]


def dated_news(
    rng: np.random.Generator, past: Sequence[News], now: datetime, days: int = DAYS
) -> list[Published]:
    """Every past item once, at some time in the ``days`` before ``now``, earliest first."""
    order = rng.permutation(len(past))
    times = arrivals(rng, len(past), now, days, NEWSROOM)
    return [Published(n, past[index], at) for n, (index, at) in enumerate(zip(order, times, strict=True), 1)]


def dated_chats(
    rng: np.random.Generator, past: Sequence[Conversation], now: datetime, days: int = DAYS
) -> list[dict[str, Any]]:
    """The lines of a chat log: every conversation once, over before ``now``, in order of time."""
    order = rng.permutation(len(past))
    times = arrivals(rng, len(past), now - timedelta(hours=1), days, SUPPORT)
    lines = []
    for number, (index, at) in enumerate(zip(order, times, strict=True), 1):
        turns = past[index].turns
        pauses = rng.integers(15, 3000 // max(len(turns), 15), size=len(turns))
        spoken = [at + timedelta(seconds=int(second)) for second in pauses.cumsum()]
        lines += [chat_line(number, turn, past[index], when) for turn, when in enumerate(spoken)]
    return sorted(lines, key=lambda line: line["time"])


def chat_line(thread: int, turn: int, conversation: Conversation, at: datetime) -> dict[str, Any]:
    """One record of a chat log."""
    said = conversation.turns[turn]
    return {
        "id": f"c{thread:05d}-{turn + 1}",
        "thread": f"c{thread:05d}",
        "role": said.role,
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "text": said.text,
    }
