"""What a firing verdict must withstand before it is believed."""

from __future__ import annotations

from dataclasses import replace

from monitor.alerts.detectors import Verdict
from monitor.alerts.episodes import Episode, bar
from monitor.alerts.rules import Rule, fingerprint
from monitor.store import Store
from monitor.types import Selection


def enough_stories(store: Store, rule: Rule, selection: Selection, found: Verdict) -> Verdict:
    """The verdict, which does not fire where one story told many times is behind it.

    Kinds that set ``min_stories`` ask for so many distinct ones in the window.
    """
    wanted = getattr(rule.settings, "min_stories", 1)
    if not found.firing or wanted <= 1:
        return found
    told = store.documents.stories(selection, found.since, found.until)
    if told >= wanted:
        return found
    only = "which tell one story" if told == 1 else f"which tell {told} stories"
    return replace(
        found,
        firing=False,
        quiet=True,
        reason=f"{found.reason}; {only}, fewer than the {wanted} that the rule asks for",
    )


def one_wave_once(store: Store, rule: Rule, selection: Selection, found: Verdict) -> Verdict:
    """The verdict, which does not fire where it is a piece of a wave that raised an alert before.

    Kinds that set ``again`` and ``hold`` raise a bar with each alert (:mod:`monitor.alerts.episodes`). An
    open alert goes on whatever the bar; how high the wave gets is remembered.
    """
    again, hold = getattr(rule.settings, "again", None), getattr(rule.settings, "hold", 0.0)
    if not found.firing or again is None:
        return found
    mark, end = fingerprint(rule.name, selection), float(found.until)
    before = store.waves.get(mark)
    last = None if before is None else Episode(*before)
    if last is not None and store.alerts.open(mark) is not None:
        store.waves.put(mark, max(last.peak, found.peak), last.at)
        return found
    least = bar(last, end, again, hold)
    if found.peak > least:
        store.waves.put(mark, found.peak, end)
        return found
    return replace(
        found,
        firing=False,
        reason=f"{found.reason}; a piece of the last wave: fewer than {least:.0f} in its last 15 minutes",
    )
