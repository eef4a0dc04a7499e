"""All that rules do as time goes by, in its order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from monitor.alerts.rules import Rule
from monitor.pipeline.judging.attempts import Again, Attempt, at_once, plainly
from monitor.pipeline.judging.idle import judge_idle
from monitor.pipeline.judging.series import end_unwatched, judge_due, judge_open
from monitor.pipeline.judging.topics import watch_topics
from monitor.pipeline.judging.watching import watch
from monitor.pipeline.learning.readers import Reader
from monitor.routes import Policy
from monitor.store import Store


def tick(
    store: Store,
    rules: Sequence[Rule],
    readers: Sequence[Reader],
    policy: Policy,
    now: datetime,
    attempt: Attempt = plainly,
    again: Again = at_once,
) -> None:
    """Judge what was put off, look at what changes with time, and let alerts resolve."""
    # first: what a rule raised when it was another one is nothing that it could follow
    end_unwatched(store, rules, now, policy)
    judge_due(store, rules, now, attempt)
    watch(store, rules, now, attempt, again)
    watch_topics(store, rules, readers, now, attempt, again)
    judge_open(store, rules, now, attempt)
    judge_idle(store, rules, now, attempt, again)
