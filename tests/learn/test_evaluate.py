from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from monitor.errors import LearnError, UnknownName
from monitor.learn.depths import DEPTHS, Depth, Given, KeptFeatures, adapt_at, frozen_baseline
from monitor.learn.evaluate import Plan, accuracy, evaluate_folder, evaluate_folders, judge, macro_f1
from monitor.learn.head import Head, probabilities
from monitor.learn.task_folder import check_folders, draw, read_rows, read_texts, rest
from monitor.types import Seed, Task
from tests.learn.words import encode


class Words:
    """The tiny encoder, counting what it is asked."""

    fingerprint = "words"
    views = ("base",)

    def __init__(self) -> None:
        self.asked: list[Sequence[str]] = []

    def prior(self, labels: Sequence[str]) -> dict[str, float]:
        return {}

    def encode(self, texts: Sequence[str], views: Sequence[str] = ("base",)) -> dict[str, np.ndarray]:
        self.asked.append(texts)
        return dict.fromkeys(views, encode(texts))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "mood"
    place.mkdir()
    bad = [f"terrible loss {word}" for word in ("one", "two", "three", "four", "five", "six")]
    good = [f"great win {word}" for word in ("one", "two", "three", "four", "five", "six")]
    write(place / "train.jsonl", [(t, 0) for t in bad] + [(t, 1) for t in good])
    write(place / "test.jsonl", [("a terrible loss", 0), ("one great win", 1), ("great", 1), ("loss", 0)])
    write(place / "few.jsonl", [("terrible loss", "0"), ("great win", "1")])
    return place


def write(path: Path, rows: list[tuple[str, object]]) -> None:
    lines = (json.dumps({"text": text, "label": label}) for text, label in rows)
    path.write_text("\n".join(lines) + "\n\n", "utf-8")


def test_draw_is_the_stated_protocol() -> None:
    labels = ["b", "a", "b", "c", "a", "b", "a", "b"]
    rng = np.random.default_rng(3)
    expected: list[int] = []
    for own in ([1, 4, 6], [0, 2, 5, 7], [3]):
        expected += np.array(own)[rng.choice(len(own), size=min(2, len(own)), replace=False)].tolist()
    assert draw(labels, 2, 3) == expected
    assert draw(labels, 0, 3) == []
    assert sorted(draw(labels, 99, 0)) == list(range(8))


def test_metrics_by_hand() -> None:
    truth, guesses = ["a", "a", "a", "b", "b", "c"], ["a", "a", "b", "b", "a", "d"]
    assert accuracy(truth, guesses) == pytest.approx(3 / 6)
    # a: 2 hits of 3 true, 3 said; b: 1 of 2, 2; c and d: never hit
    assert macro_f1(truth, guesses) == pytest.approx((4 / 6 + 2 / 4 + 0 + 0) / 4)
    assert macro_f1(truth, truth) == 1


def test_a_folder_is_judged_by_shots(folder: Path) -> None:
    encoder = Words()
    found = evaluate_folder(folder, encoder, Plan(shots=(0, 2, 6), seeds=3))
    assert list(found) == ["0", "2", "6"]
    assert found["6"]["accuracy"] == {"mean": 1.0, "sd": 0.0}
    assert found["6"]["macro_f1"] == {"mean": 1.0, "sd": 0.0}
    assert [(m["depth"], m["shots"], m["draws"]) for m in found.values()] == [
        ("seeds", 0, 1),
        ("seeds", 2, 3),
        ("seeds", 6, 3),
    ]
    for measured in found.values():
        assert measured["adapt_seconds"] > 0
        assert measured["texts_per_second"] > 0
    tests = [asked for asked in encoder.asked if len(asked) == 4 and "loss" in asked]
    assert len(tests) == 1
    seeded = [asked for asked in encoder.asked if len(asked) == 2 * 6 + 2]
    assert len(seeded) == 3


def test_a_support_file_is_the_one_draw(folder: Path) -> None:
    found = evaluate_folder(folder, Words(), Plan(support="few.jsonl"))
    assert list(found) == ["few.jsonl"]
    assert found["few.jsonl"]["accuracy"]["mean"] == 1.0
    assert found["few.jsonl"]["shots"] is None


def test_a_test_label_that_was_never_trained_counts(folder: Path) -> None:
    with (folder / "test.jsonl").open("a") as file:
        file.write('{"text": "rain and wind", "label": "weather"}\n')
    found = evaluate_folder(folder, Words(), Plan(shots=(6,), seeds=1))
    assert found["6"]["accuracy"]["mean"] >= 0.8


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (("good", "Good"), "mood: labels 'Good' and 'good' differ only in case or spaces: make them one"),
        (("good", "good"), "mood has the one label 'good': a task needs two to tell apart"),
    ],
)
def test_labels_that_cannot_be_told_apart_are_refused(
    folder: Path, labels: tuple[str, str], said: str
) -> None:
    for file in ("train.jsonl", "test.jsonl"):
        write(folder / file, [(f"text {n}", label) for n, label in enumerate(labels)])
    with pytest.raises(LearnError, match=said):
        evaluate_folder(folder, Words())


