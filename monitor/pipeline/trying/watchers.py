"""Rules that read something else than counts, tried on the stored past."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate, groupby
from math import ceil

from monitor.alerts.detectors import mention
from monitor.alerts.rules import Rule
from monitor.alerts.trial import Raised, Trial
from monitor.pipeline.judging.watching import SOURCE, THREAD, mentioned, of_gap, of_mentions, of_thread
from monitor.store import Store
from monitor.store.room import BUCKET_S, bucket_of
from monitor.store.source_state import SourceState
from monitor.store.threads import StoredTurn
from monitor.types import Selection

Counts = Sequence[tuple[int, int]]
"""``(bucket, count)`` by time, empty ones left out."""

Key = tuple[tuple[str, str], ...]
"""A selection that can be looked up: its items, by task."""
Told = tuple[datetime, datetime, int, str]
"""A document of a source: when it was fetched, its event time, bucket and thread."""


@dataclass(frozen=True)
class Tried:
    """What a rule would have done on one series between ``since`` and ``until``."""

    selection: Selection
    since: datetime
    until: datetime
    counts: Counts
    alerts: list[Raised]


def ticks(after: datetime, before: datetime) -> Iterator[datetime]:
    """The times between the two at which a bucket begins: when what is open is looked at again."""
    at = after + timedelta(seconds=BUCKET_S - after.timestamp() % BUCKET_S)
    while at < before:
        yield at
        at += timedelta(seconds=BUCKET_S)


def conversations(store: Store, rule: Rule, since: datetime, now: datetime, as_live: bool) -> list[Tried]:
    """Each thread, as its turns came; while one waits for an answer, or has an alert, as time goes by."""
    sources = {state.name: state for state in store.sources.all()}
    found = []
    for source, thread in store.threads.all():
        said = store.threads.turns(source, thread, rule.where)
        if as_live:
            said = [turn if turn.live else replace(turn, live=True, came=turn.at) for turn in said]
        if any(turn.live and turn.carries for turn in said):
            raised = _conversation(rule, sources[source], said, since, now)
            counts = Counter(bucket_of(turn.at) for turn in said if turn.at >= since)
            selection = {SOURCE: source, THREAD: thread}
            found.append(Tried(selection, since, now, sorted(counts.items()), raised))
    return found


def _conversation(
    rule: Rule, source: SourceState, said: Sequence[StoredTurn], since: datetime, now: datetime
) -> list[Raised]:
    made, came = Trial(rule.pace, rule.settings), sorted({turn.came for turn in said if turn.came <= now})

    def waits(at: datetime) -> bool:
        """Look at the thread; whether to look again though nobody writes."""
        known = [turn for turn in said if turn.came <= at]
        verdict = of_thread(rule, known, last_read(came, source.every, at))
        made.see(verdict, at)
        return made.life is not None or (rule.settings.when == "unanswered" and verdict.observed > 0)

    for moment, following in zip(came, [*came[1:], now], strict=True):
        live = any(turn.live and turn.came == moment for turn in said)
        if moment < since or not (live or made.life is not None):
            continue
        again = waits(moment)
        late = _waited(rule, [turn for turn in said if turn.came <= moment], moment, source.every)
        looks = {*ticks(moment, following), *(at for at in late if at < following)} if again else ()
        for at in sorted(looks):
            if not waits(at):
                break
    return made.raised


def _waited(rule: Rule, known: Sequence[StoredTurn], read: datetime, every: float) -> Iterator[datetime]:
    """When the source is read first after a text has waited as long as the rule lets it: an alert begins then."""
    if rule.settings.when == "unanswered":
        step = max(every, 1.0)
        for turn in known:
            left = (turn.at - read).total_seconds() + rule.settings.after
            if left > 0:
                yield read + timedelta(seconds=ceil(left / step) * step)


def mentions(store: Store, rule: Rule, since: datetime, now: datetime, as_live: bool) -> list[Tried]:
    """Each text that came live; what is open ends as time goes by."""
    trials: dict[Key, Trial] = {}
    numbers: dict[Key, int] = {}
    counts: dict[Key, Counter[int]] = {}

    def end(at: datetime) -> bool:
        """Look at what is open; whether anything still is."""
        for made in trials.values():
            if made.life is not None:
                made.see(mention.over(rule.settings, int(at.timestamp())), at)
        return any(made.life is not None for made in trials.values())

    def pass_time(after: datetime, before: datetime) -> None:
        for at in ticks(after, before) if end(after) else ():
            if not end(at):
                break

    last = since
    for moment, arrived in groupby(store.arrivals.all(since, as_live=as_live), lambda one: one.at):
        if moment > now:
            break
        came = [one.id for one in arrived if one.live]
        if moment < since or not came:
            continue
        pass_time(last, moment)
        last = moment
        for key, new in mentioned(store, rule, store.documents.many(came)).items():
            made = trials.setdefault(key, Trial(rule.pace, rule.settings))
            before = numbers.get(key, 0) if made.life is not None else 0
            made.see(of_mentions(new, before, moment), moment)
            numbers[key] = before + len(new)
            counts.setdefault(key, Counter()).update(bucket_of(document.event_at) for document, _ in new)
    pass_time(last, now)
    return [
        Tried(dict(key), since, now, sorted(counts[key].items()), made.raised) for key, made in trials.items()
    ]


def silences(store: Store, rule: Rule, since: datetime, now: datetime, as_live: bool) -> list[Tried]:
    """Each source, whenever a bucket ends: what it had told by then, and when it was last read.

    Failures to read it are not kept. Backfill tells of its usual gaps either way, so ``as_live`` changes nothing.
    """
    watched = [
        state
        for state in store.sources.all()
        if state.active and (not rule.settings.sources or state.name in rule.settings.sources)
    ]
    found = []
    for state in watched:
        told = store.sources.arrivals(state.name)
        raised = _silence(rule, state, told, since, now)
        counts = Counter(bucket for _, _, bucket, _ in told if bucket >= since.timestamp())
        found.append(Tried({SOURCE: state.name}, since, now, sorted(counts.items()), raised))
    return found


def _silence(
    rule: Rule, source: SourceState, told: Sequence[Told], since: datetime, now: datetime
) -> list[Raised]:
    made, came = Trial(rule.pace, rule.settings), [fetched for fetched, *_ in told]
    newest = list(accumulate((at for _, at, *_ in told), max))
    for at in ticks(max(since, came[0]), now) if told else ():
        number = bisect_right(came, at)
        last, read = newest[number - 1], last_read(came, source.every, at)
        if made.life is not None or (read - last).total_seconds() >= rule.settings.at_least:
            made.see(of_gap(rule.settings, last, read, partial(_buckets, told[:number])), at)
    return made.raised


def _buckets(told: Sequence[Told], since: int) -> list[int]:
    """As :meth:`monitor.store.sources.Sources.buckets` says it of what was known then."""
    begun: dict[object, int] = {}
    for _, _, bucket, thread in told:
        if bucket >= since:
            key = thread or bucket
            begun[key] = min(bucket, begun.get(key, bucket))
    return sorted(set(begun.values()))


def last_read(came: Sequence[datetime], every: float, at: datetime) -> datetime:
    """When a source was last read before ``at``: it was when something came, and every so many seconds since."""
    last = came[bisect_right(came, at) - 1]
    return last + timedelta(seconds=(at - last).total_seconds() // max(every, 1) * max(every, 1))


WATCHERS: Mapping[str, Callable[[Store, Rule, datetime, datetime, bool], list[Tried]]] = {
    "conversation": conversations,
    "keyword": mentions,
    "entity": mentions,
    "silence": silences,
}
"""What tries a kind: ``(store, rule, since, now, as_live)``."""

UNTRIED: Mapping[str, str] = {
    "model": "they compare what heads said when the texts came, and only what today's heads say of them is kept",
    "new_topic": "they look for what fitted no label then, and only what fits none today is known",
}
"""Why other kinds cannot be tried."""
