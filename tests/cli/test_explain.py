"""monitor explain."""

from __future__ import annotations

import re

import pytest

from monitor.cli.explain import _marked
from monitor.learn.explain import Explanation, Word
from monitor.store.lock import DaemonLock
from monitor.testing import HashEncoder
from monitor.types import NO_LABEL


def test_explains_a_text(fetched):
    said = fetched("explain", "a terrible failure", "--task", "mood")
    lines = [line for line in said.out.splitlines() if line]
    assert lines[0] == "a terrible failure"
    assert lines[1].startswith("bad ")
    assert lines[2].startswith("next: good ")
    (carried,) = [line for line in lines if line.startswith("for it:")]
    assert "awful +" in carried or "failure +" in carried
    assert any("bad seed: awful failure" in line for line in lines)
    assert any("good seed:" in line for line in lines)


def test_explains_what_the_task_reads_of_a_document(fetched):
    document = fetched("documents", "search", "terrible", "--json").json[0]
    found = fetched("explain", document["id"], "--task", "mood", "--json").json
    assert (found["document_id"], found["task"], found["text"]) == (document["id"], "mood", "terrible loss")
    assert (found["label"], found["runner_up"], found["abstained"]) == ("bad", "good", False)
    assert found["margin"] == pytest.approx(found["probability"] - found["runner_up_probability"])
    assert [word["text"] for word in found["words"]] == ["terrible", "loss"]
    assert sum(word["effect"] for word in found["words"]) > 0
    # the seed itself, which is there word for word, then the next of the label, then the runner-up's
    assert [near["label"] for near in found["nearest"]] == ["bad", "bad", "good"]
    assert found["nearest"][0]["text"] == "terrible loss"
    assert found["nearest"][0]["similarity"] == pytest.approx(1, abs=1e-3)


def test_says_that_no_label_fits(fetched):
    fetched("seeds", "add", "mood", NO_LABEL, "see you at ten")
    fetched("adapt", "mood")
    said = fetched("explain", "see you at ten", "--task", "mood")
    assert re.search(r"^none of the labels: \d\d%$", said.out, re.M)
    assert f"{NO_LABEL} seed: see you at ten" in said.out
    found = fetched("explain", "see you at ten", "--task", "mood", "--json").json
    assert found["none"] == pytest.approx(1 - found["probability"] - found["runner_up_probability"], abs=1e-5)


def test_says_that_a_text_is_an_example_itself(fetched):
    for word in "abcdefgh":
        fetched("seeds", "add", "mood", "bad", f"terrible loss {word}")
    fetched("seeds", "add", "mood", "good", "Terrible loss")
    fetched("adapt")
    said = fetched("explain", "terrible  loss", "--task", "mood").out
    assert said.startswith("an example of good, which is what the task says; the head by itself:\n")
    found = fetched("explain", "terrible loss", "--task", "mood", "--json").json
    assert (found["example_of"], found["label"]) == (["good"], "bad")
    assert fetched("explain", "calm", "--task", "mood", "--json").json["example_of"] is None
    (row,) = fetched("classify", "terrible loss", "--task", "mood", "--json").json
    assert row["predictions"]["mood"] == {"label": "good", "probability": 1.0, "abstained": False}


def test_agrees_with_classify(fetched):
    text = "growth after a failure"
    said = fetched("classify", text, "--task", "mood", "--json").json[0]["predictions"]["mood"]
    found = fetched("explain", text, "--task", "mood", "--json").json
    assert (found["label"], found["abstained"]) == (said["label"], said["abstained"])
    assert found["probability"] == pytest.approx(said["probability"], rel=1e-6), (
        "of the same stored precision"
    )


def test_a_text_in_a_language_that_the_encoder_reads_badly_is_said_to_be(fetched, monkeypatch):
    monkeypatch.setattr(HashEncoder, "unread", lambda self, text: float("furchtbar" in text))
    fetched("adapt")
    for command in (("explain",), ("classify",)):
        said = fetched(*command, "ein furchtbarer Verlust", "--task", "mood").err
        assert said.startswith(
            "note: the text looks to be in a language that the encoder reads badly; for mood, configure"
        )
        assert fetched(*command, "a terrible failure", "--task", "mood").err == ""


