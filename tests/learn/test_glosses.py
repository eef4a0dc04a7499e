"""Words of other languages in English: which language a text is in, what its words become, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monitor.errors import LearnError
from monitor.learn.encoder import TransformerEncoder, embedded_folder
from monitor.learn.glosses import Glossary, read_glossary
from monitor.learn.meta.trunk import Trunk
from monitor.learn.tokens import Reading
from monitor.learn.word_files import ENGLISH, SHIPPED_WORDLISTS, wordlists_digest
from monitor.learn.words import MOST, WORD, Words, plain, script, small

EN = Words(
    "\n".join(["the", "my", "card", "was", "what", "now", "in", "of", "bank", "is", "a", "for", "router"])
)
DE = Words(
    """die=the
meine=my
karte=card
wurde=was
was=what
nicht=not
zurück=back
geld=money
konto=account
kunden=customers
bank=bank
berlin==
bestellt=ordered
geht's=goes
gruß=greeting"""
)
ZH = Words("我=i\n的=of\n卡=card\n被=was\n银行=bank\n银=silver\n行=go\n吞=swallowed\n了=done")
JA = Words("の=of\nカード=card\nが=is\n届か=arrive\nない=not\n届=report")
KO = Words("를=the\n카드=card\n분실=lost\n했=did\n습니다=it is")
RU = Words("карта=card\nне=not\nработает=works")
UK = Words("картка=card\nне=not\nпрацює=works")
HE = Words("""ה=the
ב=in
וה=and the
חשבון=account
לא=not
מע"מ=vat
צ'ק=cheque
ל=to
בנק=bank""")
FA = Words("یک=one\nنمی=not\nنمیشود=is not possible\nکارت=card\nمن=my")
VI = Words(
    "tôi=i\nkhông=not\nk=not\nhàng=goods\nhăng=eager\nkhách=guest\n"
    "khách hàng=customer\nkhách hàng thân thiết=regular customer"
)
EL = Words("η=the\nκάρτα=card\nμάτια=eyes\nματιά=look")
FEW = {"el": EL, "de": DE, "zh": ZH, "ja": JA, "ko": KO, "ru": RU, "uk": UK, "he": HE, "fa": FA, "vi": VI}


@pytest.fixture
def glossary() -> Glossary:
    return Glossary(EN, FEW)


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("Meine Karte wurde NICHT bestellt!", "my card was not ordered!"),
        ("meine Karte, zurueck", "my card, back"),  # as typed without umlauts, either way
        ("meine Karte zuruck", "my card back"),
        ("Meine Kundenkonto Karte", "my customers account card"),  # a compound
        ("Meine Karte bestellte", "my card ordered"),  # another form
        ("Meine Karte, Router", "my card, router"),  # an English word that the list lacks
        ("Meine Karte in Berlin, Xaverzeug", "my card in berlin, xaverzeug"),  # names, and what nobody knows
        ("Karte", "card"),
        ("我的卡被银行吞了", "i of card was bank swallowed done"),
        ("我的Visa卡 NOK", "i of Visa card NOK"),
        ("カードが届かない", "card is arrive not"),
        ("카드를 분실했습니다", "card the lost did it is"),
        ("Карта не работает", "card not works"),
        ("Картка не працює", "card not works"),
        ("Meine Karte: wie geht’s, was'n", "my card: wie goes, what'n"),
        ("MEINE KARTE", "my card"),
        ("Meine Karte: https://karte.example @meine, 5 NOT", "my card: https://karte.example @meine, 5 NOT"),
        ("#卡#我的银行", "#卡#i of bank"),
        (
            "我的の卡被银行吞了我的卡被银行吞了",
            "i of の card was bank swallowed done i of card was bank swallowed done",
        ),
        ("Visa-Karte: не работает", "visa-card: not works"),  # each script by itself
        ("Tôi không", "i not"),
        ("Tôi: khách  hàng, khách", "i: customer, guest"),  # words that are one entry
        ("Khách hàng thân thiết không", "regular customer not"),  # the longest
        ("khach hang khong", "customer not"),
        ("tôi khách, hàng", "i guest, goods"),  # a mark between them
        ("tôi không khách hãng", "i not guest hãng"),  # other accents: another word
        ("tôi không hang, háng", "i not goods, háng"),
        ("tôi không 70k, 5 k, k", "i not 70k, 5 k, not"),  # what stands behind a number is a unit
        ("的卡5了", "of card 5 done"),
        ("карта: 5 не 6\nне", "card: 5 not 6\nnot"),
        ("η κάρτα 5 η, ΜΑΤΙΑ ματιά", "the card 5 the, eyes look"),
        ("tôi không khách hàng thân", "i not customer thân"),
        ("החשבון לא בבנק", "the account not in bank"),  # little words before another
        ("לא והחשבון", "not and the account"),
        ('לא לא בנק המע"מ', "not not bank the vat"),
        ("לא לאבנק", "not לאבנק"),  # no little words
        (
            'לא לא מע"מ, לא לא מע״מ, צ׳ק',
            "not not vat, not not vat, cheque",
        ),  # abbreviations, as they are typed and as they should be
        ('לא "בנק"', 'not "bank"'),
        ("کارت من نمی\u200cشود", "card my is not possible"),  # a joiner is no end of a word
        ("كارت من يك", "card my one"),  # as an Arabic keyboard writes it
    ],
)
def test_words_become_english(glossary: Glossary, text: str, english: str) -> None:
    assert glossary.english(text).text == english


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12.50 / 3",
        "What is the router for now",
        "The bank was in Berlin",  # "was" is German, too
        "Unicredit Vantor Halvorne",
        "the bank: https://karte.example/meine/karte @meine #karte",
        "bank NOT in the card",  # initials, or a currency: no word of a text in small letters
        "x y z",
        "🙂",
        "ไม่ทำงาน",  # there is no list
    ],
)
def test_english_and_what_no_list_knows_stay_as_they_are(glossary: Glossary, text: str) -> None:
    found = glossary.english(text)
    assert found.text == text
    assert found.reached(len(text)) == len(text)


def test_words_that_two_languages_share_are_of_the_one_with_more_texts() -> None:
    spanish, catalan = (
        Words("no=no\nme=me\nha=has\nel=the\nvuelvo=return"),
        Words("ha=has\nno=no\nel=the\nme=me"),
    )
    text = "No me ha el vuelvo el"
    assert Glossary(EN, {"es": spanish, "ca": catalan}).languages(text) == {"LATIN": "es"}
    assert Glossary(EN, {"es": spanish, "oc": catalan}).languages("El no me ha") == {"LATIN": "oc"}
    assert Glossary(EN, {"es": spanish, "ca": catalan}).languages("El no me ha") == {"LATIN": "es"}
    assert Glossary(EN, {"ca": catalan}).languages("El no me ha") == {"LATIN": "ca"}


def test_a_word_or_two_that_are_common_in_english_are_english() -> None:
    danish = Words("hi=there\nhvad=what\nthe=tea")
    assert Glossary(EN, {"da": danish}).english("hi").text == "there"
    english = Words("the\nhi\nmy")
    glossary = Glossary(english, {"da": danish})
    assert glossary.english("hi").text == "hi"
    assert glossary.english("hi the").text == "hi the"
    assert glossary.english("hvad").text == "what"


def test_a_list_is_parsed_when_it_is_first_asked_for_a_word() -> None:
    words = Words("karte=card\nder=the")
    assert words.script == "LATIN"
    assert "_glosses" not in vars(words)
    assert words.gloss("karte") == "card"
    assert "_glosses" in vars(words)


def test_how_far_a_run_without_blanks_was_read_is_told_by_its_share(glossary: Glossary) -> None:
    text = "我的卡被银行吞了" * 10
    found = glossary.english(text)
    reached = [found.reached(end) for end in range(len(found.text) + 1)]
    assert reached == sorted(reached)
    assert reached[0] == 0
    assert reached[-1] == len(text)
    assert abs(reached[len(found.text) // 2] - len(text) // 2) <= 1


def test_a_capital_i_with_its_dot_is_an_i() -> None:
    assert small("İADE") == "iade"


def test_how_far_a_text_was_read_is_told_by_its_own_characters(glossary: Glossary) -> None:
    text = "Meine Karte wurde bestellt, xaver!"
    found = glossary.english(text)
    assert found.text == "my card was ordered, xaver!"
    assert text[: found.reached(len("my card"))] == "Meine Karte"
    assert text[: found.reached(len("my card was"))] == "Meine Karte wurde"
    assert found.reached(len(found.text)) == len(text)
    assert found.reached(0) == 0


def test_the_last_gloss_of_a_word_counts_and_the_commonest_of_words_that_differ_in_accents() -> None:
    words = Words("été=been\nete=x\netè=y\nété=summer\n# a note\n\n=nothing")
    assert words.rank == {"été": 0, "ete": 1, "etè": 2}
    assert words.gloss("été") == "summer"
    assert words.gloss("ete") == "x"
    assert words.gloss("etê") is None
    assert Words("perché=why\ne=and").gloss("perchè") == "why", "the wrong accent, but no other word"


def test_words_as_typed_without_accents() -> None:
    assert [plain(word) for word in ("łódź", "straße", "cœur", "ação", "ılık")] == [
        "lodz", "strasse", "coeur", "acao", "ilik",
    ]  # fmt: skip
    assert [script(word) for word in ("été", "Карта", "カード", "卡", "카드", "")] == [
        "LATIN", "CYRILLIC", "dense", "dense", "HANGUL", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, r"holds no word lists: one is a file such as de\.txt"),
        ({"de.txt": b"# ours\n\nkarte=card\nkonto\n"}, r"de\.txt, line 4: 'konto' is not word=gloss"),
        ({"de.txt": b"5g=mobile network\n"}, r"de\.txt, line 1: '5g' is not one word of letters alone"),
        ({"de.txt": b"\xff\xfe\x00"}, r"de\.txt cannot be read"),
    ],
)
def test_lists_that_are_none_are_named(tmp_path: Path, files: dict[str, bytes], said: str) -> None:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(LearnError, match=said):
        read_glossary(tmp_path, SHIPPED_WORDLISTS)


def test_lists_without_english_are_refused(tmp_path: Path) -> None:
    (tmp_path / "de.txt").write_text("\ufeffkarte=card\n", "utf-8")
    with pytest.raises(LearnError, match="no list of English words"):
        read_glossary(tmp_path)
    assert read_glossary(tmp_path, SHIPPED_WORDLISTS).english("Die Karte ist weg").text == "the card is away"


def test_words_of_ones_own_come_first(tmp_path: Path) -> None:
    (tmp_path / "de.txt").write_text("Fritzbox=router\nkarte = bus pass\n")
    (tmp_path / "cy.txt").write_text("mae=is\nfy=my\ngherdyn=card\nar=on\ngoll=lost\n")
    (tmp_path / "en.txt").write_text("die\n")
    glossary = read_glossary(tmp_path, SHIPPED_WORDLISTS)
    assert glossary.english("Die Fritzbox ist weg, meine Karte auch").text.startswith(
        "the router is away, my bus pass"
    )
    assert glossary.english("Mae fy ngherdyn ar goll").text == "is my ngherdyn on lost"
    assert glossary.others["de"].evidence(["fritzbox"]) < glossary.others["de"].evidence(["karte"]), (
        "a word of one's own is no common one"
    )
    assert wordlists_digest(tmp_path, SHIPPED_WORDLISTS) != wordlists_digest(SHIPPED_WORDLISTS)


@pytest.mark.parametrize("file", sorted(SHIPPED_WORDLISTS.glob("*.txt")), ids=lambda file: file.stem)
def test_lists_that_come_with_the_program_are_whole(file: Path) -> None:
    lines = file.read_text("utf-8").splitlines()
    assert len(lines) > 4500
    words = [line.partition("=")[0] for line in lines]
    assert len(set(words)) == len(words)
    assert all(word == small(word) and all(map(WORD.fullmatch, word.split(" "))) for word in words)
    assert all(len(word.split(" ")) <= MOST for word in words)
    glosses = [line.partition("=")[2] for line in lines]
    if file.stem == ENGLISH:
        assert not any(glosses)
    else:
        assert all(gloss and gloss.strip() == gloss.lower() for gloss in glosses)
        assert all(gloss.isascii() for gloss in glosses)


@pytest.fixture(scope="module")
def reads_all() -> TransformerEncoder:
    return TransformerEncoder(embedded_folder(), device="cpu", dtype="float32")


def test_a_text_and_its_translation_are_near_each_other(reads_all: TransformerEncoder) -> None:
    alone = TransformerEncoder(embedded_folder(), device="cpu", dtype="float32", wordlists=())
    assert alone.fingerprint != reads_all.fingerprint
    pairs = [
        ("Mein Geld ist weg, die Karte wurde gestohlen", "my money is gone, the card was stolen"),
        ("No me ha llegado el pedido", "my order has not arrived"),
        ("Le service client est très lent", "customer service is very slow"),
        ("La banca deve pagare una multa", "the bank has to pay a fine"),
    ]

    def nearness(encoder: TransformerEncoder) -> np.ndarray:
        own = encoder.encode([text for text, _ in pairs])["base"]
        english = encoder.encode([english for _, english in pairs])["base"]
        near: np.ndarray = np.einsum("ij,ij->i", own, english)
        return near

    assert nearness(reads_all).min() > 0.6
    assert (nearness(reads_all) > nearness(alone) + 0.2).all()
    english = ["The card was stolen", "Unicredit slumps after BaFin fine"]
    assert np.array_equal(reads_all.encode(english)["base"], alone.encode(english)["base"])


def test_training_reads_what_the_encoder_reads(reads_all: TransformerEncoder) -> None:
    texts = ["Mein Geld ist weg", "the money is gone"]
    states = Trunk(embedded_folder(), "cpu").states(texts, 3, 64)
    assert states.lengths.tolist() == [len(one.ids) for one in reads_all._pieces(texts)]
    np.testing.assert_allclose(states.base, reads_all.encode(texts)["base"], atol=2e-3)


def test_words_as_they_are_read_can_be_had(reads_all: TransformerEncoder) -> None:
    assert reads_all.as_read("Mein Geld ist weg!") == "my money is away!"
    assert reads_all.as_read("My Money is gone!") == "My Money is gone!"
    alone = TransformerEncoder(embedded_folder(), device="cpu", wordlists=())
    assert alone.as_read("Mein Geld ist weg!") == "Mein Geld ist weg!"


def test_a_long_text_is_read_as_far_as_its_words_in_english_fit(reads_all: TransformerEncoder) -> None:
    short = "Mein Geld ist weg. "
    assert reads_all.reads(short) == len(short)
    long = short * 200
    assert 500 < reads_all.reads(long) < len(long)


def test_a_language_with_a_list_is_no_foreign_one(reads_all: TransformerEncoder) -> None:
    text = "Der Kundendienst hat mir bis heute nicht geantwortet und das Geld ist weg"
    assert Reading(embedded_folder()).unread(text) > 0.3
    assert Reading(embedded_folder(), [SHIPPED_WORDLISTS]).unread(text) < 0.1


def test_the_digest_is_of_names_and_contents(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "en.txt").write_text("the\n")
    assert wordlists_digest(tmp_path / "one") == wordlists_digest(tmp_path / "two")
    (tmp_path / "three").mkdir()
    (tmp_path / "three" / "en.txt").write_text("the\n")
    (tmp_path / "three" / "de.txt").write_text("der=the\n")
    assert wordlists_digest(tmp_path / "three") != wordlists_digest(tmp_path / "one")


def test_a_digest_is_that_of_the_lists_that_are_in_use(tmp_path: Path) -> None:
    (tmp_path / "de.txt").write_text("karte=card\n")
    folders = tmp_path, SHIPPED_WORDLISTS
    glossary, digest = read_glossary(*folders), wordlists_digest(*folders)
    (tmp_path / "de.txt").write_text("karte=map\n")
    assert wordlists_digest(*folders) == digest
    assert glossary.english("Meine Karte ist weg").text == "my card is away"
