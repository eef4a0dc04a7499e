"""Rules that read something else than counts: texts, conversations, sources, answers.

Each kind is a pure function (:mod:`monitor.alerts.detectors`); here it is given what it reads,
and what it says is handed to :func:`monitor.pipeline.alerting.following.follow`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import numpy as np

from monitor.alerts import endings
from monitor.alerts.detectors import Verdict, conversation, mention, model, silence
from monitor.alerts.rules import Rule, fingerprint
from monitor.durations import DAY
from monitor.mentions import Mentions
from monitor.pipeline.alerting.following import follow, these, withdraw
from monitor.pipeline.judging.attempts import Again, Attempt, at_once, plainly
from monitor.pipeline.judging.feeds import heard, silent_sources
from monitor.store import Store
from monitor.store.room import BUCKET_S, bucket_of
from monitor.store.series import selections
from monitor.store.source_state import SourceState
from monitor.store.threads import StoredTurn
from monitor.types import Selection, StoredDocument

SOURCE, THREAD, TASK = "source", "thread", "task"
"""Keys of selections that name no label."""
ATTACHED = 100
READ_AGAIN = 200
"""Where an alert has more texts, those are not read again to count which words they say."""


def watch_documents(
    store: Store, rules: Sequence[Rule], ids: Sequence[int], now: datetime, attempt: Attempt = plainly
) -> None:
    """Look at documents that were just classified; in their transaction, so that none is missed."""
    watching = [rule for rule in rules if rule.kind in ("keyword", "entity", "conversation")]
    documents = [document for document in store.documents.many(ids) if document.live] if watching else []
    threads = {(d.source, d.thread) for d in documents if d.thread}
    for rule in watching if documents else ():
        with attempt(rule):
            if rule.kind == "conversation":
                for source, thread in sorted(threads):
                    _thread(store, rule, source, thread, now)
            else:
                _mentioned(store, rule, documents, now)


def watch(
    store: Store, rules: Sequence[Rule], now: datetime, attempt: Attempt = plainly, again: Again = at_once
) -> None:
    """Look at what changes as time goes by."""
    for rule in rules:
        if (look := _LOOKS.get(rule.kind)) is not None:
            with attempt(rule), again(rule, now):
                look(store, rule, now)


# -- texts -------------------------------------------------------------------------------


def _mentioned(store: Store, rule: Rule, documents: Sequence[StoredDocument], now: datetime) -> None:
    known = store.alert_documents.of_rule(rule.name, [document.id for document in documents])
    for pairs, new in mentioned(store, rule, [d for d in documents if d.id not in known]).items():
        selection = dict(pairs)
        before = store.alerts.open(fingerprint(rule.name, selection))
        earlier = [] if before is None else store.alert_documents.of_alert(before.id)
        said = _said_before(store, rule, selection, earlier)
        verdict = of_mentions(new, len(earlier), now, said)
        follow(store, rule, selection, verdict, these([document for document, _ in reversed(new)]), now)
        if before is not None and (others := mention.others(said, [names for _, names in new])):
            store.transitions.add(before.id, "widened", f"also {', '.join(map(repr, others))}", now)


Mentioning = Sequence[tuple[StoredDocument, Sequence[str]]]
"""Documents, and what of a rule each mentions."""


def mentioned(
    store: Store, rule: Rule, documents: Sequence[StoredDocument]
) -> Mapping[tuple[tuple[str, str], ...], Mentioning]:
    """Of a rule of kind ``keyword`` or ``entity``: by selection, the documents that mention what it looks for."""
    roles = rule.settings.roles
    documents = [document for document in documents if not roles or document.role in roles]
    labels = store.predictions.labels([document.id for document in documents])
    words = Mentions(dict.fromkeys(rule.settings.words, ())) if rule.kind == "keyword" else None
    found: dict[tuple[tuple[str, str], ...], list[tuple[StoredDocument, Sequence[str]]]] = {}
    for document in documents:
        said = words.of(document.title, document.text) if words is not None else []
        if words is not None and not said:
            continue
        for selection in selections(labels.get(document.id, {})):
            if rule.watches(selection):
                names = said or [selection["entity"]]
                found.setdefault(tuple(selection.items()), []).append((document, names))
    return found


def _mentions_over(store: Store, rule: Rule, now: datetime) -> None:
    over = mention.over(rule.settings, int(now.timestamp()))
    if opened := store.alerts.open_of(rule.name):
        silent = silent_sources(store)
        for alert in opened:
            follow(store, rule, alert.selection, heard(store, alert, over, silent), these([]), now)


def _said_before(
    store: Store, rule: Rule, selection: Selection, ids: Sequence[int]
) -> Mapping[str, int] | None:
    """How many of the documents mention what of a rule; ``None`` where they are too many to be read again."""
    if rule.kind == "entity":
        return {selection["entity"]: len(ids)}
    if len(ids) > READ_AGAIN:
        return None
    words = Mentions(dict.fromkeys(rule.settings.words, ()))
    return mention.labels([words.of(d.title, d.text) for d in store.documents.many(ids)])


def of_mentions(
    new: Mentioning, before: int, now: datetime, named_before: Mapping[str, int] | None = None
) -> Verdict:
    """What new mentions say.

    :param before: documents that the alert has already.
    :param named_before: how many of them mention what, where that is known.
    """
    since = min(int(document.event_at.timestamp()) for document, _ in new)
    named = mention.labels([names for _, names in new])
    return mention.judge(named, len(new), before, since, int(now.timestamp()), named_before)


# -- conversations -----------------------------------------------------------------------


def _threads(store: Store, rule: Rule, now: datetime) -> None:
    concerned = {(a.selection[SOURCE], a.selection[THREAD]) for a in store.alerts.open_of(rule.name)}
    if rule.settings.when == "unanswered":
        since = now - timedelta(seconds=rule.settings.expires)
        until = now - timedelta(seconds=rule.settings.after)
        concerned |= set(store.threads.unanswered(rule.where, since, until))
    for source, thread in sorted(concerned):
        _thread(store, rule, source, thread, now)


def _thread(store: Store, rule: Rule, source: str, thread: str, now: datetime) -> None:
    """Judge one thread at the last moment up to which its source was read."""
    selection = {SOURCE: source, THREAD: thread}
    state = store.sources.get(source)
    if state is None or not state.active or state.last_success_at is None:
        withdraw(store, rule, selection, endings.SOURCE_UNREAD, now)
        return
    said = store.threads.turns(source, thread, rule.where)
    verdict = of_thread(rule, said, min(now, state.last_success_at))
    ids = [turn.id for turn in said if turn.at.timestamp() >= verdict.since]
    behind = these(store.documents.many(list(reversed(ids))[:ATTACHED]))
    follow(store, rule, selection, verdict, behind, now)


def of_thread(rule: Rule, said: Sequence[StoredTurn], read: datetime) -> Verdict:
    """What a rule says of a thread; :param read: when its source was last read."""
    # backfill may answer, but raises no alert
    turns = [conversation.Turn(int(t.at.timestamp()), t.role, t.carries if t.live else None) for t in said]
    # what is classified in the round that fetched it was written before that round's success is noted
    until = max([int(read.timestamp()), *(turn.at for turn in turns)])
    return conversation.judge(turns, until, rule.settings, rule.where)


# -- sources -----------------------------------------------------------------------------


def _sources(store: Store, rule: Rule, now: datetime) -> None:
    states = [state for state in store.sources.all() if state.active]
    watched = [s for s in states if not rule.settings.sources or s.name in rule.settings.sources]
    for state in watched:
        verdict = _silent(store, rule, state, now)
        if verdict is not None:
            follow(store, rule, {SOURCE: state.name}, verdict, these([]), now)
    names = {state.name for state in watched}
    for alert in store.alerts.open_of(rule.name):
        if alert.selection[SOURCE] not in names:
            withdraw(store, rule, alert.selection, endings.SOURCE_UNWATCHED, now)


def _silent(store: Store, rule: Rule, state: SourceState, now: datetime) -> Verdict | None:
    settings, read = rule.settings, state.last_success_at
    failing = silence.judge_failing(
        state.failures,
        None if read is None else int(read.timestamp()),
        int(now.timestamp()),
        state.last_error or "no reason given",
        settings,
    )
    if failing is not None or read is None:
        return failing
    last = store.sources.newest(state.name)
    if last is None:
        return Verdict.nothing(bucket_of(read), bucket_of(read), "nothing came yet")
    return of_gap(settings, last, min(read, now), partial(store.sources.buckets, state.name))


def of_gap(
    settings: silence.SilenceSettings, last: datetime, read: datetime, buckets: Callable[[int], Sequence[int]]
) -> Verdict:
    """What a rule says of a source.

    :param last: the event time of its newest document; :param read: when it was last read.
    :param buckets: from an epoch second on, in which something came.
    """
    until, at = int(read.timestamp()), int(last.timestamp())
    times: Sequence[int] = [at]
    if until - at >= settings.at_least:  # else there is nothing to compare: the past is not asked for
        times = buckets(at - int(settings.baseline) - 2 * (until - at) - 2 * DAY)
    begin = times[0] // BUCKET_S * BUCKET_S
    came = silence.arrivals(np.array(times), begin, until, BUCKET_S)
    return silence.judge(came, at, until, settings)


# -- answers -----------------------------------------------------------------------------


def _answers(store: Store, rule: Rule, now: datetime) -> None:
    """Judge each task's answers, once an hour."""
    hour = int(now.timestamp()) // 3600 * 3600
    if store.looks.at(rule.name) == hour:
        return
    settings = rule.settings
    days = [int(settings.reference // DAY), int(settings.recent // DAY)]
    since = now - timedelta(days=sum(days))  # whole ones, up to now
    with store.transaction():
        watched = [
            t.task for t in store.tasks.active() if not settings.tasks or t.task.name in settings.tasks
        ]
        for task in watched:
            labels = list(task.labels)
            counts = np.zeros((sum(days), len(labels) + 1), np.int64)
            for day, label, number in store.predictions.answers(task.name, since, now):
                place = len(labels) if label is None else labels.index(label) if label in labels else None
                if place is not None and day < len(counts):
                    counts[day, place] += number
            before, after = counts[: days[0]], counts[days[0] :]
            verdict = model.judge(labels, before, after, int(now.timestamp()), settings)
            answer = model.risen(labels, before, after)
            examples = partial(_answered, store, task.name, answer, now - timedelta(days=days[1]), now)
            follow(store, rule, {TASK: task.name}, verdict, examples, now)
        names = {task.name for task in watched}
        for alert in store.alerts.open_of(rule.name):
            if alert.selection[TASK] not in names:
                withdraw(store, rule, alert.selection, endings.TASK_UNWATCHED, now)
        store.looks.note(rule.name, hour)


def _answered(
    store: Store, task: str, answer: str | None, since: datetime, until: datetime, _: Verdict
) -> list[StoredDocument]:
    """The newest texts that a task gave an answer, ``None``: no label."""
    if answer is not None:
        return store.documents.find(labels=[(task, answer)], since=since, until=until, limit=ATTACHED)
    ids = store.predictions.abstained(task, since, until, ATTACHED)
    return sorted(store.documents.many(ids), key=lambda document: document.event_at, reverse=True)


_LOOKS: Mapping[str, Callable[[Store, Rule, datetime], None]] = {
    "silence": _sources,
    "conversation": _threads,
    "model": _answers,
    "keyword": _mentions_over,
    "entity": _mentions_over,
}
