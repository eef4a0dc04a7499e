import pytest

from monitor.learn.model_files import embedded_folder
from monitor.learn.tokens import MOST_BROKEN, MOST_TORN, broken, cut, unknown_id, unread


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


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("Mein Paket ist immer noch nicht angekommen: Überweisung für März.", MOST_BROKEN),
        ("mi tarjeta fue rechazada dos veces en la tienda", 0.8 * MOST_BROKEN),
        ("Przesyłka nadal nie dotarła, proszę o zwrot pieniędzy", MOST_BROKEN),
        ("Où est ma commande ? Elle devait être là hier.", 0.01),
    ],
)
def test_other_languages_in_the_same_letters_are_partly_beyond_it(tokenizer, text, least):
    assert least <= cut(tokenizer, text, unknown_id(tokenizer)).unread <= MOST_BROKEN


def test_pieces_are_counted_by_word_of_letters():
    # "ab cd1 e": the first word in three pieces, one of figures and letters in two, one whole.
    places = [(0, 0), (0, 1), (1, 2), (1, 2), (3, 5), (5, 6), (7, 8), (0, 0)]
    words = [None, 0, 0, 0, 1, 1, 2, None]

    # A letter of two bytes counts once: three pieces of two words, and 1.15 of one that is taken for granted.
    assert broken("ab cd1 e", words, places) == pytest.approx(MOST_BROKEN * (4.15 / 3 - 1.3) / 0.3)
    assert broken("", [], []) == 0


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
