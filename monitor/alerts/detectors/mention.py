"""Mentions: every text that says certain words, or names an entity, counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from pydantic import Field

from monitor.alerts.detectors.history import Verdict, duration, texts
from monitor.alerts.detectors.kind import KindSettings
from monitor.durations import Duration
from monitor.mentions import clashes
from monitor.types import ENTITY, Role

SHOWN = 5
MENTIONS = {"keyword", "entity"}
"""Kinds for which each text counts, and that see nothing between two."""


class EntitySettings(KindSettings):
    """Settings of ``kind = "entity"``."""

    window: Duration = Field(
        3600, ge=0, description="mentions this close are one alert, which ends when none came for so long"
    )

    roles: tuple[Role, ...] = Field(
        (), description="whose texts count: any of publisher, customer, agent [default: everybody's]"
    )

    def faults(self, where: Mapping[str, str], known: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """What is wrong together with ``where``: ``(setting, reason)``."""
        if ENTITY not in where:
            yield "where", 'must name an entity, or each: where = { entity = "*" }'

    def calmer(self) -> str:
        """What to write for fewer alerts."""
        return "one entity, or a label beside it, in `where`"


class KeywordSettings(KindSettings):
    """Settings of ``kind = "keyword"``."""

    words: tuple[str, ...] = Field(min_length=1, description="words or phrases; any of them counts")
    window: Duration = Field(
        3600, ge=0, description="mentions this close are one alert, which ends when none came for so long"
    )

    roles: tuple[Role, ...] = Field(
        (), description="whose texts count: any of publisher, customer, agent [default: everybody's]"
    )

    def faults(self, where: Mapping[str, str], known: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """What is wrong with the words: ``(setting, reason)``."""
        for _, reason in clashes(dict.fromkeys(dict.fromkeys(self.words), ())):
            yield "words", reason

    def calmer(self) -> str:
        """What to write for fewer alerts."""
        return "words that mean nothing else, or a label beside them in `where`"


def judge(
    named: Mapping[str, int],
    new: int,
    before: int,
    since: int,
    now: int,
    named_before: Mapping[str, int] | None = None,
) -> Verdict:
    """A verdict on new mentions.

    :param named: how many texts mention what; :param new: how many texts these are.
    :param before: texts that the alert has already.
    :param named_before: how many of those mention what, where that is known.
    :param since: epoch second of the first new one.
    """
    number = before + new
    if before and named_before is None:
        reason = f"{texts(number)}, the newest {f'{new:,} ' if new > 1 else ''}with {_names(named, new)}"
    else:
        every = Counter(named_before or {}) + Counter(named)
        reason = f"{texts(number)} with {_names(dict(every.most_common()), number)}"
    return Verdict(new > 0, number, 0.0, 0.0, 0.0, since, now, 0.0, reason)


def _names(named: Mapping[str, int], number: int) -> str:
    """``'data leak' (4), 'strike' (2)``: in how many of the texts each is, unless all are in all of them."""
    plain = all(count == number for count in named.values())
    said = [f"{name!r}" + ("" if plain else f" ({count:,})") for name, count in named.items()]
    more = f" and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
    return f"{', '.join(said[:SHOWN])}{more}"


def others(before: Mapping[str, int] | None, names: Sequence[Sequence[str]]) -> list[str]:
    """Names in new texts that none of those before has: news, unless there are more than a reason shows.

    :param before: how many texts before mention what; ``None``: not known.
    """
    new = [name for name in labels(names) if name not in (before or {})]
    return new if before and len(before) + len(new) <= SHOWN else []


def over(settings: EntitySettings | KeywordSettings, now: int) -> Verdict:
    """The verdict where nothing new is mentioned."""
    reason = f"no mention for {duration(settings.window)}"
    return Verdict.nothing(now, now, reason)


def labels(names: Sequence[Sequence[str]]) -> dict[str, int]:
    """In how many texts each name is."""
    found: dict[str, int] = {}
    for each in names:
        for name in each:
            found[name] = found.get(name, 0) + 1
    return dict(sorted(found.items(), key=lambda item: -item[1]))
