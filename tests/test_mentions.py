"""Names found in texts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.mentions import Mentions, clashes, plain

KNOWN = Mentions(
    {
        "Acme Corp": ["Acme", "ACME Inc."],
        "Acme Bank": [],
        "C++": [],
        "AT&T": ["at and t"],
        "Straße": [],
        "苹果": [],
        "राम": [],
        "Yahoo!": [],
        "Élan": [],
    }
)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Shares of acme fell", ["Acme Corp"]),
        ("ACME's profit; acme-owned", ["Acme Corp"]),
        ("the acme-bank deal", ["Acme Bank"]),
        ("acme - bank", ["Acme Corp"]),
        ("acmes Pacme acme_2 acme2", []),
        ("Acme Bank and Acme", ["Acme Bank", "Acme Corp"]),
        ("the acme\n  bank", ["Acme Bank"]),
        ("Acme banker", ["Acme Corp"]),
        ("acme inc. and acme inc", ["Acme Corp"]),
        ("learn C++, not C+", ["C++"]),
        ("AT&T, At And T", ["AT&T"]),
        ("die STRASSE", ["Straße"]),
        ("我喜欢苹果公司", ["苹果"]),
        ("रामायण", []),
        ("राम आया", ["राम"]),
        ("Yahoo! bought", ["Yahoo!"]),
        ("e\u0301lan ÉLAN", ["Élan"]),
        ("\uff21cme", ["Acme Corp"]),
        ("", []),
    ],
)
def test_whole_words_in_any_case_and_the_longest_name(text: str, names: list[str]) -> None:
    assert KNOWN.of(text) == names


ABROAD = Mentions(
    dict.fromkeys(
        ["Acme", "L'Oréal", "Crédit-Agricole", "Finanzmarkt", "工商银行", "5G", "삼성", "アマゾン"], ()
    )
)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("我在Acme银行开户", ["Acme"]),
        ("昨日Ａｃｍｅが落ちた", ["Acme"]),
        ("我的5G信号", ["5G"]),
        ("我的Acmes", []),
        ("中国工商银行今天", ["工商银行"]),
        ("日本アマゾンで買う", ["アマゾン"]),
        ("Les ventes de L’Oréal", ["L'Oréal"]),
        ("le Crédit\u2011Agricole", ["Crédit-Agricole"]),
        ("le Crédit Agricole", ["Crédit-Agricole"]),
        ("der Finanz\u00admarkt", ["Finanzmarkt"]),
        ("חברת \u200fAcme\u200f", ["Acme"]),
        ("삼성이 발표했다", ["삼성"]),
        ("Acme가 발표했다", ["Acme"]),
        ("무삼성", []),
    ],
)
def test_names_where_words_have_no_blanks_between_them_and_as_typesetters_write(
    text: str, names: list[str]
) -> None:
    assert ABROAD.of(text) == names


def test_a_name_does_not_reach_from_the_title_into_the_text() -> None:
    assert KNOWN.of("News of Acme", "Bank holiday") == ["Acme Corp"]
    assert KNOWN.of("", "Acme Bank") == ["Acme Bank"]
    assert Mentions({}).of("Acme") == []


WORDS = st.text("ab. ", min_size=1, max_size=5)


@given(st.lists(WORDS, max_size=6), st.text("ab. ", max_size=25))
def test_it_finds_what_trying_each_name_finds(words: list[str], text: str) -> None:
    names = {plain(w): [] for w in words if plain(w)}
    wanted, place, said = [], 0, plain(text)
    while place < len(said):
        fits = [
            name
            for name in sorted(names, key=len, reverse=True)
            if re.compile(rf"(?<!\w){re.escape(name)}(?!\w)").match(said, place)
        ]
        if fits and fits[0] not in wanted:
            wanted.append(fits[0])
        place += len(fits[0]) if fits else 1
    assert Mentions(names).of(text) == wanted


def test_many_names_cost_no_more_than_a_few() -> None:
    many = Mentions({f"company {n} holding": [f"firm{n}"] for n in range(5000)})
    text = "nothing here of firm and company 12 but firm4999 " * 200
    assert many.of(text) == ["company 4999 holding"]


def test_lists_that_clash_are_named() -> None:
    assert list(clashes({"Acme": ["A.C.M.E."], "Bank": ["ACME", "!"], "*": []})) == [
        ("Bank", "'ACME' is also a name of 'Acme'"),
        ("Bank", "'!' cannot be found in a text: it has no letters"),
        ("*", "'*' cannot be found in a text: it has no letters"),
    ]
