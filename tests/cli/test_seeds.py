"""monitor seeds."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest
from work import lines

from monitor.cli.app import App
from monitor.pipeline.learning.corrections import correct, take_back
from monitor.runtime import Runtime
from monitor.scheduler import Scheduler
from monitor.shared_encoder import make_encoder
from monitor.store.lock import DaemonLock
from monitor.types import NO_LABEL, Seed, Task


def seeds(monitor, task="topic"):
    return [(s["label"], s["text"], s["origin"]) for s in monitor("seeds", "list", task, "--json").json]


def test_add_from_the_command_line_and_standard_input(fetched):
    said = fetched("seeds", "add", "topic", "court", "  the judge ruled ")
    assert "added a seed of court; the next `monitor run` takes it up" in said.out
    fetched("seeds", "add", "topic", "money", "-", input="profit\nrose ☂\n")
    assert seeds(fetched) == [
        ("court", "the judge ruled", "command"),
        ("money", "profit\nrose ☂", "command"),
    ]
    assert "there already" in fetched("seeds", "add", "topic", "court", "the judge ruled").out


def test_add_makes_the_database_if_there_is_none(monitor):
    monitor("seeds", "add", "topic", "court", "the judge ruled")
    assert seeds(monitor) == [("court", "the judge ruled", "command")]


def test_add_takes_up_a_task_that_was_just_written_into_the_configuration(fetched):
    fetched.edit('name = "topic"', 'name = "subject"')
    fetched.edit("topic =", "subject =")
    fetched("seeds", "add", "subject", "court", "the judge ruled")
    assert seeds(fetched, "subject") == [("court", "the judge ruled", "command")]


def test_add_needs_no_secrets_of_the_configuration(fetched):
    fetched.edit('path = "sent.jsonl"', 'path = { env = "NOT_SET_ANYWHERE" }')
    fetched("seeds", "add", "topic", "court", "the judge ruled")
    assert "NOT_SET_ANYWHERE is not set" in fetched("sources", "check", code=2).err


def test_add_takes_the_text_that_the_task_reads_in_a_document(fetched):
    document = fetched("documents", "search", "growth", "--json").json[0]
    fetched("seeds", "add", "mood", "good", "--document", document["id"])
    (seed,) = [s for s in fetched("seeds", "list", "mood", "--json").json if s["document_id"]]
    assert (seed["text"], seed["document_id"]) == (document["text"], document["id"])


def test_add_says_where_a_document_cannot_be_a_seed(fetched):
    assert "no document 999" in fetched("seeds", "add", "mood", "bad", "--document", 999, code=1).err
    store = fetched.store()
    store.connection.execute("update documents set role = 'agent' where id = 1")
    store.close()
    assert "has the role agent" in fetched("seeds", "add", "mood", "bad", "--document", 1, code=1).err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nope", "a", "text"], 2, "known: mood, topic"),
        (["topic", "nope", "text"], 2, "known: (none), court, money"),
        (["topic", "court", "  "], 1, "a seed needs a text"),
        (["topic", "court"], 2, "either TEXT or --document"),
        (["topic", "court", "text", "--document", "1"], 2, "either TEXT or --document"),
        (["topic", "court", "\udcff"], 1, "not UTF-8"),
    ],
)
def test_add_refuses_what_cannot_be_a_seed(fetched, arguments, code, message):
    assert message in fetched("seeds", "add", *arguments, code=code).err
    assert seeds(fetched) == []


def test_add_refuses_bytes_that_are_no_text(fetched):
    assert "not UTF-8" in fetched("seeds", "add", "topic", "court", "-", input=b"\xff\xfe", code=1).err


def test_import_counts_new_known_and_bad_records(fetched):
    file = fetched.write("more.csv", "text,label\njudge,court\njudge,court\nprofit,money\n,money\n")
    said = fetched("seeds", "import", "topic", file)
    assert "added 2 seeds, 1 was there already" in said.out
    assert "line 5: has no text" in said.err
    assert "1 record cannot be used" in said.err
    assert "added 0 seeds, 3 were there already" in fetched("seeds", "import", "topic", file).out


def test_import_needs_no_configuration_without_faults(fetched):
    fetched.edit('path = "sent.jsonl"', 'paths = "sent.jsonl"')
    file = fetched.write("more.csv", "text,label\njudge,court\nhello,(none)\n")
    assert "added 2 seeds" in fetched("seeds", "import", "topic", file).out


def test_import_corrects_as_add_does(fetched):
    first = fetched.write("first.csv", "text,label\nrecord sales,bad\nplain  text,bad\nother,good\n")
    fetched("seeds", "import", "mood", first)
    second = fetched.write("second.csv", "text,label\nrecord sales,good\nplain text,good\nother,good\n")
    said = fetched("seeds", "import", "mood", second)
    assert "added 2 seeds in place of 2 with another label, 1 was there already; the next" in said.out
    assert said.err == ""
    commanded = [(label, text) for label, text, origin in seeds(fetched, "mood") if origin == "command"]
    assert commanded == [("good", "other"), ("good", "record sales"), ("good", "plain text")]
    assert "added 0 seeds, 3 were there already\n" in fetched("seeds", "import", "mood", second).out


def test_import_names_what_contradicts_itself_and_takes_none_of_it(fetched):
    file = fetched.write(
        "both.csv", "text,label\nthe same text,bad\nfine,good\nthe same  text,good\nfine,good\n"
    )
    said = fetched("seeds", "import", "mood", file)
    assert (
        "line 2: has a text that is 'bad' here and 'good' in line 4: it can have one label only" in said.err
    )
    assert "line 4: has a text that is 'good' here and 'bad' in line 2" in said.err
    assert "2 records cannot be used" in said.err
    assert "added 1 seed, 1 was there already" in said.out
    assert [text for _, text, origin in seeds(fetched, "mood") if origin == "command"] == ["fine"]


def test_import_takes_a_text_in_another_case_for_the_same(fetched):
    file = fetched.write("case.csv", "text,label\nThe Text,bad\nfine,good\nthe text,good\n")
    said = fetched("seeds", "import", "mood", file)
    assert "line 4: has a text that is 'good' here and 'bad' in line 2" in said.err
    assert "added 1 seed, 0 were there already" in said.out
    assert "added 0 seeds, 1 was there already\n" in fetched("seeds", "import", "mood", file).out


def test_import_lets_a_text_have_several_labels_where_the_task_does(fetched):
    file = fetched.write("both.csv", "text,label\na fine,court\na fine,money\n")
    assert "added 2 seeds, 0 were there already" in fetched("seeds", "import", "topic", file).out


def test_import_names_what_others_own_and_it_contradicts(fetched):
    file = fetched.write("more.csv", "text,label\nawful failure,good\nterrible loss,good\n")
    said = fetched("seeds", "import", "mood", file)
    assert "added 2 seeds, 0 were there already" in said.out
    assert "the seeds file still calls this text bad" in said.err
    assert "the task's adapter still calls this text bad" in said.err


def test_import_of_many_corrections_looks_through_the_seeds_once(fetched):
    def work(number):
        def lines_of(label):
            return "text,label\n" + "".join(f"text {n} of {number},{label}\n" for n in range(number))

        fetched("seeds", "import", "mood", fetched.write("a.csv", lines_of("good")))
        file, said = fetched.write("b.csv", lines_of("bad")), []
        count = lines(lambda: said.append(fetched("seeds", "import", "mood", file)))
        assert f"added {number:,} seeds in place of {number:,} with another label" in said[0].out
        return count

    few, many = work(100), work(400)
    assert many < 6 * few, "each row looks through all seeds"


def test_import_leaves_out_a_text_without_a_shape_and_no_more(fetched):
    file = fetched.write("more.csv", "text,label\njudge,court\n\u200b,court\n")
    said = fetched("seeds", "import", "topic", file)
    assert "line 3: has a text without anything to see in it" in said.err
    assert "added 1 seed, 0 were there already" in said.out


def test_import_with_an_unknown_label_imports_nothing(fetched):
    file = fetched.write(
        "more.jsonl", '{"text": "judge", "label": "court"}\n{"text": "x", "label": "sport"}\n'
    )
    said = fetched("seeds", "import", "topic", file, code=2)
    assert "line 2: no label is called 'sport'" in said.err
    assert "known: court, money" in said.err
    assert seeds(fetched) == []


def test_import_says_what_is_wrong_with_a_file(fetched):
    assert "cannot be read" in fetched("seeds", "import", "topic", fetched.folder / "none.csv", code=1).err
    file = fetched.write("wrong.csv", "words,class\na,b\n")
    assert "no column text and no column label" in fetched("seeds", "import", "topic", file, code=1).err


def test_list_of_one_label(fetched):
    found = fetched("seeds", "list", "mood", "--label", "bad", "--json").json
    assert [(s["text"], s["origin"]) for s in found] == [
        ("terrible loss", "adapter"),
        ("awful failure", "file"),
    ]
    assert "terrible loss" in fetched("seeds", "list", "mood").out
    assert "known: bad, good" in fetched("seeds", "list", "mood", "--label", "nope", code=2).err
    assert "known: mood, topic" in fetched("seeds", "list", "nope", code=2).err


def test_a_text_of_no_label_is_an_example_as_well(fetched):
    assert "added a seed of no label" in fetched("seeds", "add", "mood", NO_LABEL, "see you at ten").out
    assert (
        "added a seed of good in place of no label"
        in fetched("seeds", "add", "mood", "good", "see you  at ten").out
    )
    assert (
        "added a seed of no label in place of good"
        in fetched("seeds", "add", "mood", NO_LABEL, "see you at ten").out
    )
    assert "there already" in fetched("seeds", "add", "mood", NO_LABEL, "see you at ten").out
    file = fetched.write("none.csv", "text,label\nyes please,(none)\nsee you at ten,(none)\nsuper,good\n")
    assert "added 2 seeds, 1 was there already" in fetched("seeds", "import", "mood", file).out
    listed = fetched("seeds", "list", "mood", "--label", NO_LABEL, "--json").json
    assert [(s["text"], s["in_use"]) for s in listed] == [("see you at ten", True), ("yes please", True)]
    fetched("adapt", "mood")
    shown = fetched("tasks", "show", "mood")
    assert "none of the others: what the task abstains on" in shown.out
    assert fetched("tasks", "show", "mood", "--json").json["seeds"][NO_LABEL] == {
        "adapter": 0,
        "file": 0,
        "command": 2,
    }


def test_a_label_that_is_added_may_be_that_of_a_text_that_had_none(fetched):
    fetched("tasks", "add", "urgency", "--label", "urgent", "--label", "routine")
    fetched("seeds", "add", "urgency", NO_LABEL, "the till is on fire")
    fetched("tasks", "extend", "urgency", "fire")
    (row,) = fetched("seeds", "list", "urgency", "--json").json
    assert not row["in_use"]
    assert "(none) (before a label was added)" in fetched("seeds", "list", "urgency").out
    note = "1 text was said to carry none of the labels before there were those of now, which it may carry: "
    assert (
        note + "look at what `monitor seeds list urgency --label '(none)'` shows"
        in fetched("tasks", "show", "urgency").out
    )
    assert NO_LABEL not in fetched("tasks", "show", "urgency", "--json").json["seeds"]
    assert (
        "added a seed of no label;" in fetched("seeds", "add", "urgency", NO_LABEL, "the till is on fire").out
    )
    (row,) = fetched("seeds", "list", "urgency", "--json").json
    assert row["in_use"]
    assert "in place of no label" in fetched("seeds", "add", "urgency", "fire", "the till is on fire").out


def test_a_label_just_written_into_the_configuration_is_one_that_a_text_does_not_carry(fetched):
    fetched("adapt")
    fetched.edit('adapter = "mood"\nseeds = "mood.csv"', 'adapter = "mood"\nlabels = ["good", "bad", "odd"]')
    fetched("seeds", "add", "mood", NO_LABEL, "see you at ten")
    fetched("adapt")
    listed = fetched("seeds", "list", "mood", "--label", NO_LABEL, "--json").json
    assert [(s["text"], s["in_use"]) for s in listed] == [("see you at ten", True)]


def test_what_is_said_anew_of_no_label_is_taken_back_as_it_was(fetched):
    store, now = fetched.store(), datetime.now(UTC)
    try:
        store.tasks.add(Task("urgency", {"urgent": "", "routine": ""}), "labels", {}, now)
        seed = Seed("the till is on fire", NO_LABEL)
        assert correct(store, "urgency", seed, now).added is not None
        store.tasks.extend("urgency", "fire", "")
        before = [(s.seed, s.among) for s in store.tasks.all_seeds("urgency")]
        done = correct(store, "urgency", seed, now)
        assert (done.added is not None, len(done.replaced)) == (True, 1)
        assert [s.among for s in store.tasks.seeds("urgency")] == [{"urgent", "routine", "fire"}]
        take_back(store, done, now)
        assert [(s.seed, s.among) for s in store.tasks.all_seeds("urgency")] == before
        shown = correct(store, "urgency", Seed("hello", NO_LABEL), now, among=["urgent", "routine"])
        assert [s.seed.text for s in store.tasks.seeds("urgency")] == [], "fire was not there to choose from"
        take_back(store, shown, now)
        assert [(s.seed, s.among) for s in store.tasks.all_seeds("urgency")] == before
    finally:
        store.close()


def test_where_a_text_may_carry_several_labels_only_none_contradicts_them(fetched):
    fetched("seeds", "add", "topic", "court", "a fine")
    fetched("seeds", "add", "topic", "money", "a fine")
    said = fetched("seeds", "add", "topic", NO_LABEL, "a fine").out
    assert "added a seed of no label in place of court and money" in said
    assert "in place of no label" in fetched("seeds", "add", "topic", "court", "a fine").out
    assert seeds(fetched) == [("court", "a fine", "command")]
    file = fetched.write("both.csv", "text,label\na word,court\na word,money\nother,court\n other ,(none)\n")
    said = fetched("seeds", "import", "topic", file)
    assert (
        "line 4: has a text that is 'court' here and '(none)' in line 5: it can have some label, or none"
        in said.err
    )
    assert "added 2 seeds" in said.out


@pytest.fixture
def renamed(fetched):
    """A seed was added for the label `good`, which was then renamed in the configuration."""
    fetched("seeds", "add", "mood", "good", "record sales")
    fetched.edit('adapter = "mood"\nseeds = "mood.csv"', 'adapter = "mood"\nlabels = ["great", "bad"]')
    return fetched


def test_seeds_of_a_label_that_was_renamed_are_told_of(renamed):
    said = "1 seed added by command has the label 'good', which the task no longer has"
    (note,) = [n for n in renamed("config", "check", "--json").json["notes"] if "no longer" in n]
    assert note == f"mood: {said}: `monitor seeds list mood` shows it"
    assert said in renamed("adapt", "mood").out
    assert said in renamed("tasks", "show", "mood").out
    renamed("adapt", "mood")
    (row,) = [s for s in renamed("seeds", "list", "mood", "--json").json if s["origin"] == "command"]
    assert (row["label"], row["text"], row["in_use"]) == ("good", "record sales", False)
    assert "good (no longer a label)" in renamed("seeds", "list", "mood", "--label", "good").out
    assert "known: bad, great" in renamed("seeds", "list", "mood", "--label", "fine", code=2).err


def test_seeds_of_a_label_that_was_renamed_can_be_removed_or_given_another(renamed):
    renamed("adapt", "mood")
    assert "in place of good" in renamed("seeds", "add", "mood", "great", "record sales").out
    assert [s for s in seeds(renamed, "mood") if s[2] == "command"] == [("great", "record sales", "command")]
    assert "no longer" not in renamed("config", "check").out
    renamed.edit('labels = ["great", "bad"]', 'labels = ["superb", "bad"]')
    renamed("adapt", "mood")
    (row,) = [s for s in renamed("seeds", "list", "mood", "--json").json if s["origin"] == "command"]
    assert "removed 1 seed" in renamed("seeds", "remove", row["id"]).out
    assert "no longer" not in renamed("tasks", "show", "mood").out


def test_taking_back_a_correction_puts_a_seed_without_a_label_back(renamed):
    renamed("adapt", "mood")
    store, now = renamed.store(), datetime.now(UTC)
    try:
        before = store.tasks.all_seeds("mood")
        done = correct(store, "mood", Seed("record sales", "great"), now)
        take_back(store, done, now)
        assert [s.seed for s in store.tasks.all_seeds("mood")] == [s.seed for s in before]
    finally:
        store.close()


def test_taking_back_a_correction_that_is_gone_spares_the_seed_that_has_its_id_now(fetched):
    fetched("adapt", "mood")
    store, now = fetched.store(), datetime.now(UTC)
    try:
        done = correct(store, "mood", Seed("record sales", "good"), now)
        store.tasks.remove_seed(done.added)
        assert correct(store, "mood", Seed("another text", "good"), now).added == done.added
        take_back(store, done, now)
        assert "another text" in [s.seed.text for s in store.tasks.all_seeds("mood")]
    finally:
        store.close()


def test_remove_takes_all_or_none(fetched):
    fetched("seeds", "add", "topic", "court", "one")
    fetched("seeds", "add", "topic", "court", "two")
    ids = [s["id"] for s in fetched("seeds", "list", "topic", "--json").json]
    assert "no seed 999" in fetched("seeds", "remove", *ids, 999, code=1).err
    assert len(seeds(fetched)) == 2
    assert "removed 2 seeds" in fetched("seeds", "remove", *ids).out
    assert seeds(fetched) == []


def test_remove_says_who_owns_a_seed(fetched):
    ids = {s["origin"]: s["id"] for s in fetched("seeds", "list", "mood", "--json").json}
    assert "the seeds file: remove it there" in fetched("seeds", "remove", ids["file"], code=1).err
    assert "the task's adapter" in fetched("seeds", "remove", ids["adapter"], code=1).err


def test_a_running_monitor_takes_seeds_up(fetched):
    with DaemonLock(fetched.database):
        assert "the running monitor (process" in fetched("seeds", "add", "topic", "court", "text").out


# -- corrections -------------------------------------------------------------------------


def test_a_correction_takes_the_place_of_the_earlier_label(fetched):
    fetched("seeds", "add", "mood", "bad", "record  sales")
    said = fetched("seeds", "add", "mood", "good", "record sales")
    assert "added a seed of good in place of bad; the next `monitor run`" in said.out
    assert said.err == ""
    commanded = [(label, text) for label, text, origin in seeds(fetched, "mood") if origin == "command"]
    assert commanded == [("good", "record sales")]


def test_a_text_is_corrected_whatever_its_case_and_how_its_letters_are_coded(fetched):
    for label, text in (("good", "Café Sales"), ("bad", "cafe\u0301 sales"), ("good", "Café Sales")):
        assert f"added a seed of {label}" in fetched("seeds", "add", "mood", label, text).out
        said = fetched("classify", "Café  SALES", "--task", "mood", "--json").json
        assert said[0]["predictions"]["mood"] == {"label": label, "probability": 1.0, "abstained": False}
    commanded = [(label, text) for label, text, origin in seeds(fetched, "mood") if origin == "command"]
    assert commanded == [("good", "Café Sales")]


def test_several_labels_a_text_do_not_contradict_each_other(fetched):
    fetched("seeds", "add", "topic", "court", "a fine eats the profit")
    said = fetched("seeds", "add", "topic", "money", "a fine eats the profit")
    assert "added a seed of money;" in said.out
    assert [label for label, _, _ in seeds(fetched)] == ["court", "money"]


@pytest.mark.parametrize(
    ("text", "owner"),
    [("awful failure", "the seeds file still calls this text bad"), ("terrible loss", "the task's adapter")],
)
def test_what_others_own_is_named_where_it_contradicts(fetched, text, owner):
    said = fetched("seeds", "add", "mood", "good", text)
    assert "added a seed of good;" in said.out
    assert owner in said.err
    assert {label for label, seed, _ in seeds(fetched, "mood") if seed == text} == {"bad", "good"}


def test_a_documents_seed_is_exactly_what_the_task_reads(fetched):
    store = fetched.store()
    store.connection.execute("update documents set title = ' A headline ', text = 'and a text ' where id = 1")
    store.close()
    fetched("seeds", "add", "mood", "bad", "--document", 1)
    (seed,) = [s for s in fetched("seeds", "list", "mood", "--json").json if s["document_id"]]
    assert seed["text"] == "A headline \nand a text"


GOOD = (
    "great win",
    "wonderful win",
    "great success",
    "wonderful success",
    "win and success",
    "great and wonderful",
)
BAD = (
    "terrible loss",
    "awful failure",
    "terrible failure",
    "awful loss",
    "loss and failure",
    "terrible and awful",
)


def learned(monitor, good=GOOD, bad=BAD):
    rows = [f"{text},good" for text in good] + [f"{text},bad" for text in bad]
    monitor("seeds", "import", "mood", monitor.write("more.csv", "\n".join(["text,label", *rows])))


def test_check_names_what_slipped(monitor):
    learned(monitor, bad=[*BAD, "a great and wonderful success"])
    said = monitor("seeds", "check", "mood", "--json").json
    (slip,) = said["doubtful"]
    assert (slip["label"], slip["looks_like"], slip["origin"]) == ("bad", "good", "command")
    assert slip["times"] > 20
    assert (said["task"], said["judged"], said["left_out"], said["swapped"]) == ("mood", 11, 0, [])
    shown = monitor("seeds", "check", "mood").out
    assert "a great and wonderful success" in shown
    assert "awful failure" not in shown
    monitor("seeds", "remove", slip["id"])
    assert "none of your 10 seeds looks wrong by itself" in monitor("seeds", "check", "mood").out


def test_check_leaves_out_seeds_that_nobody_can_change(monitor):
    # the owner's examples say the reverse of those that come with the task
    learned(monitor, good=BAD, bad=GOOD)
    said = monitor("seeds", "check", "mood").out
    assert said.endswith("1 doubtful seed that comes with the task is left out; --shipped lists it\n")
    assert "adapter" not in said
    own = monitor("seeds", "check", "mood", "--json").json
    assert (own["left_out"], own["judged"]) == (1, len(GOOD + BAD) + 2)
    every = monitor("seeds", "check", "mood", "--shipped", "--json").json
    assert [row["origin"] for row in every["doubtful"]] == ["adapter"]
    assert (every["left_out"], every["judged"]) == (0, own["judged"] + 2)


def test_check_names_labels_that_are_swapped(monitor):
    monitor.edit('adapter = "mood"\nseeds = "mood.csv"', 'labels = ["terrible loss", "great win"]')
    monitor.edit(', mood = "bad" }', " }")
    days = ("monday", "tuesday", "friday", "sunday", "any day")
    other = {"terrible loss": "great win", "great win": "terrible loss"}
    rows = [f"a {name} on {day},{other[name]}" for name in other for day in days]
    monitor("seeds", "import", "mood", monitor.write("all.csv", "\n".join(["text,label", *rows])))
    assert monitor("seeds", "check", "mood", "--json").json["swapped"] == [["terrible loss", "great win"]]
    said = monitor("seeds", "check", "mood").out
    assert "seeds of terrible loss are more like the name of great win, and the reverse" in said


def test_check_writes_nothing_and_does_not_doubt_the_seed_of_a_label_that_has_one(fetched):
    before = fetched.store()
    rows = before.connection.execute("select count(*) from features").fetchone()
    before.close()
    fetched("seeds", "add", "topic", "court", "the judge ruled")
    assert "no label with a seed of yours has four seeds" in fetched("seeds", "check", "topic").out
    after = fetched.store()
    assert after.connection.execute("select count(*) from features").fetchone() == rows
    after.close()
    assert "known: mood, topic" in fetched("seeds", "check", "nothing", code=2).err


def test_a_running_monitor_learns_from_a_correction_and_reads_the_past_again(monitor):
    """The real scheduler with its threads; the correction comes through another connection."""
    twin = "zeppelin umbrella marmalade"
    monitor.write("news.txt", f"terrible loss\n{twin}\n{twin}!\n")
    monitor.edit('every = "5m"', 'every = "1s"')
    monitor("db", "migrate")
    app = App(monitor.config)
    config, plugins = app.load()
    store = monitor.store()
    runtime = Runtime(config, plugins, store, make_encoder(config))
    runtime.synchronise(app.now())
    scheduler = Scheduler(runtime)
    scheduler.start()
    try:

        def said_of(text):
            found = [d for d in store.documents.find(limit=None) if d.text == text]
            said = store.predictions.of([d.id for d in found])
            return [said[d.id]["mood"][0] for d in found if "mood" in said.get(d.id, {})]

        def until(condition):
            deadline, pause = time.monotonic() + 120, threading.Event()
            while not condition():
                assert time.monotonic() < deadline
                pause.wait(0.05)

        until(lambda: said_of(twin) and said_of(f"{twin}!"))
        label = said_of(twin)[0].label
        other = {"bad": "good", "good": "bad"}[label]
        document = next(d for d in store.documents.find(limit=None) if d.text == twin)
        monitor("seeds", "add", "mood", other, "--document", document.id)
        # the past, this document and the like, without anybody asking
        until(lambda: {p.label for p in said_of(twin) + said_of(f"{twin}!")} == {other})
        # and what comes next
        with (monitor.folder / "news.txt").open("a") as news:
            news.write(f"again: {twin}\n")
        until(lambda: said_of(f"again: {twin}"))
        assert said_of(f"again: {twin}")[0].label == other
    finally:
        assert scheduler.stop(60)
        runtime.close()
        store.close()
    monitor("db", "check")
