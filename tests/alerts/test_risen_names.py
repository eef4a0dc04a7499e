"""Names of the owner's that rose."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from monitor.alerts.risen_names import more_than_usual, mostly, risen

ACME = {"Acme Bank"}


def told(with_it: int, without: int, name: str = "Acme Bank") -> list[set[str]]:
    return [{name}] * with_it + [set()] * without


def test_a_name_in_most_of_the_texts_is_said_with_its_usual_share() -> None:
    (found,) = risen(told(8, 2), told(16, 134))
    assert (found.name, found.texts, found.of, found.usual) == ("Acme Bank", 8, 10, 0.1067)
    assert more_than_usual([asdict(found)]) == "Named more than usual: Acme Bank (8 of 10, usually 11 %)."
    assert mostly([asdict(found)], {}) == ", mostly about Acme Bank"


@pytest.mark.parametrize(
    ("window", "earlier"),
    [
        (told(8, 2), []),
        (told(3, 0), told(0, 100)),
        (told(8, 2), told(80, 20)),
        (told(2, 8), told(0, 100)),
        (told(3, 17), told(10, 90)),
        (told(0, 10), told(50, 50)),
    ],
    ids=["no past", "few texts", "as usual", "two of ten", "by chance", "fell"],
)
def test_what_is_usual_few_or_chance_did_not_rise(window: list[set[str]], earlier: list[set[str]]) -> None:
    assert risen(window, earlier) == []


def test_the_name_in_most_texts_comes_first_and_one_in_few_is_not_in_the_title() -> None:
    window = [{"Acme Bank", "Border"}] * 3 + [{"Border"}] * 2 + [set[str]()] * 7
    found = [asdict(one) for one in risen(window, told(0, 100))]
    assert [one["name"] for one in found] == ["Border", "Acme Bank"]
    assert mostly(found, {}) == ""
    assert mostly([], {}) == more_than_usual([]) == ""


def test_names_that_all_texts_mention_are_not_in_the_title() -> None:
    found = [asdict(one) for one in risen([{"Acme Bank", "Border"}] * 8, told(0, 100))]
    assert [one["name"] for one in found] == ["Acme Bank", "Border"]
    assert mostly(found, {"topic": "court"}) == ""
    assert mostly(found[:1], {"topic": "court"}) == ", mostly about Acme Bank"


def test_a_series_about_a_name_is_not_said_to_be_about_another() -> None:
    (found,) = risen(told(8, 2), told(16, 134))
    assert mostly([asdict(found)], {"entity": "Border", "sentiment": "negative"}) == ""
