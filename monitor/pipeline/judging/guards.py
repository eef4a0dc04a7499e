"""What a firing verdict must withstand before it is believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from monitor.alerts.detectors import Verdict
from monitor.alerts.episodes import Episode, one_wave_once
from monitor.alerts.rules import Rule, fingerprint
from monitor.store import Store
from monitor.types import Selection


def enough_stories(told_in: Callable[[int, int], int], rule: Rule, found: Verdict) -> Verdict:
    """The verdict, which does not fire where one story told many times is behind it.

    Kinds that set ``min_stories`` ask for so many distinct ones in the window.

    :param told_in: how many the series tells in ``[since, until)``, epoch seconds.
    """
    wanted = getattr(rule.settings, "min_stories", 1)
    if not found.firing or wanted <= 1:
        return found
    told = told_in(found.since, found.until)
    if told >= wanted:
        return found
    only = "which tell one story" if told == 1 else f"which tell {told} stories"
    return replace(
        found,
        firing=False,
        quiet=True,
        reason=f"{found.reason}; {only}, fewer than the {wanted} that the rule asks for",
    )


def of_one_wave(
    store: Store, rule: Rule, selection: Selection, found: Verdict
) -> tuple[Verdict, Episode | None]:
    """The verdict, which does not fire where it is a piece of a wave that raised an alert before.

    For kinds that set ``again`` and ``hold`` (:mod:`monitor.alerts.episodes`); with it what :func:`remember` is given.
    """
    again = getattr(rule.settings, "again", None)
    if not found.firing or again is None:
        return found, None
    mark = fingerprint(rule.name, selection)
    before, alert = store.waves.get(mark), store.alerts.open(mark)
    return one_wave_once(
        found,
        None if before is None else Episode(*before),
        again,
        rule.settings.hold,
        is_open=alert is not None,
        waits=alert is not None and alert.state == "pending",
    )


def remember(store: Store, rule: Rule, selection: Selection, wave: Episode | None) -> None:
    """Keep a wave whose alert fires by now: what did not last, so that nobody heard of it, hides no later one."""
    if wave is None:
        return
    mark = fingerprint(rule.name, selection)
    alert = store.alerts.open(mark)
    if alert is not None and alert.state == "firing" and store.waves.get(mark) != (wave.peak, wave.at):
        store.waves.put(mark, wave.peak, wave.at)
