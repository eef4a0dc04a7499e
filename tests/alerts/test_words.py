"""Words that rose, texts that stand for many, histories that are drawn: pure functions."""

from __future__ import annotations

from math import isclose, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.detectors.profile import empty
from monitor.alerts.past import band, columns, drawn, drop_band
from monitor.alerts.replay import walk
from monitor.alerts.representative import representative
from monitor.alerts.words import as_written, log_odds, rising, terms
from monitor.durations import DAY, HOUR

CALM = ["the shop opened on time today", "the parcel came and the box was whole", "thanks for the quick help",
        "the new card works in the shop", "where is the form for the address", "the box is here thanks"]  # fmt: skip
BAD = ["error 503 when i pay", "the payment page says error 503", "error 503 again, payment lost"]


def said(texts: list[str], times: int = 1) -> list[set[str]]:
    return [terms(text) for text in texts] * times


def test_log_odds_by_hand() -> None:
    found = log_odds({"a": 3, "b": 1}, {"a": 1, "b": 5}, {"a": 1, "b": 2})
    # a: 3 + 1 of 4 + 3 here, 1 + 1 of 6 + 3 there; b: 1 + 2, and 5 + 2
    assert found["a"][0] == pytest.approx(log(4 / 3) - log(2 / 7))
    assert found["a"][1] == pytest.approx((log(4 / 3) - log(2 / 7)) / sqrt(1 / 4 + 1 / 2))
    assert found["b"][0] == pytest.approx(log(3 / 4) - log(7 / 2))
    assert found["b"][1] == pytest.approx((log(3 / 4) - log(7 / 2)) / sqrt(1 / 3 + 1 / 7))


COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 50), min_size=2)


@given(COUNTS, COUNTS)
def test_log_odds_are_a_matter_of_sides(here: dict[str, int], there: dict[str, int]) -> None:
    prior = dict.fromkeys("abcdef", 0.5)
    one, other = log_odds(here, there, prior), log_odds(there, here, prior)
    for word in one.keys() & other.keys():
        assert isclose(one[word][0], -other[word][0], abs_tol=1e-9)
        assert isclose(one[word][1], -other[word][1], abs_tol=1e-9)


def test_what_rose_is_named_and_what_is_always_said_is_not() -> None:
    rose = rising(said(BAD, 4), said(CALM, 10))
    named = [rise.term for rise in rose]
    assert named[0] == "error 503"
    assert not {"the", "i", "when"} & set(named)
    assert "error" not in named, "a pair says it already"
    assert (rose[0].texts, rose[0].usual) == (12, 0)
    assert [rise.score for rise in rose] == sorted((rise.score for rise in rose), reverse=True)


def test_nothing_rose_where_all_is_as_ever_or_nothing_is_known() -> None:
    assert rising(said(CALM), said(CALM, 10)) == []
    assert rising(said(BAD), []) == []
    assert rising([], said(CALM)) == []
    assert rising([terms(mark) for mark in ("5", "4", "👍", "!", "10")], [terms("3")]) == [], "no word at all"


def test_function_words_and_what_all_were_chosen_by_never_rise() -> None:
    mine = [f"I have to call anyone at acme bank about it, the card is not working {n}" for n in "abcdef"]
    rose = {rise.term for rise in rising(said(mine), said(CALM, 10), known={"acme", "bank"})}
    assert "not working" in rose
    assert not rose & {"have", "have to", "to call", "call anyone", "anyone", "acme", "acme bank", "about it"}


