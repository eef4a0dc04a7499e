"""What happens from the start on, as endless programmes of ``(seconds after the start, what)``.

Nothing here waits or reads a clock: a programme says what is due, others see to it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

import numpy as np

from sample.texts import Conversation, News

NEWS_PAUSE, CHAT_PAUSE = 8.0, 20.0
"""Seconds between two calm items, and between the beginnings of two conversations, at first."""
SLOWING, SLOWEST = 1.05, 300.0
"""Pauses grow by this factor up to this many seconds: a night's run stays a calm one."""
WAVE_AFTER = 20.0
"""Seconds from the start to the wave."""
WAVE_FRONT = 30
"""So many items of the wave come one or two every few seconds; the rest trickles in."""


def news(
    rng: np.random.Generator,
    fresh: Sequence[News],
    past: Sequence[News],
    wave: Sequence[News],
    companies: Sequence[str],
) -> Iterator[tuple[float, News]]:
    """The calm trickle and the wave, in order of time."""
    calm, bad = rng.spawn(2)
    return heapq.merge(calm_news(calm, fresh, past, companies), wave_of(bad, wave), key=lambda due: due[0])


def calm_news(
    rng: np.random.Generator, fresh: Sequence[News], past: Sequence[News], companies: Sequence[str]
) -> Iterator[tuple[float, News]]:
    """The fresh items, and then, without end, past ones that happen to another company."""
    again = [item for item in past if item.company]
    for number, at in enumerate(_beats(rng, NEWS_PAUSE)):
        if number < len(fresh):
            yield at, fresh[number]
            continue
        item = again[rng.integers(len(again))]
        others = [name for name in companies if name not in item.title + item.summary]
        yield at, item.about(others[rng.integers(len(others))])


def wave_of(rng: np.random.Generator, wave: Sequence[News]) -> Iterator[tuple[float, News]]:
    """The wave's items in their order: first in pairs and close together, then thinning out."""
    at, together = WAVE_AFTER, 0
    for number, item in enumerate(wave):
        yield at, item
        if together:
            together -= 1
        elif number < WAVE_FRONT:
            together = int(rng.integers(2))
            at += rng.uniform(2.5, 4.0)
        else:
            at += rng.uniform(20, 45)


def chats(
    rng: np.random.Generator, fresh: Sequence[Conversation], past: Sequence[Conversation], first: int
) -> Iterator[tuple[float, tuple[int, int, Conversation]]]:
    """Turns as ``(thread, turn, conversation)``, threads numbered from ``first``; several run at a time.

    Conversations begin with the fresh ones; after that, past ones come again.
    """
    waiting: list[tuple[float, int, int]] = []
    running: dict[int, Conversation] = {}
    for number, at in enumerate(_beats(rng, CHAT_PAUSE)):
        while waiting and waiting[0][0] <= at:
            due, thread, turn = heapq.heappop(waiting)
            yield due, (thread, turn, running[thread])
            if turn + 1 == len(running[thread].turns):
                del running[thread]
        thread = first + number
        running[thread] = fresh[number] if number < len(fresh) else past[int(rng.integers(len(past)))]
        pauses = rng.uniform(5, 15, size=len(running[thread].turns))
        for turn, pause in enumerate(np.cumsum(pauses)):
            heapq.heappush(waiting, (at + float(pause), thread, turn))


def _beats(rng: np.random.Generator, pause: float) -> Iterator[float]:
    at = 0.0
    while True:
        at += pause * rng.uniform(0.7, 1.3)
        yield at
        pause = min(pause * SLOWING, SLOWEST)