def test_a_text_that_is_read_in_other_words_is_shown_in_them(fetched, monkeypatch):
    monkeypatch.setattr(
        HashEncoder, "as_read", lambda self, text: text.replace("furchtbarer", "terrible\n\x1b")
    )
    said = fetched("explain", "ein furchtbarer Verlust", "--task", "mood").out.splitlines()
    assert said[:2] == ["ein furchtbarer Verlust", "(read as: ein terrible Verlust)"]
    assert fetched("explain", "furchtbarer", "--task", "mood", "--json").json["read_as"] == "terrible\n\x1b"
    assert "read as" not in fetched("explain", "a terrible failure", "--task", "mood").out


def test_names_stand_in_for_seeds(fetched):
    found = fetched("explain", "the lawsuits", "--task", "topic", "--json").json
    assert found["label"] == "court"
    assert found["nearest"][0]["is_name"]
    assert found["nearest"][0]["text"] == "court: lawsuits and fines"
    assert "court name: court: lawsuits" in fetched("explain", "the lawsuits", "--task", "topic").out


def test_explains_another_label(fetched):
    found = fetched("explain", "terrible loss", "--task", "mood", "--label", "good", "--json").json
    assert (found["label"], found["runner_up"]) == ("good", "bad")
    assert found["margin"] < 0


def test_explains_all_labels_that_are_said(fetched):
    fetched.edit("multi = true", "multi = true\nthreshold = 0.0")
    text = "lawsuits eat the profit"
    found = fetched("explain", text, "--task", "topic", "--json").json
    said = fetched("classify", text, "--task", "topic", "--json").json[0]["predictions"]["topic"]
    assert [one["label"] for one in found["said"]] == [one["label"] for one in said]
    assert {one["label"] for one in said} == {"court", "money"}
    assert [found["label"], found["others"][0]["label"]] == [one["label"] for one in said]
    assert [word["text"] for word in found["others"][0]["words"]] == text.split()
    out = fetched("explain", text, "--task", "topic").out
    first, second = (f"{one['label']} {one['probability']:.0%}" for one in found["said"])
    lines = [line for line in out.splitlines() if line]
    assert lines[1] == f"said: {first}, {second}"
    assert lines.index(first) < lines.index(second)
    assert out.count("for it:") == 2
    assert "next:" not in out
    asked = fetched("explain", text, "--task", "topic", "--label", found["others"][0]["label"]).out
    assert f"said: {first}, {second}\n\n{second}\n" in asked
    assert asked.count("for it:") == 1
    fetched.edit("threshold = 0.0", "threshold = 1.0")
    assert "said: none of the labels" in fetched("explain", text, "--task", "topic").out


def test_a_word_that_carried_a_label_is_marked_so_whatever_it_says_of_another():
    def explained(*effects: float) -> Explanation:
        words = tuple(Word("xy"[n], 2 * n, 2 * n + 1, effect) for n, effect in enumerate(effects))
        return Explanation("x y", "a", 0.9, 0.5, False, None, 0.0, 0.9, 0.0, (), words, ())

    shown = _marked([explained(2.0, -1.0), explained(-2.0, -1.0)])
    assert [(span.start, span.end, span.style) for span in shown.spans] == [
        (0, 1, "bold green"),
        (2, 3, "red"),
    ]


def test_says_that_a_task_abstained(fetched):
    fetched.edit('adapter = "mood"', 'adapter = "mood"\nthreshold = 0.999')
    said = fetched("explain", "growth", "--task", "mood")
    assert "below 100%: the task does not say it" in said.out


def test_reads_standard_input_and_long_texts(fetched):
    text = "terrible " + "and so on " * 300 + "\x1b[31m"
    found = fetched("explain", "-", "--task", "mood", "--json", input=text).json
    assert len(found["words"]) <= 64
    assert "\x1b" not in fetched("explain", "-", "--task", "mood", input=text).out


def test_says_how_much_of_a_long_text_is_read(fetched):
    fetched.edit('encoder = "hash"', 'encoder = "minilm"')
    fetched("adapt")
    text = "Good morning to all of you there. " * 60 + "Where is my parcel?"
    found = fetched("explain", text, "--task", "mood", "--json").json
    assert 1000 < found["read"] < len(text)
    assert found["text"][: found["read"]].endswith(
        ("Good", "morning", "to", "all", "of", "you", "there", ".")
    )
    said = f"only the first {found['read']:,} of {len(text):,} characters are read"
    assert f"({said})" in fetched("explain", text, "--task", "mood").out
    assert (
        "characters are read"
        not in fetched("explain", "Where is my parcel? \u2764\ufe0f", "--task", "mood").out
    )
    many = fetched("classify", "Where is my parcel?", text)
    assert many.err.startswith(f"text 2: {said}\nnote: of a source's texts, ")
    rows = fetched("classify", "Where is my parcel?", text, "--json").json
    assert [row["read"] for row in rows] == [19, found["read"]]


