"""monitor label: questions, keys, and what becomes of the answers."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import click
import numpy as np
import pytest

from monitor.cli import label
from monitor.cli.label_keys import KEYS, LIKELIEST, keys_for, matching
from monitor.cli.output import printable
from monitor.learn.head import Head
from monitor.pipeline.learning.corrections import correct, take_back
from monitor.pipeline.learning.questions import Question, why_asked
from monitor.store.lock import DaemonLock
from monitor.types import NO_LABEL, Document, Seed, StoredDocument, Task

NEWS = (
    "terrible loss",  # a seed of the adapter
    "terrible growth",
    "TERRIBLE  growth",  # says the same
    "zeppelin umbrella",
    "great success again",
)


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    """Keys come from `input`, as from a terminal."""
    monkeypatch.setattr(label, "has_terminal", lambda: True)


@pytest.fixture
def full(monitor):
    """With a few documents, and without a head."""
    monitor.write("news.txt", "\n".join(NEWS) + "\n")
    monitor("sources", "fetch", "news")
    return monitor


def added(monitor, task="mood"):
    found = monitor("seeds", "list", task, "--json").json
    return {s["text"]: s["label"] for s in found if s["origin"] == "command"}


def test_a_batch_has_what_the_task_is_least_sure_of_and_nothing_twice(full):
    found = full("label", "mood", "--batch", 10, "--json").json
    assert {d["text"] for d in found} <= {"terrible growth", "TERRIBLE  growth", "zeppelin umbrella", NEWS[4]}
    assert len({d["text"].lower().split()[-1] for d in found}) == len(found) == 3
    assert found[0]["text"] == "zeppelin umbrella"  # no word of which is known
    assert found[0].keys() == {
        "id", "source", "role", "event_at", "text", "guess", "probability", "abstained", "why", "previous"
    }  # fmt: skip
    assert (found[0]["source"], found[0]["role"], found[0]["previous"]) == ("news", "publisher", None)
    assert 0 <= found[0]["probability"] <= 1
    assert "bad" in found[0]["why"]
    assert "good" in found[0]["why"]
    shown = full("documents", "show", found[0]["id"], "--json").json
    assert shown["text"] == found[0]["text"]
    assert len(full("label", "mood", "--batch", 1, "--json").json) == 1
    assert added(full) == {}


def test_a_batch_for_people_is_a_table(full):
    out = full("label", "mood", "--batch", 2).out
    assert out.splitlines()[0].split() == ["id", "role", "guess", "why", "text"]
    assert len(out.splitlines()) >= 3


@pytest.fixture
def chatting(monitor):
    """Two conversations of one id in two sources; a turn at the same time as another came after it."""
    monitor("sources", "fetch", "news")
    store, now = monitor.store(), datetime.now(UTC)
    turns = [
        ("shop", "1", "customer", "terrible  growth\nof my bill", 3),
        ("other", "2", "customer", "wonderful growth here", 2),
        ("shop", "2", "agent", "Shall I cancel it?", 2),
        ("shop", "3", "customer", "yes please", 2),
        ("shop", "4", "agent", "umbrella", 1),
    ]
    for source, id_, role, text, ago in turns:
        store.sources.ensure(source, "chatlog")
        said, at = Document(id_, text, thread="t1", role=role), now - timedelta(hours=ago)
        store.documents.add(source, said, now=now, event_at=at, live=False)
    store.close()
    return monitor


def test_a_turn_is_asked_with_who_wrote_it_and_what_was_said_before(chatting):
    found = {d["text"]: d for d in chatting("label", "mood", "--batch", 9, "--json").json}
    turn = found["yes please"]
    assert (turn["source"], turn["role"]) == ("shop", "customer")
    before = chatting("documents", "show", turn["previous"]["id"], "--json").json
    assert turn["previous"] == {key: before[key] for key in ("id", "role", "event_at", "text")}
    assert (turn["previous"]["role"], turn["previous"]["text"]) == ("agent", "Shall I cancel it?")
    assert found["terrible  growth\nof my bill"]["previous"] is None
    assert found["wonderful growth here"]["previous"] is None, "another conversation of the same id"
    assert found["wonderful growth"]["previous"] is None, "no conversation"
    table = chatting("label", "mood", "--batch", 9).out
    assert table.splitlines()[0].split() == ["id", "role", "guess", "why", "before", "it", "text"]
    said = chatting("label", "mood", input="sssssss").out.splitlines()
    place = said.index("yes please")
    assert said[place - 2].startswith(f"document {turn['id']}, customer, shop, 2")
    assert said[place - 1] == "before it, agent: Shall I cancel it?"
    assert sum(line.startswith("before it") for line in said) == 1


def test_names_alone_are_enough_to_ask(full):
    found = full("label", "topic", "--batch", 2, "--json").json
    assert len(found) == 2
    assert "threshold" in found[0]["why"]


def test_an_empty_store_is_one_line(monitor):
    for options in ([], ["--batch", 3]):
        assert "no documents of the last 90d" in monitor("label", "mood", *options).out
    assert monitor("label", "mood", "--batch", 3, "--json").json == []


def test_only_documents_of_the_time_that_is_asked(full):
    store = full.store()
    store.connection.execute("update documents set event_at = '2020-01-01T00:00:00.000000Z' where id > 2")
    store.close()
    assert [d["id"] for d in full("label", "mood", "--batch", 9, "--json").json] == [2]
    assert len(full("label", "mood", "--batch", 9, "--since", "5000w", "--json").json) == 3


def test_one_key_stores_a_seed_at_once(full):
    ids = {d["text"]: d["id"] for d in full("documents", "list", "--json").json}
    said = full("label", "mood", input="21")
    assert "1 bad   2 good" in said.out
    assert "(labelled: none; skipped: 0)" in said.out
    assert "(labelled: 1 good; skipped: 0)" in said.out
    assert "2 seeds stored; the next `monitor run` takes it up" in said.out
    assert sorted(added(full).values()) == ["bad", "good"]
    for seed in full("seeds", "list", "mood", "--json").json:
        if seed["origin"] == "command":
            assert seed["document_id"] == ids[seed["text"]]


def test_all_are_asked_until_there_are_no_more(full):
    said = full("label", "mood", input="1111111111")
    assert "no more documents" in said.out
    assert set(added(full).values()) == {"bad"}
    assert len(added(full)) == 3
    assert "no documents" in full("label", "mood", input="1").out


def test_the_choice_is_made_anew_with_what_was_learned(full, monkeypatch):
    monkeypatch.setattr(label, "ROUND", 1)
    said = full("label", "mood", input="122")
    assert "3 seeds stored" in said.out
    assert len(added(full)) == 3
    heads = {t["name"]: t["head"] for t in full("tasks", "list", "--json").json}
    assert heads["mood"]["seeds"] == 4 + 3


def test_skipping_undoing_and_other_keys(full):
    said = full("label", "mood", input="u" + "x" + "s" + "2" + "u" + "u" + "1" + "q")
    assert "there is nothing to take back" in said.out
    assert "taken back" in said.out
    assert "back to what was skipped" in said.out
    assert list(added(full).values()) == ["bad"]
    assert "1 seed stored" in said.out
    first = full("label", "mood", "--batch", 1, "--json").json[0]["text"]
    assert first not in added(full)


def test_what_fits_none_of_the_labels_is_learned_and_not_asked_again(full):
    asked = full("label", "mood", "--batch", 1, "--json").json[0]
    said = full("label", "mood", input="n" + "u" + "n" + "q")
    assert "n none of these" in said.out
    assert "added a seed of no label" in said.out
    assert "taken back" in said.out
    assert "(labelled: none; skipped: 0)" in said.out
    assert "1 seed stored" in said.out
    assert added(full) == {asked["text"]: NO_LABEL}
    assert asked["text"] not in [d["text"] for d in full("label", "mood", "--batch", 9, "--json").json]
    after = full("classify", asked["text"], "--json").json[0]["predictions"]["mood"]
    assert after["abstained"]
    assert after["probability"] < asked["probability"]
    (seed,) = [s for s in full("seeds", "list", "mood", "--json").json if s["origin"] == "command"]
    full("seeds", "remove", seed["id"])
    assert asked["text"] in [d["text"] for d in full("label", "mood", "--batch", 9, "--json").json]


def test_what_is_taken_back_is_as_it_was(full):
    store, now = full.store(), datetime.now(UTC)
    try:
        correct(store, "mood", Seed("zeppelin  umbrella", "bad"), now, document_id=3)
        before = [(s.seed, s.document_id) for s in store.tasks.seeds("mood")]
        done = correct(store, "mood", Seed("zeppelin umbrella", "good"), now)
        assert [s.seed.label for s in done.replaced] == ["bad"]
        again = correct(store, "mood", Seed("zeppelin umbrella", "good"), now)
        assert (again.added, again.changed) == (None, False)
        take_back(store, again, now)  # which added nothing
        assert store.tasks.seeds("mood")[-1].seed == Seed("zeppelin umbrella", "good")
        take_back(store, done, now)
        assert [(s.seed, s.document_id) for s in store.tasks.seeds("mood")] == before
        take_back(store, done, now)
        assert [(s.seed, s.document_id) for s in store.tasks.seeds("mood")] == before
    finally:
        store.close()


def test_a_task_with_several_labels_a_text_takes_several_keys(full):
    said = full("label", "topic", input="\r" + "12" + "\r" + "q")
    assert "marked: court, money" in said.out
    found = [s for s in full("seeds", "list", "topic", "--json").json if s["origin"] == "command"]
    assert [s["label"] for s in found] == ["court", "money"]
    assert len({s["text"] for s in found}) == 1
    full("label", "topic", input="112" + "\r" + "u" + "q")
    assert len(full("seeds", "list", "topic", "--json").json) == 2


def test_marks_are_not_lost_to_a_key_that_would_answer_otherwise(full):
    said = full("label", "topic", input="12" + "n" + "s" + "\r" + "q").out
    assert said.count("  marked: court, money; Enter stores that, u takes it back\n") == 2
    assert added_labels(full) == ["court", "money"]
    said = full("label", "topic", input="1" + "u" + "\r" + "n" + "2" + "q").out
    assert "  marked: none\n" in said
    assert "  added a seed of no label" in said
    assert "  not stored: money\n" in said
    assert added_labels(full)[2:] == [NO_LABEL]


def added_labels(monitor):
    return [s["label"] for s in monitor("seeds", "list", "topic", "--json").json if s["origin"] == "command"]


def test_with_more_labels_than_keys_others_are_typed(full):
    names = [f"l{n:02}" for n in range(len(KEYS) + 1)]
    options = [word for name in names for word in ("--label", name)]
    full("tasks", "add", "many", *options)
    said = full("label", "many", input="/l3\n" + "/nope\n" + "/L31\n" + "1" + "q")
    assert "l30, l31" in said.out
    assert "no label begins like that" in said.out
    assert "added a seed of l31" in said.out
    assert len(added(full, "many")) == 2


def test_keys_and_names():
    document = StoredDocument(
        1, "s", "1", "", "publisher", "", "x", "", None, *[datetime(2026, 1, 1, tzinfo=UTC)] * 2, True
    )
    few, many = ({f"l{n}": "" for n in range(count)} for count in (len(KEYS), len(KEYS) + 1))
    ranking = tuple((name, 0.0) for name in reversed(many))
    question = Question(document, "x", ranking, False, "")
    assert not set("suq/") & set(KEYS)
    assert list(keys_for(Task("t", few), question).values()) == list(few)
    assert list(keys_for(Task("t", many), question).values()) == [n for n, _ in ranking[:LIKELIEST]]
    assert matching("A", {"a": "", "A": "", "ab": ""}) == ["A"]
    assert matching("B", {"b": "", "bc": ""}) == ["b"]
    assert matching("", {"b": ""}) == []
    assert printable("a\x1b[31m\tb\nc") == "a [31m b\nc"


def test_a_running_monitor_is_left_to_learn(full):
    full("label", "mood", "--batch", 1)
    with DaemonLock(full.database):
        said = full("label", "mood", input="1q")
    assert "the running monitor (process" in said.out
    heads = {t["name"]: t["head"] for t in full("tasks", "list", "--json").json}
    assert heads["mood"]["seeds"] == 4


def test_without_a_terminal_nothing_is_shown_before_that_is_said(full, monkeypatch):
    monkeypatch.setattr(label, "has_terminal", lambda: False)
    said = full("label", "mood", code=1)
    assert said.out == ""
    assert said.err == "Error: there is no terminal to ask at; `--batch N` prints what would be asked\n"
    assert len(full("label", "mood", "--batch", 1, "--json").json) == 1


def test_a_terminal_is_found_where_there_is_one():
    """In a session of its own a process has a terminal only where it is given one."""
    ask = [sys.executable, "-c", "from monitor.cli.label_keys import has_terminal; print(has_terminal())"]
    own, other = pty.openpty()
    try:
        for stdin, found in ((subprocess.DEVNULL, "False"), (other, "True")):
            got = subprocess.run(
                ask, stdin=stdin, capture_output=True, text=True, start_new_session=True, check=True
            )
            assert got.stdout == f"{found}\n"
    finally:
        os.close(own)
        os.close(other)


def test_wrong_use(full, monkeypatch):
    assert "known: mood, topic" in full("label", "nope", code=2).err
    assert "goes with --batch" in full("label", "mood", "--json", code=2).err
    assert "not a duration" in full("label", "mood", "--since", "soon", code=2).err

    def no_terminal():
        raise OSError(6, "No such device or address: '/dev/tty'")

    monkeypatch.setattr(click, "getchar", no_terminal)
    assert "no terminal to ask at; `--batch N`" in full("label", "mood", code=1).err


@pytest.mark.parametrize(
    ("multi", "chances", "abstained", "why"),
    [
        (False, [0.6, 0.4], False, "not sure: bad 60%, good 40%"),
        (False, [0.1, 0.9], False, "unlike the others asked: good 90%, bad 10%"),
        (False, [0.3, 0.2], True, "no label is likely enough: bad 30%, good 20%"),
        (True, [0.1, 0.6], False, "good at 60% is near its threshold of 50%"),
        (True, [0.05, 0.9], False, "unlike the others asked: good 90%, threshold 50%"),
    ],
)
def test_the_reason_is_true_of_what_is_asked(multi, chances, abstained, why):
    head = Head(
        labels=("bad", "good"),
        view="base",
        encoder="",
        weight=np.zeros((2, 3), np.float32),
        bias=np.zeros(2, np.float32),
        temperature=1.0,
        thresholds=np.full(2, 0.5, np.float32),
        multi=multi,
    )
    assert why_asked(head, np.array(chances), "unlike the others asked", abstained=abstained) == why