BALANCES = ("余额", "转账", "贷款", "利率")
ABROAD = {
    "German": (
        ["Wie kann ich mein Konto ändern?", "Ich habe eine Frage zu den Zinsen.", "Danke für die Karte"],
        ["Die App geht nicht mehr", "Nach dem Update geht nicht einmal mehr die App", "Ich komme nicht in die App",
         "Die App geht nicht, das kann doch nicht sein"],
        {"App", "geht nicht"},
    ),
    "French": (
        ["Comment puis-je modifier mon compte ?", "J'ai une question sur le virement.", "Merci pour la carte"],
        ["L'application ne marche plus depuis hier", "Depuis hier l’application plante, elle est en panne",
         "Il y a un problème avec l’application, elle ne marche plus", "Mon application ne marche pas"],
        {"application", "ne marche"},
    ),
    "Russian": (
        ["Как проверить баланс?", "Подскажите, пожалуйста, про карту.", "Хочу узнать про кредит"],
        ["Приложение не работает после обновления", "Это просто ужас, приложение не работает",
         "У меня не работает приложение", "Приложение опять не работает, и что мне делать"],
        {"Приложение", "не работает"},
    ),
    "Chinese": (
        [f"请问{what}怎么查询？" for what in BALANCES] + [f"我想咨询{what}的问题" for what in BALANCES],
        ["手机银行无法登录", "我的账户无法登录了", "今天早上开始无法登录，怎么办", "为什么我无法登录？急用钱"],
        {"无法登录"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", ABROAD)
def test_what_rose_in_other_languages_is_no_function_word_and_no_piece_of_a_word(language: str) -> None:
    calm, bad, wanted = ABROAD[language]
    rose = rising(said(bad, 2), said(calm, 20))
    assert {as_written(one.term, bad) for one in rose} == wanted


def test_a_word_is_empty_in_the_language_of_the_texts_alone() -> None:
    assert {"die", "car"} <= {rise.term for rise in rising(said(["some die", "a car"], 4), said(CALM, 10))}


def test_terms_of_many_scripts() -> None:
    assert terms("Die Größe!") == {"die", "größe", "die größe"}
    assert terms("don’t PANIC, panic now") == {"don't", "panic", "now", "don't panic", "panic now"}
    assert terms("L’appli, l'appli") == {"appli"}
    assert terms("शिकायत नहीं") == {"शिकायत", "नहीं", "शिकायत नहीं"}
    assert "error 503" in terms("Error 503")
    assert "503" not in terms("Error 503")
    assert {"支付", "付失", "失败"} <= terms("支付失败")
    assert terms("完整ｶﾅ １２") == {"完整", "整カ", "カナ"}
    assert terms("a - _ !!") == set()


@given(st.text(max_size=200))
def test_any_text_has_terms(text: str) -> None:
    for term in terms(text):
        assert len(term) > 1
        assert term.strip() == term


def test_what_says_the_same_is_shown_once() -> None:
    texts = said([*BAD, "the queue at the counter is long", "the queue at the counter is long today"])
    shown = representative(texts, list("abcde"), said(CALM), 5)
    assert len({3, 4} & set(shown)) == 1
    assert len(shown) == 4


def test_a_term_is_shown_as_it_is_written() -> None:
    assert (
        as_written("halvorne bank", ["Halvorne Bank fell", "Halvorne  Bank rose", "halvorne bank"])
        == "Halvorne Bank"
    )
    assert as_written("gone", ["nothing here"]) == "gone"
    assert as_written("don't", ["Don’t", "Don’t", "don't"]) == "Don’t"


# -- texts that stand for many -----------------------------------------------------------


def test_typical_texts_come_first_and_one_of_each_group() -> None:
    texts = [
        "the bank hid a fraud",
        "fraud at the bank, police say",
        "the bank hid a fraud",
        "a cat sat on a mat",
    ]
    chosen = representative(said(texts), ["one", "two", "one", "four"], said(CALM), 3)
    assert sorted(chosen) == [0, 1, 3]
    assert chosen.index(3) > 0
    assert representative(said(texts), ["same"] * 4, [], 3) == [0]
    assert representative([], [], [], 3) == []


def test_texts_unlike_each_other_are_chosen() -> None:
    texts = ["card payment fails at the till", "card payment fails at the shop", "card payment fails in the shop",
             "card payment abroad refused since noon, staff rude"]  # fmt: skip
    assert 3 in representative(said(texts), list("abcd"), said(CALM), 2)


# -- histories ---------------------------------------------------------------------------


@pytest.mark.parametrize(("window", "step", "shown"), [(300, 300, 288), (900, 900, 96), (HOUR, HOUR, 168),
                                                       (6 * HOUR, 6 * HOUR, 28), (DAY, DAY, 28),
                                                       (7 * DAY, DAY, 28)])  # fmt: skip
def test_a_column_is_as_long_as_the_window(window: int, step: int, shown: int) -> None:
    assert columns(window, 300) == (step, shown)


def test_the_band_is_what_a_profile_believed_before_it_saw_the_counts() -> None:
    """An hour's columns: exactly what a surge would have been held against."""
    day = np.array([0] * 8 + [10] * 8 + [0] * 8)
    counts = np.tile(day, 28)
    counts[-10] = 500
    mean, low, high = band(counts, 0, HOUR, HOUR, 0)
    assert np.isnan(mean[: 3 * 24]).all()
    assert not np.isnan(mean[3 * 24 :]).any()
    assert mean[-12] > 3 * mean[-22], "by the hour"
    assert (low <= mean)[3 * 24 :].all()
    assert (mean <= high + 1)[3 * 24 :].all()
    assert high[-10] < 100, "before it saw the wave"
    seen = walk(empty(0, HOUR), ((n * HOUR, int(c), int(c)) for n, c in enumerate(counts) if c))
    assert [usual.mean for _, _, usual in seen][-1] == pytest.approx(mean[-9])


def test_a_drop_has_a_band_of_its_own() -> None:
    counts = np.tile([0] * 8 + [20] * 10 + [0] * 6, 28)
    mean, low, high = drop_band(counts, 0, HOUR, HOUR, 0, 48)
    assert np.isnan(mean[:-48]).all()
    assert (mean[-14], mean[-2]) == (20, 0)
    assert low[-14] < 20 < high[-14]
    assert np.isnan(drop_band(counts[: 7 * 24], 0, HOUR, HOUR, 0)).all(), "a week must be known"


def test_columns_longer_than_an_hour_are_sums() -> None:
    counts = np.tile([0] * 8 + [10] * 8 + [0] * 8, 28)
    hours, days = band(counts, 0, HOUR, HOUR, 0)[0], band(counts, 0, HOUR, DAY, 0)[0]
    assert days[-1] == pytest.approx(hours[-24:].sum())
    assert np.isnan(days[:3]).all()
    assert not np.isnan(days[3:]).any()


def test_a_short_past_draws_no_band() -> None:
    assert np.isnan(band(np.array([1, 2, 3]), 0, HOUR, HOUR, 0)).all()
    assert drawn(np.zeros(48, int), 0, HOUR, 24, 47, 48, 0) is None


def test_what_is_not_known_is_not_drawn_as_zero() -> None:
    counts = np.arange(48)
    found = drawn(counts, 0, HOUR, 48, 47, 48, 30 * HOUR)
    assert found is not None
    assert (found["start"], found["counts"], found["window"]) == (30 * HOUR, list(range(30, 48)), [17, 18])
    found = drawn(counts, 0, HOUR, 24, 47, 48, -5)
    assert found is not None
    assert (found["start"], found["window"]) == (24 * HOUR, [23, 24])
