"""Words and word pairs that rose: texts of a window against earlier ones. Pure functions.

Log-odds ratio with an informative Dirichlet prior: Monroe, Colaresi and Quinn, "Fightin' Words:
Lexical Feature Selection and Evaluation for Identifying the Content of Political Conflict",
Political Analysis 16 (2008), equations 15 to 22. The prior holds what is said everywhere near
what it is everywhere, in any language; function words, of which a few texts by one hand may
be full all the same, are left out by name (:mod:`monitor.alerts.function_words`).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log, sqrt

from monitor.alerts.function_words import ENGLISH, Empty, of_texts

PRIOR_MASS = 500.0
"""Words that the prior is worth."""
SURE = 1.96
"""Standard deviations from which a word is said to have risen."""
COMMON = 0.25
"""What so large a share of earlier texts says anyway is no news, however often it is said now."""
TIMES = 3
"""A word has risen if its share is so many times what it was."""
FEWEST = 4
"""Of fewer texts, no word can be said to have risen."""
SWALLOWED = 0.7
"""A word that occurs so often inside one pair alone is not named beside the pair."""

_UNSPACED = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"  # Thai, Lao, Kana, Han
_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
"""Vowels and signs that are written onto letters, which \\w does not know, and the letters of Indic scripts."""
_LETTERS = rf"(?:[^\W_{_UNSPACED}]|[{_MARKS}])+"
_TOKEN = re.compile(rf"[{_UNSPACED}]+|{_LETTERS}(?:'{_LETTERS})*|[.!?;:,()\"“”\n]")
_ELIDED = re.compile(r"\b(?:[cdjlmnst]|(?:jus|lors|puis)?qu)'(?=\w\w)")
"""Articles and pronouns that French and Italian write onto the next word."""
_LETTER = re.compile(r"[^\W\d_]")
_RUN = re.compile(rf"[{_UNSPACED}]")


def terms(text: str) -> set[str]:
    """The words of a text and its pairs of neighbouring words, each once, in lower case.

    Scripts without spaces between words are cut into overlapping pairs of characters. A number is
    no word by itself, but may be part of a pair (``error 503``). Punctuation parts a pair, and so does
    an elision (``l'application``). All apostrophes are alike.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).replace("’", "'").replace("\u00ad", "")
    tokens: list[str] = []
    for token in _TOKEN.findall(_ELIDED.sub(". ", text.lower())):
        if len(token) > 1 and _RUN.match(token):
            tokens += [".", *(token[i : i + 2] for i in range(len(token) - 1)), "."]
        else:
            tokens.append(token)
    words = {token for token in tokens if len(token) > 1 and _LETTER.search(token)}
    pairs = {
        f"{one} {two}"
        for one, two in pairwise(tokens)
        if one[0].isalnum() and two[0].isalnum() and (one in words or two in words)
        if not _RUN.match(one)
    }
    return words | pairs


@dataclass(frozen=True)
class Rise:
    """A word or pair: in how many texts of the window, and how sure it is that it rose.

    ``usual``: the share of earlier texts that hold it. ``score``: its log-odds ratio, in
    standard deviations.
    """

    term: str
    texts: int
    usual: float
    score: float


def log_odds(
    here: Mapping[str, float], there: Mapping[str, float], prior: Mapping[str, float]
) -> dict[str, tuple[float, float]]:
    """``{word: (log-odds ratio, standard deviations)}`` of two counts of words, given a prior.

    :param prior: pseudo-counts, above zero for every word of ``here``; words that it lacks are left out.
    """
    total_here, total_there, mass = sum(here.values()), sum(there.values()), sum(prior.values())
    found = {}
    for word in here:
        weight = prior.get(word, 0.0)
        if weight <= 0:
            continue
        one, two = here[word] + weight, there.get(word, 0) + weight
        delta = log(one / (total_here + mass - one)) - log(two / (total_there + mass - two))
        found[word] = delta, delta / sqrt(1 / one + 1 / two)
    return found


def rising(
    window: Sequence[Collection[str]],
    earlier: Sequence[Collection[str]],
    background: Sequence[Collection[str]] = (),
    *,
    known: Collection[str] = (),
    most: int = 8,
) -> list[Rise]:
    """What the texts of ``window`` say more than ``earlier`` ones did, the surest first.

    Each text is the set of its :func:`terms`, so a long text counts a word no more than a short
    one. Give each story once. Where nothing is known of earlier texts, nothing is said to rise.

    :param background: other texts, for the prior alone: how common words are in general.
    :param known: words that are no news, such as the name that all these texts were chosen by.
    """
    if len(window) < FEWEST or not earlier:
        return []
    here, there = in_texts(window), in_texts(earlier)
    common = here + there + in_texts(background)
    scale = PRIOR_MASS / max(1, sum(common.values()))
    scores = log_odds(here, there, {word: scale * count for word, count in common.items()})
    empty = of_texts(window)
    least = 2 if len(window) < 5 else 3
    sure = sorted(
        (
            (score, word)
            for word, (_, score) in scores.items()
            if score >= SURE and here[word] >= least and telling(word, known, empty)
            if there[word] / len(earlier) < min(COMMON, here[word] / len(window) / TIMES)
        ),
        key=lambda item: (-item[0], item[1]),
    )
    chosen: list[Rise] = []
    pairs = [word for _, word in sure if " " in word]
    pieces = {word: holders(word, window) for _, word in sure if unspaced(word)}
    for score, word in sure:
        if word in pieces:
            run, texts = whole(word, pieces)
            if not any(word in other.term for other in chosen):
                chosen.append(Rise(run, len(texts), there[word] / len(earlier), round(score, 2)))
            if len(chosen) == most:
                break
            continue
        # a pair says more than its words: they are named where they occur without it, too
        if " " not in word and any(
            word in pair.split() and here[pair] >= SWALLOWED * here[word] for pair in pairs
        ):
            continue
        if " " in word and any(set(word.split()) & set(other.term.split()) for other in chosen):
            continue
        chosen.append(Rise(word, here[word], there[word] / len(earlier), round(score, 2)))
        if len(chosen) == most:
            break
    return chosen


def telling(term: str, known: Collection[str] = (), empty: Empty = ENGLISH) -> bool:
    """Whether a word or pair can say what a text is about.

    A negation may begin a pair, or end it where the language has it so; no other function word is part of one.
    """
    first, _, second = term.partition(" ")
    if not second:
        return first not in empty.words and first not in known
    return (
        (first not in empty.words or first in empty.before)
        and (second not in empty.words or (second in empty.behind and first not in empty.words))
        and not (first in known and second in known)
    )


def unspaced(term: str) -> bool:
    """Whether a term is of a script that puts no spaces between words."""
    return _RUN.match(term) is not None


def pieces_of(rises: Iterable[Rise]) -> set[str]:
    """What rose, as :func:`terms` cuts texts."""
    return {part for one in rises for part in (terms(one.term) if unspaced(one.term) else (one.term,))}


def holders(term: str, texts: Sequence[Collection[str]]) -> frozenset[int]:
    """Which of the texts hold a term."""
    return frozenset(place for place, text in enumerate(texts) if term in text)


def whole(piece: str, pieces: Mapping[str, frozenset[int]]) -> tuple[str, frozenset[int]]:
    """The run of letters that a pair of characters is part of, and the texts that hold it.

    It grows by pairs that overlap with its ends, while they mostly are in the same texts.

    :param pieces: pairs of characters, with the texts that hold them.
    """
    run, held = piece, pieces[piece]
    while True:
        for other, also in pieces.items():
            both = held & also
            if other in run or len(both) < SWALLOWED * max(len(held), len(also)):
                continue
            if other[0] == run[-1]:
                run, held = run + other[1], both
                break
            if other[1] == run[0]:
                run, held = other[0] + run, both
                break
        else:
            return run, held


def as_written(term: str, texts: Sequence[str]) -> str:
    """A term as most texts write it: ``Halvorne Bank`` for ``halvorne bank``."""
    words = (re.escape(word).replace("'", "['’]") for word in term.split())
    pattern = re.compile(r"\s+".join(words), re.IGNORECASE)
    forms = Counter(" ".join(found.split()) for text in texts for found in pattern.findall(text))
    return forms.most_common(1)[0][0] if forms else term


def in_texts(texts: Iterable[Collection[str]]) -> Counter[str]:
    """In how many texts each of what they hold is."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    return counts
