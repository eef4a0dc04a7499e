import pytest

from monitor.learn.model_files import embedded_folder
from monitor.learn.tokens import MOST_BROKEN, MOST_TORN, broken, cut, unknown_id, unread, words


@pytest.fixture(scope="module")
def tokenizer():
    from tokenizers import Tokenizer

    found = Tokenizer.from_file(str(embedded_folder() / "tokenizer.json"))
    found.no_padding()
    found.enable_truncation(32)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "My card was stopped at the till.",
        "Q2 net loss $1.2bn (vs. -$0.4bn); EPS $2.10",
        "BA.N down -7.5% (10:05 ET)",
        "Great!!! 5/5 :)",
        "hi!",
        "I",
        "?!",
        "",
        "Regulator fines Halvorne over its money laundering controls",
        "love it \N{ROCKET}",
        "\N{EURO SIGN}4.5bn \N{EN DASH} \N{LEFT DOUBLE QUOTATION MARK}down\N{RIGHT DOUBLE QUOTATION MARK}",
    ],
)
def test_the_embedded_encoder_reads_words_figures_and_marks(tokenizer, text):
    assert cut(tokenizer, text, unknown_id(tokenizer)).unread == 0


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("Где мой заказ? Он должен был прийти вчера.", MOST_TORN, MOST_TORN),  # letter by letter
        ("我的订单在哪里?昨天就应该到了。", 10 / 14, 10 / 14),  # four are known
        ("ฉันต้องการยกเลิกคำสั่งซื้อ", 1, 1),  # none are
        ("\N{ROCKET}\N{ROCKET}", 1, 1),
        ("order ฉันต้อง", 0.4, 0.6),  # half and half
        ("5/5 \N{ROCKET}", 0.25, 0.25),
        ("a" * 150 + " \N{LATIN SMALL LETTER E WITH ACUTE}", 0, 0.01),  # too long for a word, but ASCII
    ],
)
def test_other_scripts_are_beyond_it(tokenizer, text, least, most):
    assert least <= cut(tokenizer, text, unknown_id(tokenizer)).unread <= most


GERMAN = [
    "Mein Paket ist immer noch nicht angekommen: Überweisung für März.",
    "Die Rechnung stimmt nicht, bitte prüfen Sie das",
    "Ich möchte meinen Vertrag kündigen",
]
HEADLINES = [
    "Halvorne Bank probe widens",
    "Unicredit shares slump after BaFin fine",
    "Nvidia surges on Blackwell demand",
    "Court freezes accounts of a broker after complaints of its customers",
    "Debenhams collapses into administration",
]


def test_a_language_shows_in_its_words(tokenizer):
    def of(*texts):
        return broken(tokenizer, ". ".join(texts))

    assert of(*GERMAN) == MOST_BROKEN
    assert of("mi tarjeta fue rechazada dos veces en la tienda", "¿dónde está mi pedido de ayer?") > 0.1
    assert sum(map(of, HEADLINES)) / len(HEADLINES) < 0.25, "rare names are often taken for another language"
    assert of("Где мой заказ? Он должен был прийти вчера.") == 0, (
        "letters that are beyond it are told by letter"
    )
    assert of("") == 0


def test_a_text_alone_is_no_more_beyond_for_its_words(tokenizer):
    for text in GERMAN + HEADLINES:
        assert cut(tokenizer, text, unknown_id(tokenizer)).unread == 0


def test_pieces_are_counted_by_word_of_latin_letters():
    # "ab cd1 e да": the first word in three pieces, one of figures and letters in two, one whole, one of others.
    places = [(0, 0), (0, 1), (1, 2), (1, 2), (3, 5), (5, 6), (7, 8), (9, 11), (0, 0)]
    of = [None, 0, 0, 0, 1, 1, 2, 3, None]

    assert words("ab cd1 e да", of, places) == (2, 3), "a letter of two bytes counts once"
    assert words("", [], []) == (0, 0)


def test_letters_that_are_known_in_words_are_read():
    # As a tokenizer of many languages would cut them.
    text, unknown = "где заказ", 0
    assert unread(text, [5, 6], [(0, 3), (4, 9)], unknown) == 0
    assert unread(text, [5, 6, 7, 8], [(0, 2), (2, 3), (4, 7), (7, 9)], unknown) == 0
    assert unread(text, [5, 0], [(0, 3), (4, 9)], unknown) == pytest.approx(5 / 8)
    assert unread(text, range(1, 9), [(n, n + 1) for n in (0, 1, 2, 4, 5, 6, 7, 8)], unknown) == MOST_TORN
    assert unread("我的订单", [1, 2, 3, 4], [(n, n + 1) for n in range(4)], unknown) == 0, "each is a word"


def test_letters_in_several_bytes_count_once():
    # As a tokenizer of bytes would cut them: each piece stands for the whole letter.
    places = [(0, 1), (0, 1), (1, 2), (1, 2), (3, 6)]
    assert unread("да yes", [1, 2, 1, 2, 3], places, None) == pytest.approx(MOST_TORN * 2 / 5)


def test_only_what_was_read_counts(tokenizer):
    found = cut(tokenizer, "good parcel " * 40 + "Где мой заказ? " * 40, unknown_id(tokenizer))

    assert len(found.ids) == 32
    assert found.text == ("good parcel " * 15).strip()
    assert found.unread == 0


def test_half_a_character_is_cut_like_any(tokenizer):
    assert cut(tokenizer, "a \ud83d b", unknown_id(tokenizer)).text == "a ? b"