def test_progress_rises_to_one(folder: Path) -> None:
    told: list[tuple[str, float]] = []
    evaluate_folders([folder], Words(), Plan((2,), 2), progress=lambda *said: told.append(said))
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert told[0][0].startswith("mood: ")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("not json", "not a JSON object like"),
        ("[1, 2]", "not a JSON object like"),
        pytest.param("[" * 100_000, "not a JSON object like", id="nested"),
        ('{"text": "x"}', "it has no label"),
        ('{"text": "x", "labels": ["a"]}', "it has no label"),
        ('{"label": "x"}', "it has no text"),
        ("{}", "it has no text and no label"),
        ('{"text": 3, "label": "a"}', "the text is not a string"),
        ('{"text": "x", "label": null}', "it has no label"),
        ('{"text": "x", "label": ["a", "b"]}', "the label is a list, but one label a text is measured"),
        ('{"text": "x", "label": {"a": 1}}', "the label is neither a string nor a number"),
        ('{"text": "x", "label": NaN}', "the label is neither a string nor a number"),
        (
            '{"text": " ", "label": "a"}',
            "the text or the label is empty, or has no readable character; take the line out",
        ),
        ('{"text": "\\u200b", "label": "a"}', "the text or the label is empty, or has no readable character"),
        ('{"text": "x", "label": ""}', "the text or the label is empty, or has no readable character"),
        ('{"text": "x", "label": "\\ufeff"}', "the text or the label is empty, or has no readable character"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "x", "label": "a"}\n' + line + "\n")
    with pytest.raises(LearnError, match=r"rows\.jsonl, line 2: ") as caught:
        read_rows(path)
    assert f"line 2: {said}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_labels_may_be_numbers_true_or_false(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", [("a", 0), ("b", 1.5), ("c", True), ("d", "0")])
    assert [row.label for row in read_rows(tmp_path / "rows.jsonl")] == ["0", "1.5", "True", "0"]


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_file_in_another_encoding_is_named(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes('{"text": "Kündigung", "label": "ä"}\n'.encode(encoding))
    for read in (read_rows, read_texts):
        with pytest.raises(LearnError, match=r"rows\.jsonl cannot be read, .*: save it as UTF-8$"):
            read(path)


def test_rows_keep_unicode_line_separators_and_byte_order_marks(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('\ufeff{"text": "a\u2028b", "label": 1}\r\n', "utf-8")
    (row,) = read_rows(path)
    assert (row.text, row.label) == ("a\u2028b", "1")


def test_files_that_are_empty_or_missing_are_one_clear_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(LearnError, match="is empty"):
        read_rows(tmp_path / "empty.jsonl")
    with pytest.raises(LearnError, match="does not exist"):
        read_rows(tmp_path / "nowhere.jsonl")
    with pytest.raises(LearnError, match=r"other\.jsonl does not exist"):
        check_folders([folder], "other.jsonl")
    with pytest.raises(LearnError, match="two of the folders are called 'mood'"):
        check_folders([folder, folder / "../mood"])


def test_measures_of_a_head_by_hand() -> None:
    head = Head(("a", "b"), "base", "", np.zeros((2, 1)), np.zeros(2), 1.0, np.array([0.7, 0.7]), False)
    chances = np.array([[0.9, 0.1], [0.4, 0.6], [0.8, 0.2], [0.25, 0.75]])
    found = judge(head, chances, ["a", "a", "b", "b"])
    assert found["accuracy"] == 0.5
    assert found["macro_f1"] == pytest.approx(0.5)
    assert found["coverage"] == 0.75
    # four texts: a bin each
    assert found["calibration_error"] == pytest.approx((0.1 + 0.6 + 0.8 + 0.25) / 4)
    assert found["log_loss"] == pytest.approx(-np.log([0.9, 0.4, 0.2, 0.75]).mean())


def test_names_are_tried_once_whatever_the_shots(folder: Path) -> None:
    found = evaluate_folder(folder, Words(), Plan(shots=(2, 6), seeds=2, depths=("names", "seeds")))
    assert list(found) == ["names", "2", "6"]
    assert (found["names"]["depth"], found["names"]["shots"], found["names"]["draws"]) == ("names", 0, 1)
    alone = evaluate_folder(folder, Words(), Plan(shots=(0,)))["0"]
    for measure in ("accuracy", "macro_f1", "log_loss", "coverage"):
        assert found["names"][measure] == alone[measure]


def test_names_do_not_look_at_seeds() -> None:
    task, seeds = Task("mood", {"bad": "", "good": ""}), [Seed("terrible loss", "bad"), Seed("win", "good")]

    def learn(depth: str, seeds: list[Seed]) -> bytes:
        return adapt_at(depth, task, seeds, Words().encode, encoder_fingerprint="words").to_bytes()

    assert learn("names", seeds) == learn("names", []) == learn("seeds", [])
    assert learn("seeds", seeds) != learn("names", seeds)


def test_an_unknown_depth_lists_the_known_ones(folder: Path) -> None:
    with pytest.raises(UnknownName, match=r"no depth is called 'deeper'; known: .*names.*seeds"):
        evaluate_folder(folder, Words(), Plan(depths=("seeds", "deeper")))
    with pytest.raises(UnknownName, match=r"known: .*names"):
        adapt_at("deeper", Task("t", {"a": "", "b": ""}), [], Words().encode, encoder_fingerprint="words")


def test_a_depth_that_looks_at_the_stream_gets_unlabelled_texts(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Given] = []

    def learn(given: Given) -> Head:
        seen.append(given)
        given.encode([*given.unlabelled, *(seed.text for seed in given.seeds)], given.views)
        return DEPTHS["seeds"].learn(given)

    monkeypatch.setitem(DEPTHS, "watch", Depth(learn, unlabelled=True))
    encoder = Words()
    found = evaluate_folder(folder, encoder, Plan(shots=(2,), seeds=1, depths=("seeds", "watch")))
    assert list(found) == ["2", "watch 2"]
    (given,) = seen
    train = {row.text for row in read_rows(folder / "train.jsonl")}
    drawn = {seed.text for seed in given.seeds}
    assert len(drawn) == 4
    assert set(given.unlabelled) == train - drawn
    # the pool once, ahead; the seeds raw, when they are needed
    assert [set(texts) for texts in encoder.asked if len(texts) == 12] == [train]
    assert any(set(texts) == drawn for texts in encoder.asked)

    seen.clear()
    evaluate_folder(
        folder, Words(), Plan(support="few.jsonl", depths=("watch",), unlabelled=["rain", "terrible loss"])
    )
    assert list(seen[0].unlabelled) == ["rain", "terrible loss"]


@pytest.mark.parametrize("unlabelled", [None, ["A  terrible LOSS", "rain", "great win six"]])
def test_texts_of_the_test_file_are_counted_and_never_read_as_unlabelled_ones(
    folder: Path, monkeypatch: pytest.MonkeyPatch, unlabelled: list[str] | None
) -> None:
    seen: list[Given] = []

    def learn(given: Given) -> Head:
        seen.append(given)
        return DEPTHS["seeds"].learn(given)

    monkeypatch.setitem(DEPTHS, "watch", Depth(learn, unlabelled=True))
    with (folder / "train.jsonl").open("a") as file:
        file.write('{"text": "A terrible  loss", "label": 0}\n{"text": "GREAT", "label": 1}\n')
    plan = Plan(shots=(0, 2), seeds=2, depths=("watch",), unlabelled=unlabelled)
    found = evaluate_folder(folder, Words(), plan)
    assert [(row["test_texts"], row["test_texts_seen"]) for row in found.values()] == [(4, 2), (4, 2)]
    assert all(given.unlabelled for given in seen)
    assert not {"A terrible  loss", "A  terrible LOSS", "GREAT"} & {t for g in seen for t in g.unlabelled}
    assert "great win six" in seen[0].unlabelled
    (alone,) = evaluate_folder(folder, Words(), Plan(support="few.jsonl")).values()
    assert alone["test_texts_seen"] == 0, "its seeds come from another file"


def test_the_share_of_draws_that_a_depth_wins_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    def learn(given: Given) -> Head:
        nonlocal asked
        asked += 1
        given.verdict(asked % 4 == 0, "every fourth")
        return DEPTHS["seeds"].learn(given)

    monkeypatch.setitem(DEPTHS, "sometimes", Depth(learn))
    found = evaluate_folder(folder, Words(), Plan(shots=(2,), seeds=4, depths=("seeds", "sometimes")))
    assert found["sometimes 2"]["promoted"] == 0.25
    assert "promoted" not in found["2"]


def test_the_stream_says_whether_it_is_used() -> None:
    told: list[tuple[bool, str]] = []
    adapt_at(
        "stream",
        Task("mood", {"bad": "", "good": ""}),
        [Seed("terrible loss", "bad"), Seed("win", "good")],
        Words().encode,
        encoder_fingerprint="words",
        verdict=lambda promoted, reason: told.append((promoted, reason)),
    )
    assert told == [(False, "a label has 1 seeds, and the stream is used from 2 on")]


def test_kept_features_are_the_encoders() -> None:
    encoder = Words()
    kept = KeptFeatures(encoder, ["great win", "loss", "loss"])
    encoder.asked.clear()
    texts = ["win", "loss", "great win", "loss", "win", "rain"]
    found = kept.beside([Seed("great win", "good")])(texts, ("base",))["base"]
    np.testing.assert_array_equal(found, encode(texts))
    assert encoder.asked == [["win", "great win", "rain"]]
    np.testing.assert_array_equal(kept.beside([])(["loss"], ("base",))["base"], encode(["loss"]))
    assert len(encoder.asked) == 1


def test_the_baseline_is_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    words = [f"w{number}" for number in range(12)]
    seeds = [
        Seed(f"{label} {' '.join(rng.choice(words, 3))}", label)
        for label in ("a", "b", "c")
        for _ in range(6)
    ]
    task = Task("t", {"a": "the first", "b": "", "c": ""})
    head = frozen_baseline(Given(task, seeds, Words().encode, "words"))
    tests = encode([" ".join(rng.choice([*words, "a", "b", "c"], 4)) for _ in range(40)])
    peer = LogisticRegression(C=100, max_iter=10000, tol=1e-8)
    peer.fit(encode([seed.text for seed in seeds]), [seed.label for seed in seeds])
    np.testing.assert_allclose(probabilities(head, tests), peer.predict_proba(tests), atol=0.01)


def test_the_baseline_is_tried_wherever_there_are_seeds(folder: Path) -> None:
    found = evaluate_folder(folder, Words(), Plan(shots=(0, 6), seeds=2, baseline=True))
    assert list(found) == ["0", "6", "baseline 6"]
    assert found["baseline 6"]["depth"] == "baseline"
    assert found["baseline 6"]["accuracy"]["mean"] == 1.0
    assert found["baseline 6"]["coverage"]["mean"] == 1.0


def test_the_rest_of_the_rows_is_what_no_seed_says() -> None:
    rows = [Seed("a", "x"), Seed("b", "x"), Seed("a", "y"), Seed("c", "y")]
    assert rest(rows, [Seed("a", "x")]) == ["b", "c"]


def test_files_of_texts(tmp_path: Path) -> None:
    file = tmp_path / "texts"
    file.write_text("\ufeffone text\n\n  two\u2028texts \r\n", "utf-8")
    assert read_texts(file) == ["one text", "two\u2028texts"]
    file.write_text("one\n\u200b\ntwo\n", "utf-8")
    assert read_texts(file) == ["one", "two"]
    file.write_text('{"text": "one"}\n{"text": " "}\n{"text": "\\u200b"}\n\n{"text": "two", "label": 3}\n')
    assert read_texts(file) == ["one", "two"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty: it needs a text a line"),
        (b"\n \n", "is empty"),
        (b'{"msg": "a"}\n{"msg": "b"}\n', "line 1: not a JSON object"),
        (b'{"text": " "}\n', "has empty texts only"),
        (b'{"text": "a"}\nplain\n', "line 2: not a JSON object"),
        (b'{"text": "a"}\n\n{"txt": "b"}\n', "line 3: not a JSON object"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "texts"
    file.write_bytes(content)
    with pytest.raises(LearnError, match=said) as caught:
        read_texts(file)
    assert "\n" not in str(caught.value)
    with pytest.raises(LearnError, match="does not exist"):
        read_texts(tmp_path / "nowhere")
    with pytest.raises(LearnError, match="cannot be read"):
        read_texts(tmp_path)


@pytest.mark.parametrize("plan", [Plan(shots=()), Plan(shots=(4, -1)), Plan(seeds=0), Plan(depths=())])
def test_a_plan_that_tries_nothing_is_refused(folder: Path, plan: Plan) -> None:
    with pytest.raises(LearnError):
        evaluate_folder(folder, Words(), plan)


def test_the_stream_is_a_depth_that_stays_with_the_seeds_where_there_is_none() -> None:
    task = Task("mood", {"bad": "", "good": ""})
    rng = np.random.default_rng(1)
    words = {
        "bad": ["loss", "failure", "broken", "awful", "worse"],
        "good": ["win", "success", "great", "lovely", "best"],
    }
    made = [Seed(" ".join(rng.choice(own, 3)), label) for _ in range(60) for label, own in words.items()]
    seeds, stream = made[:8], [seed.text for seed in made[8:]]

    def learned(depth: str, unlabelled: Sequence[str]) -> str:
        encode = Words().encode
        return adapt_at(depth, task, seeds, encode, encoder_fingerprint="w", unlabelled=unlabelled).version

    assert learned("stream", []) == learned("seeds", [])
    assert learned("stream", stream) != learned("seeds", stream)
