from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.learn.meta.catalog import MetaTask, Rows
from monitor.learn.meta.overlap import FEWEST_WORDS, SIMILAR, Index, content_words, without_shared

WORDS = [f"word{number}" for number in range(14)]
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join), max_size=8)


def similar(one: str, other: str) -> bool:
    """Jaccard, as it is defined."""
    a, b = set(content_words(one)), set(content_words(other))
    return min(len(a), len(b)) >= FEWEST_WORDS and len(a & b) / len(a | b) >= SIMILAR


@settings(max_examples=150, deadline=None)
@given(TEXTS, TEXTS)
def test_what_is_found_is_what_comparing_all_pairs_finds(known: list[str], asked: list[str]) -> None:
    exactly, nearly = Index(known).shared(asked)
    for row, text in enumerate(asked):
        same = any(content_words(text) == content_words(other) for other in known)
        assert exactly[row] == same
        assert nearly[row] == (not same and any(similar(text, other) for other in known))


def test_many_random_texts_against_all_pairs() -> None:
    """Texts of skewed frequencies, and edits of the known ones: near ones do occur."""
    generator = np.random.default_rng(0)
    words = [f"w{n}" for n in range(60)]
    share = 1 / np.arange(1, 61)

    def text(size: int) -> list[str]:
        return list(generator.choice(words, size, p=share / share.sum()))

    known = [text(int(generator.integers(4, 20))) for _ in range(150)]
    asked = [text(int(generator.integers(4, 20))) for _ in range(50)]
    for row in generator.integers(150, size=150):
        edited = list(known[row])
        for place in generator.integers(len(edited), size=int(generator.integers(1, 4))):
            edited[place] = str(generator.choice(words))
        asked.append(edited)
    plain = [" ".join(own) for own in known]
    exactly, nearly = Index(plain).shared([" ".join(own) for own in asked])
    expected = [any(similar(" ".join(own), other) for other in plain) for own in asked]
    assert (exactly | nearly).tolist() == [
        found or " ".join(own) in plain for found, own in zip(expected, asked, strict=True)
    ]
    assert nearly.sum() > 20
    assert (~(exactly | nearly)).sum() > 20


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("How do I activate my new card?", "exactly"),
        ("HOW DO I ACTIVATE MY NEW CARD", "exactly"),
        ("activate new card", "exactly"),  # as where small words were taken out
        ("activate card new", "no"),  # short, and in another order
        ("activate new", "no"),
        ("the price of wheat rose by two percent in march", "exactly"),
        ("the price of wheat rose by two percent again in march", "nearly"),
        ("in march the price of wheat rose by two percent", "nearly"),
        ("wheat price rose two percent march suddenly", "nearly"),  # 6 of 7
        ("wheat price rose two percent suddenly strongly", "no"),  # 5 of 8
        ("", "no"),
        ("?!", "no"),
        ("what is it", "no"),
    ],
)
def test_exactly_nearly_or_not(text: str, verdict: str) -> None:
    index = Index(
        ["How do I activate my new card?", "The price of wheat rose by two percent in March.", "?", ""]
    )
    exactly, nearly = index.shared([text])
    assert (bool(exactly[0]), bool(nearly[0])) == (verdict == "exactly", verdict == "nearly")


def test_tasks_lose_what_exams_hold_and_it_is_counted() -> None:
    def task(name: str, train: list[str], test: list[str]) -> MetaTask:
        rows = [Rows(tuple(own), np.arange(len(own)) % 2) for own in (train, test)]
        return MetaTask(name, "topic", "train", True, "", {"a": "", "b": ""}, *rows)

    near = "wheat prices rose sharply during march"
    mine = task("mine", ["one thing", "my card is lost", near, "two things"], ["my card is lost!"])
    other = task("other", ["nothing in common", "at all"], ["really nothing"])
    exam = task("exam", ["My card is lost."], ["wheat prices rose sharply march suddenly"])
    told: list[str] = []
    clean, counts = without_shared([mine, other], [exam], told.append)
    assert counts == {"mine": (2, 1), "other": (0, 0)}
    assert clean[0].train.texts == ("one thing", "two things")
    assert clean[0].train.targets.tolist() == [0, 1]
    assert len(clean[0].test) == 0
    assert clean[1].train.texts == other.train.texts
    assert told == ["mine", "other"]
    outside = replace(exam, outside=("One thing!",))
    assert without_shared([mine], [outside])[1] == {"mine": (3, 1)}
    assert without_shared([replace(mine)], [])[1] == {"mine": (0, 0)}
