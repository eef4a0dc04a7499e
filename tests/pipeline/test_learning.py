"""Heads over time: their scores, the way back, and what the stream adds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from monitor.errors import LearnError
from monitor.pipeline.learning.corrections import correct, take_back
from monitor.pipeline.learning.heads import adapt_reader, relabel, revert
from monitor.pipeline.learning.promotion import promote, unlabelled
from monitor.runtime import Runtime
from monitor.scheduler import Scheduler
from monitor.store.check import check
from monitor.store.heads import StoredHead
from monitor.types import Document, Seed, Task

TEXT = "zeppelin harbour umbrella lantern"
BAD = ("terrible", "loss", "collapse", "broken", "awful", "failure")
GOOD = ("wonderful", "success", "growth", "win", "great")


@pytest.fixture
def runtime(make_runtime: Callable[..., Runtime]) -> Runtime:
    return make_runtime()


def active(runtime: Runtime, task: str = "mood") -> StoredHead:
    head = runtime.store.heads.active(task)
    assert head is not None
    return head


def seed(runtime: Runtime, text: str, label: str, now: datetime) -> None:
    runtime.store.tasks.add_seeds("mood", [Seed(text, label)], now)


def go_back(runtime: Runtime) -> StoredHead:
    return revert(runtime.store, "mood", runtime.encoder.fingerprint)


def read(runtime: Runtime, texts: list[str], now: datetime) -> None:
    runtime.sources["news"].waiting = [
        Document(f"{n}-{text}", text, published_at=now) for n, text in enumerate(texts)
    ]
    runtime.fetch("news", now)
    while runtime.classify(now):
        pass


def label_of(runtime: Runtime, words: str) -> str:
    [document] = runtime.store.documents.find(words=words)
    [said] = runtime.store.predictions.of([document.id])[document.id]["mood"]
    return said.label


def head_of(runtime: Runtime, words: str) -> int:
    [document] = runtime.store.documents.find(words=words)
    sql = "select head_id from predictions where document_id = ? and task = 'mood'"
    return int(runtime.store.connection.execute(sql, [document.id]).fetchone()[0])


def stream(count: int, rng: np.random.Generator) -> list[str]:
    return [" ".join(rng.choice(words, 3)) for _ in range(count) for words in (BAD, GOOD)]


def test_a_head_says_what_it_was_made_from(runtime: Runtime) -> None:
    head = active(runtime)
    assert (head.depth, head.view, head.seeds, head.reason) == ("seeds", "base", 4, "4 seeds")
    assert head.accuracy is not None
    assert 0.5 < head.accuracy <= 1, "the words of held-out seeds are those of their label"
    assert head.log_loss is not None
    assert 0 < head.log_loss < np.log(2)


def test_names_alone_have_no_score(make_runtime: Callable[..., Runtime]) -> None:
    head = active(make_runtime(**{"mood.csv": "text,label\n"}))
    assert (head.depth, head.seeds, head.reason) == ("names", 0, "names alone")
    assert (head.log_loss, head.accuracy) == (None, None)


def test_the_past_is_read_again_after_a_round_that_failed(
    runtime: Runtime, monitor_now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.scheduler.RELABEL_AGAIN_S", 0.0)
    read(runtime, [TEXT, "calm"], monitor_now)
    scheduler = Scheduler(runtime, lambda: monitor_now)
    seed(runtime, TEXT, "bad", monitor_now)
    runtime.store.connection.execute(
        "create trigger full before update of relabelled on heads begin select raise(abort, 'full'); end"
    )
    scheduler._learn()
    scheduler._relabel()
    assert runtime.unread()
    runtime.store.connection.execute("drop trigger full")
    scheduler._learn()
    scheduler._relabel()
    assert runtime.unread() == set()
    assert label_of(runtime, "zeppelin") == "bad"


def test_learning_goes_on_while_the_past_is_read_again(
    runtime: Runtime, monitor_now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(runtime, [TEXT, "calm"], monitor_now)
    reads, go, relabel = threading.Event(), threading.Event(), runtime.relabel

    def slow(now: datetime) -> dict[str, int]:
        reads.set()
        assert go.wait(60)
        return relabel(now)

    monkeypatch.setattr(runtime, "relabel", slow)
    scheduler = Scheduler(runtime)
    scheduler.start()
    try:
        assert reads.wait(60)
        before, deadline = active(runtime), time.monotonic() + 60
        seed(runtime, TEXT, "bad", monitor_now)
        while active(runtime).id == before.id:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        go.set()
        while runtime.unread():
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        go.set()
        assert scheduler.stop(60)


def test_a_head_that_cannot_be_read_is_not_tried_for_ever(
    runtime: Runtime, monitor_now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = list[datetime]()

    def none(now: datetime) -> dict[str, int]:
        rounds.append(now)
        return {}

    monkeypatch.setattr(runtime, "relabel", none)
    scheduler = Scheduler(runtime, lambda: monitor_now)
    scheduler._learn()
    for _ in range(3):
        scheduler._relabel()
    assert len(rounds) == 1
    seed(runtime, TEXT, "bad", monitor_now)
    scheduler._learn()
    scheduler._relabel()
    assert len(rounds) == 2


def test_a_head_that_another_process_made_is_taken_up(
    runtime: Runtime, make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    scheduler = Scheduler(runtime, lambda: monitor_now)
    scheduler._learn()
    other = make_runtime()
    [reader] = [reader for reader in other.readers if reader.task.name == "mood"]
    assert adapt_reader(other.store, other.featurizer, reader, monitor_now, force=True) is not None
    scheduler._learn()
    assert [r.head_id for r in runtime.readers if r.task.name == "mood"] == [active(runtime).id]


def test_what_an_older_head_still_answered_is_read_again(runtime: Runtime, monitor_now: datetime) -> None:
    older = runtime.readers
    seed(runtime, TEXT, "good", monitor_now)
    assert runtime.learn(monitor_now) == ["mood"]
    runtime.relabel(monitor_now)
    newer, runtime.readers = runtime.readers, older  # a batch that began before and is written now
    revision = runtime.store.revision("learning")
    read(runtime, [TEXT], monitor_now)
    runtime.readers = newer
    assert head_of(runtime, "zeppelin") != active(runtime).id
    assert runtime.store.revision("learning") > revision, "the daemon is to look"
    assert "mood" in runtime.relabel(monitor_now)
    assert head_of(runtime, "zeppelin") == active(runtime).id
    assert runtime.relabel(monitor_now) == {}
    assert check(runtime.store) == []


def test_what_an_older_head_answers_just_before_answers_are_swapped_is_read_again(
    runtime: Runtime,
    make_runtime: Callable[..., Runtime],
    monitor_now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    classifies = make_runtime()
    seed(runtime, TEXT, "good", monitor_now)
    assert runtime.learn(monitor_now) == ["mood"]
    stale = runtime.store.predictions.stale

    def meanwhile(*given: Any) -> list[int]:
        found = stale(*given)
        if not found and not classifies.store.documents.count():
            read(classifies, [TEXT], monitor_now)  # a batch that began before and is written now
        return found

    monkeypatch.setattr(runtime.store.predictions, "stale", meanwhile)
    runtime.relabel(monitor_now)
    assert classifies.store.documents.count("classified") == 1
    assert head_of(runtime, "zeppelin") == active(runtime).id
    assert runtime.unread() == set()
    assert check(runtime.store) == []


def test_a_correction_holds_for_a_text_from_before_what_is_read_again(
    runtime: Runtime, monitor_now: datetime
) -> None:
    long_ago = monitor_now - timedelta(seconds=2 * runtime.config.retention.features)
    read(runtime, [TEXT, "calm"], long_ago)
    runtime.relabel(long_ago)
    other = {"bad": "good", "good": "bad"}[label_of(runtime, "zeppelin")]
    seed(runtime, TEXT.upper(), other, monitor_now)
    assert runtime.learn(monitor_now) == ["mood"]
    assert runtime.relabel(monitor_now)["mood"] == 1
    assert label_of(runtime, "zeppelin") == other
    assert head_of(runtime, "zeppelin") == active(runtime).id > head_of(runtime, "calm")
    runtime.store.tasks.remove_seed(runtime.store.tasks.all_seeds("mood")[-1].id)
    assert runtime.learn(monitor_now) == ["mood"]
    runtime.relabel(monitor_now)
    [[said]] = [runtime.store.predictions.of([1])[1]["mood"]]
    assert said.probability < 1, "what was taken back holds no longer"
    assert check(runtime.store) == []


@pytest.mark.parametrize("owned", [{"adapter": ["good"], "file": ["bad"]}, {"file": ["good", "bad"]}])
def test_a_correction_holds_where_others_own_seeds_that_contradict_each_other(
    runtime: Runtime, monitor_now: datetime, owned: dict[Any, list[str]]
) -> None:
    store = runtime.store
    others = {origin: [Seed(TEXT, label) for label in labels] for origin, labels in owned.items()}
    store.tasks.sync_seeds("mood", others, monitor_now)
    read(runtime, [TEXT], monitor_now)
    runtime.learn(monitor_now)
    runtime.relabel(monitor_now)
    assert label_of(runtime, "zeppelin") == "bad"
    before = [(one.seed, one.origin) for one in store.tasks.all_seeds("mood")]
    done = correct(store, "mood", Seed(TEXT, "good"), monitor_now)
    store.tasks.sync_seeds("mood", others, monitor_now)
    assert runtime.learn(monitor_now) == ["mood"]
    assert runtime.relabel(monitor_now)["mood"] == 1
    assert label_of(runtime, "zeppelin") == "good"
    assert runtime.learn(monitor_now) == []

    take_back(store, done, monitor_now)
    assert sorted(before, key=str) == sorted(
        [(one.seed, one.origin) for one in store.tasks.all_seeds("mood")], key=str
    )


def test_what_a_task_said_when_it_gave_several_labels_is_no_damage(
    runtime: Runtime, monitor_now: datetime
) -> None:
    store = runtime.store
    read(runtime, ["judge lawsuit court fine profit dividend sales"], monitor_now - timedelta(days=400))
    topic, *others = sorted(store.tasks.active(), key=lambda stored: stored.task.name != "topic")
    single = replace(topic, task=replace(topic.task, multi=False))
    store.tasks.sync([(t.task, t.adapter, t.settings) for t in (single, *others)], monitor_now)
    runtime.learn(monitor_now)
    runtime.relabel(monitor_now)
    assert len(store.predictions.of([1])[1]["topic"]) == 2, "it is older than what is read again"
    assert check(store) == []
    store.connection.execute(
        "update predictions set head_id = (select max(id) from heads where task = 'topic')"
    )
    assert check(store) == ["several answers of a single-label task, document and task: 1, topic"]


def test_a_task_reads_what_came_while_it_was_removed(runtime: Runtime, monitor_now: datetime) -> None:
    store, task = runtime.store, Task("side", {"up": "prices rise", "down": "prices fall"})
    for texts in (["prices rise"], ["prices fall"]):
        store.tasks.add(task, "labels", {}, monitor_now)
        runtime.learn(monitor_now)
        runtime.relabel(monitor_now)
        store.tasks.retire("side")
        runtime.learn(monitor_now)
        read(runtime, texts, monitor_now)
    store.tasks.add(task, "labels", {}, monitor_now)
    assert runtime.learn(monitor_now) == [], "it has the head that it had"
    assert runtime.relabel(monitor_now) == {"side": 1}
    said = store.predictions.of([document.id for document in store.documents.find()])
    assert [[one.label for one in found["side"]] for _, found in sorted(said.items())] == [["up"], ["down"]]
    assert runtime.relabel(monitor_now) == {}
    assert check(store) == []


@pytest.mark.parametrize("before_the_swap", [False, True])
def test_a_task_reads_what_was_classified_while_it_was_added(
    make_runtime: Callable[..., Runtime],
    monitor_now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    before_the_swap: bool,
) -> None:
    classifies, runtime = make_runtime(), make_runtime()
    read(runtime, ["calm"], monitor_now)
    runtime.relabel(monitor_now)
    stale = runtime.store.predictions.stale

    def meanwhile(*given: Any) -> list[int]:
        found = stale(*given)
        if before_the_swap and not found and classifies.store.documents.count() == 1:
            read(classifies, [TEXT], monitor_now)  # a batch that began before and is written now
        return found

    monkeypatch.setattr(runtime.store.predictions, "stale", meanwhile)
    runtime.store.tasks.add(Task("side", {"up": "", "down": ""}), "labels", {}, monitor_now)
    runtime.learn(monitor_now)
    runtime.relabel(monitor_now)
    if not before_the_swap:
        read(classifies, [TEXT], monitor_now)
        assert runtime.unread()
        runtime.relabel(monitor_now)
    [document] = runtime.store.documents.find(words="zeppelin")
    assert "side" in runtime.store.predictions.of([document.id])[document.id]
    assert runtime.unread() == set()
    assert check(runtime.store) == []


def test_a_head_that_is_replaced_while_it_reads_the_past_changes_nothing_there(
    runtime: Runtime, make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    read(runtime, [TEXT, "calm"], monitor_now)
    seed(runtime, TEXT, "bad", monitor_now)
    assert runtime.learn(monitor_now) == ["mood"]
    [reader] = [reader for reader in runtime.readers if reader.task.name == "mood"]
    other = make_runtime()

    def meanwhile(_: int) -> None:  # `monitor adapt` does both
        seed(other, f"{TEXT} again", "bad", monitor_now)
        assert other.learn(monitor_now) == ["mood"]
        other.relabel(monitor_now)

    days = 86400.0
    assert not relabel(
        runtime.store, runtime.featurizer, reader, monitor_now, window=days, progress=meanwhile
    )
    assert reader.head_id != active(runtime).id == head_of(runtime, "zeppelin")
    assert runtime.unread() == set()
    assert check(runtime.store) == []


def test_a_reverted_head_stays_until_a_seed_is_added(runtime: Runtime, monitor_now: datetime) -> None:
    read(runtime, [TEXT, "calm"], monitor_now)
    seed(runtime, "harbour umbrella lantern", "bad", monitor_now)
    runtime.learn(monitor_now)
    runtime.relabel(monitor_now)
    assert label_of(runtime, "zeppelin") == "bad"
    seed(runtime, TEXT, "good", monitor_now)
    seed(runtime, f"{TEXT} and again", "good", monitor_now)
    assert runtime.learn(monitor_now) == ["mood"]
    runtime.relabel(monitor_now)
    assert label_of(runtime, "zeppelin") == "good"

    assert go_back(runtime).version == 2
    for hour in range(3):
        assert runtime.learn(monitor_now + timedelta(hours=hour)) == []
    assert [reader.head_id for reader in runtime.readers if reader.task.name == "mood"] == [
        active(runtime).id
    ]
    assert runtime.relabel(monitor_now)["mood"] >= 1
    assert label_of(runtime, "zeppelin") == "bad"
    assert check(runtime.store) == []

    seed(runtime, "lost and broken", "bad", monitor_now)
    assert runtime.learn(monitor_now) == ["mood"]
    head = active(runtime)
    assert (head.version, head.previous, head.seeds) == (4, 2, 8)
    assert head.reason == (
        "8 seeds; replaces version 2 that was reverted to, because seeds, labels or the encoder changed"
    )
    assert runtime.learn(monitor_now) == []


def test_a_seed_that_goes_and_comes_back_ends_a_revert(runtime: Runtime, monitor_now: datetime) -> None:
    store, wrong = runtime.store, "terrible loss zeppelin"
    read(runtime, [wrong, "wonderful harbour"], monitor_now)
    seed(runtime, wrong, "good", monitor_now)
    runtime.learn(monitor_now)
    seed(runtime, "wonderful harbour", "bad", monitor_now)
    runtime.learn(monitor_now)
    assert go_back(runtime).version == 2
    assert runtime.learn(monitor_now) == []
    store.tasks.remove_seed(store.tasks.all_seeds("mood")[-1].id)
    assert runtime.learn(monitor_now) == ["mood"], "what version 2 was made of is not what it was kept for"
    runtime.relabel(monitor_now)
    assert label_of(runtime, "zeppelin") == "good"
    seed(runtime, "wonderful harbour", "bad", monitor_now)
    assert runtime.learn(monitor_now) == ["mood"]
    runtime.relabel(monitor_now)
    assert label_of(runtime, "harbour") == "bad"


def test_seeds_that_nothing_was_learned_from_yet_do_not_end_a_revert(
    runtime: Runtime, monitor_now: datetime
) -> None:
    seed(runtime, TEXT, "bad", monitor_now)
    runtime.learn(monitor_now)
    seed(runtime, "collapse again", "bad", monitor_now)
    go_back(runtime)
    assert runtime.learn(monitor_now) == []
    assert active(runtime).version == 1


def test_a_revert_outlives_a_newer_learner_but_not_a_new_label(
    runtime: Runtime, monitor_now: datetime
) -> None:
    seed(runtime, TEXT, "bad", monitor_now)
    runtime.learn(monitor_now)
    go_back(runtime)
    runtime.store.connection.execute("update heads set inputs = 'of an older learner'")
    assert runtime.learn(monitor_now) == ["topic"]
    stored = runtime.store.tasks.need("mood")
    wider = replace(stored.task, labels={**stored.task.labels, "calm": ""})
    runtime.store.tasks.sync([(wider, stored.adapter, stored.settings)], monitor_now)
    assert runtime.learn(monitor_now) == ["mood"]
    with pytest.raises(LearnError, match=r"version 1 of task 'mood' has other labels: .* --force"):
        go_back(runtime)


def test_there_must_be_something_to_go_back_to(runtime: Runtime, monitor_now: datetime) -> None:
    with pytest.raises(LearnError, match="'mood' has no head before version 1 to go back to"):
        go_back(runtime)
    runtime.store.connection.execute("delete from heads")
    with pytest.raises(LearnError, match="'mood' has no head yet; `monitor adapt mood` makes one"):
        go_back(runtime)


def test_a_head_of_another_encoder_is_refused(runtime: Runtime, monitor_now: datetime) -> None:
    seed(runtime, TEXT, "bad", monitor_now)
    runtime.learn(monitor_now)
    with pytest.raises(LearnError, match="version 1 of task 'mood' reads another encoder"):
        revert(runtime.store, "mood", "another")
    assert active(runtime).version == 2


def test_the_stream_makes_a_head_until_seeds_change(runtime: Runtime, monitor_now: datetime) -> None:
    read(runtime, stream(60, np.random.default_rng(0)), monitor_now)
    [reader] = [r for r in runtime.readers if r.task.name == "mood"]
    promotion = promote(runtime.store, runtime.featurizer, reader, monitor_now, rng=np.random.default_rng(0))
    assert promotion.head is not None, promotion.reason
    head = active(runtime)
    assert (head.version, head.depth, head.previous, reader.head_id) == (2, "stream", 1, head.id)
    assert head.reason.startswith(f"4 seeds and {promotion.texts} texts of the stream; log-loss was 0.")
    assert head.log_loss is not None
    assert runtime.learn(monitor_now) == [], "it stands for the seeds that there are"
    seed(runtime, TEXT, "bad", monitor_now)
    assert runtime.learn(monitor_now) == ["mood"]
    assert (active(runtime).depth, active(runtime).reason) == (
        "seeds",
        "5 seeds; replaces version 2 of depth stream, because seeds, labels or the encoder changed",
    )


@pytest.mark.parametrize(("task", "reason"), [("mood", "too few"), ("topic", "several labels")])
def test_what_is_not_promoted_leaves_the_head(
    runtime: Runtime, monitor_now: datetime, task: str, reason: str
) -> None:
    [reader] = [r for r in runtime.readers if r.task.name == task]
    promotion = promote(runtime.store, runtime.featurizer, reader, monitor_now, rng=np.random.default_rng(0))
    assert promotion.head is None
    assert reason in promotion.reason
    assert active(runtime, task).version == 1


def test_the_stream_is_each_text_once_without_seeds_kept_ones_first(
    runtime: Runtime, monitor_now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed_text = "terrible loss collapse broken"
    read(runtime, ["storm over land", "Storm  over land", seed_text, "snow in spring"], monitor_now)
    later = monitor_now + timedelta(minutes=1)
    runtime.sources["news"].waiting = [Document(f"new {n}", f"fresh text {n}") for n in range(5)]
    runtime.fetch("news", later)  # and nobody has read them
    monkeypatch.setattr("monitor.pipeline.learning.promotion.ENCODED", 3)
    [reader] = [r for r in runtime.readers if r.task.name == "mood"]
    looked: list[int] = []
    rows = unlabelled(runtime.store, runtime.featurizer, reader, "base", later, progress=looked.append)
    assert rows.shape == (2 + 3, 256)
    assert looked == [9]
