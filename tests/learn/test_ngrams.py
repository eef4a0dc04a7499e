import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.learn.ngrams import DENSE_SIZES, SIZES, WIDTH, beside, ngrams


def grams(text):
    """All n-grams by hand, as a set."""
    return {text[start : start + size] for size in SIZES for start in range(len(text) - size + 1)}


@given(st.lists(st.text(max_size=40), max_size=4))
def test_rows_have_length_one_or_nothing_to_say(texts):
    rows = ngrams(texts)

    assert rows.shape == (len(texts), WIDTH)
    assert rows.dtype == np.float32
    lengths = np.linalg.norm(rows, axis=1)
    assert np.allclose(lengths[lengths > 0], 1, atol=1e-5)
    for text, row in zip(texts, rows, strict=True):
        assert np.array_equal(ngrams([text])[0], row)


def test_signs_that_are_words_count_alone_and_in_twos():
    one, other, foreign = ngrams(["退款", "退钱", "還錢"])

    # Blanks around them count: "退", " 退", "退款", "款", "款 ", of which two are in the other.
    assert float(one @ other) == pytest.approx(2 / 5, abs=0.15)
    assert abs(float(one @ foreign)) < 0.15
    assert DENSE_SIZES == (1, 2)


def test_similarity_is_that_of_the_sets_of_n_grams():
    texts = ["the parcel came late", "my parcel came too late", "shares fell by a tenth", "parcels come late"]
    rows = ngrams(texts)

    sets = [grams(f" {text} ") for text in texts]
    by_hand = np.array([[len(a & b) / np.sqrt(len(a) * len(b)) for b in sets] for a in sets])

    # Places are shared by chance, with either sign: right but for noise of 1 / sqrt(places).
    assert np.abs(rows @ rows.T - by_hand).max() < 4 / np.sqrt(WIDTH)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("My CARD was declined", "my card was declined"),
        ("card, declined!", "  card declined "),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER C}ard", "card"),
    ],
)
def test_case_marks_and_width_do_not_matter(one, other):
    first, second = ngrams([one, other])

    assert np.array_equal(first, second)


def test_marks_that_are_part_of_letters_are_kept():
    # The vowels of Thai and Hindi are combining marks.
    one, other = ngrams(["กำหนด", "กิหนด"])

    assert float(one @ other) < 0.9


def test_pictures_count_and_marks_alone_do_not():
    up, down, marks, nothing = ngrams(["🚀🚀", "📉📉", "!!! ...", ""])

    assert float(up @ up) == pytest.approx(1)
    assert abs(float(up @ down)) < 0.9
    assert not marks.any()
    assert not nothing.any()


def test_spelling_has_its_share_of_a_row():
    features = np.eye(4, 3, dtype=np.float32)
    features[3, 0] = 1
    spelling = np.eye(4, 5, dtype=np.float32)
    spelling[3] = 0  # a text without letters
    rows = beside(features, spelling, 0.2, np.array([0.0, 0.5, 1.0, 1.0], np.float32))

    assert rows.shape == (4, 8)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
    shares = (rows[:, 3:] ** 2).sum(axis=1)
    assert shares == pytest.approx([0.2, 0.6, 1, 0])
