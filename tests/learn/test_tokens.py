import pytest

from monitor.learn.model_files import embedded_folder
from monitor.learn.tokens import cut, unknown_id


@pytest.fixture(scope="module")
def tokenizer():
    from tokenizers import Tokenizer

    found = Tokenizer.from_file(str(embedded_folder() / "tokenizer.json"))
    found.no_padding()
    found.enable_truncation(32)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My card was stopped at the till.", 0),
        ("Mein Paket ist immer noch nicht angekommen.", 0),
        ("Где мой заказ? Он должен был прийти вчера.", 1),
        ("我的订单在哪里?昨天就应该到了。", 1),
        ("ฉันต้องการยกเลิกคำสั่งซื้อ", 1),
        ("", 0),
    ],
)
def test_how_far_texts_are_beyond_the_embedded_encoder(tokenizer, text, expected):
    assert cut(tokenizer, text, unknown_id(tokenizer)).unread == expected


def test_only_what_was_read_counts(tokenizer):
    found = cut(tokenizer, "good parcel " * 40 + "Где мой заказ? " * 40, unknown_id(tokenizer))

    assert len(found.ids) == 32
    assert found.text == ("good parcel " * 15).strip()
    assert found.unread == 0


def test_half_a_character_is_cut_like_any(tokenizer):
    assert cut(tokenizer, "a \ud83d b", unknown_id(tokenizer)).text == "a ? b"