@pytest.mark.parametrize("command", ["classify", "explain"])
def test_says_that_what_had_to_be_learned_is_not_kept(fetched, command):
    note = "note: what was learned serves this answer alone; `monitor adapt` keeps it\n"
    assert fetched(command, "a terrible failure", "--task", "mood").err == note
    with DaemonLock(fetched.database):
        assert fetched(command, "a terrible failure", "--task", "mood").err == "", "it will be, by itself"
    fetched("adapt", "mood")
    assert fetched(command, "a terrible failure", "--task", "mood").err == ""


def test_stores_nothing(fetched):
    fetched("adapt")
    store = fetched.store()
    try:
        before = store.features.count()
        fetched("explain", "a text that nobody has seen", "--task", "mood")
        assert store.features.count() == before
        assert store.documents.count() == 2
    finally:
        store.close()


def test_the_only_task_need_not_be_named(fetched):
    assert "known: mood, topic" in fetched("explain", "x", code=2).err
    fetched("tasks", "list")
    text = fetched.config.read_text()
    start, end = text.index('[[tasks]]\nname = "topic"'), text.index("[[notifiers]]")
    fetched.config.write_text(text[:start] + text[end:])
    assert fetched("explain", "x", "--json").json["task"] == "mood"


def test_wrong_use(fetched):
    assert "known: mood, topic" in fetched("explain", "x", "--task", "nope", code=2).err
    assert "known: bad, good" in fetched("explain", "x", "--task", "mood", "--label", "nope", code=2).err
    assert "no document 999" in fetched("explain", 999, "--task", "mood", code=1).err
    assert "no text to explain" in fetched("explain", " ", "--task", "mood", code=1).err


def test_says_why_a_task_does_not_read_a_document(fetched):
    fetched("tasks", "add", "desk", "--label", "a", "--label", "b", "--role", "agent")
    assert fetched("explain", 1, "--task", "desk", code=1).err.splitlines()[-1] == (
        "Error: the task 'desk' does not read document 1: its author has the role publisher, and the task reads "
        "texts of agents only"
    )
    store = fetched.store()
    store.connection.execute("update documents set role = 'agent' where id = 1")
    store.connection.execute("""update tasks set settings = '{"read": "title"}' where name = 'desk'""")
    store.close()
    assert "has the role agent, and the task reads texts of customers and publishers only\n" in (
        fetched("explain", 1, "--task", "mood", code=1).err
    )
    assert "its adapter 'labels' finds nothing to read in it (source news, role agent)\n" in (
        fetched("explain", 1, "--task", "desk", code=1).err
    )


def test_classify_says_whose_texts_the_tasks_read_where_they_differ(fetched):
    fetched("adapt")
    note = "note: of a source's texts, not every task reads all: mood only those of customers and publishers"
    assert fetched("classify", "terrible loss").err == note + "\n"
    assert fetched("classify", "terrible loss", "--task", "mood").err == ""
    assert fetched("classify", "terrible loss", "--json").err == ""
    assert fetched("classify", "").err == ""
    fetched("tasks", "add", "desk", "--label", "a", "--label", "b", "--role", "agent")
    fetched("adapt")
    assert (
        fetched("classify", "terrible loss").err
        == note.replace("mood", "desk only those of agents, mood") + "\n"
    )


def test_a_text_without_a_character_gets_no_label(fetched):
    found = fetched("classify", "", "terrible loss", " \n", "--json").json
    assert [list(row["predictions"]) for row in found] == [[], ["mood", "topic"], []]
    assert found[1]["predictions"]["mood"]["label"] == "bad"
    assert fetched("classify", "").out.count("nothing to read") == 2


@pytest.mark.parametrize(
    "command", [("explain", "terrible loss", "--task", "mood"), ("classify", "terrible loss")]
)
def test_nothing_is_stored(fetched, command):
    fetched("adapt")
    fetched("seeds", "add", "mood", "bad", "zeppelin")
    kept = counts(fetched)
    told = fetched(*command, "--json").json
    assert counts(fetched) == kept
    fetched("adapt")
    assert counts(fetched)["heads"] == kept["heads"] + 1
    assert fetched(*command, "--json").json == told, "it had learned from the new seed all the same"


def counts(monitor):
    store = monitor.store()
    found = {
        table: store.connection.execute(f"select count(*) from {table}").fetchone()[0]
        for table in ("heads", "features", "documents", "seeds")
    }
    store.close()
    return found
