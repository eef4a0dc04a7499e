"""Names of the owner's that texts mention more than usual: judged like the words that rose. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.alerts.detectors.history import percent
from monitor.alerts.words import COMMON, FEWEST, SURE, TIMES, in_texts, log_odds
from monitor.types import ENTITY, Selection

PRIOR_TEXTS = 25.0
"""Texts that the prior is worth: what is usual of a name is not known from a few."""
MOST = 5
MOSTLY = 0.5
"""The title has the name that more than so large a share of the texts mentions, and more than any other."""


@dataclass(frozen=True)
class Named:
    """A name: how many ``of`` the texts mention it, the ``usual`` share of earlier ones, and how sure it rose."""

    name: str
    texts: int
    of: int
    usual: float
    score: float


def risen(window: Sequence[Collection[str]], earlier: Sequence[Collection[str]]) -> list[Named]:
    """The names that ``window`` mentions more than ``earlier`` did, most texts first.

    Each text is the set of the names it mentions. Give each story once. Where nothing is known of
    earlier texts, nothing is said to rise.
    """
    number, before = len(window), len(earlier)
    if number < FEWEST or not earlier:
        return []
    here, there = in_texts(window), in_texts(earlier)
    found = []
    for name, count in here.items():
        usual, share = there[name] / before, (count + there[name]) / (number + before)
        if count < (2 if number < 5 else 3) or share >= 1 or usual >= min(COMMON, count / number / TIMES):
            continue
        with_it = {name: float(count), "": float(number - count)}
        had_it = {name: float(there[name]), "": float(before - there[name])}
        prior = {name: PRIOR_TEXTS * share, "": PRIOR_TEXTS * (1 - share)}
        _, score = log_odds(with_it, had_it, prior)[name]
        if score >= SURE:
            found.append(Named(name, count, number, round(usual, 4), round(score, 2)))
    return sorted(found, key=lambda one: (-one.texts, -one.score, one.name))[:MOST]


def more_than_usual(found: Sequence[Mapping[str, Any]]) -> str:
    """``Named more than usual: Acme Bank (8 of 10, usually 11 %).``"""
    if not found:
        return ""
    said = "; ".join(
        f"{one['name']} ({one['texts']:,} of {one['of']:,}, "
        f"usually {percent(one['usual']) if one['usual'] else 'none'})"
        for one in found
    )
    return f"Named more than usual: {said}."


def mostly(found: Sequence[Mapping[str, Any]], selection: Selection) -> str:
    """For a title: ``, mostly about Acme Bank``; empty where no name, or several alike, are in most of the texts.

    A series that is about a name is about no other.
    """
    if not found or ENTITY in selection:
        return ""
    first, *others = found
    if first["texts"] <= MOSTLY * first["of"] or any(one["texts"] == first["texts"] for one in others):
        return ""
    return f", mostly about {first['name']}"
