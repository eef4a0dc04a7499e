"""monitor tasks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from monitor.store import Store
from monitor.store.lock import DaemonLock
from monitor.store.predictions import Answer
from monitor.types import Prediction
from tests.cli.conftest import Mood


def test_add_makes_a_task_with_labels_descriptions_and_seeds(monitor):
    file = monitor.write(
        "own.csv", "text,label\nthe server burns,urgent\nsome day,routine\nsome day,routine\n"
    )
    said = monitor(
        "tasks", "add", "urgency", "--label", "urgent=act within = the hour", "--label", "routine",
        "--threshold", "0.4", "--seeds", file,
    )  # fmt: skip
    assert "added the task urgency with 2 labels and 2 seeds; the next `monitor run` takes it up" in said.out
    record = monitor("tasks", "show", "urgency", "--json").json
    assert record["labels"] == {"urgent": "act within = the hour", "routine": ""}
    assert (record["origin"], record["adapter"], record["multi"], record["threshold"]) == (
        "command",
        "labels",
        False,
        0.4,
    )
    assert record["seeds"]["urgent"] == {"adapter": 0, "file": 0, "command": 1}
    assert record["head"] is None


def test_add_without_examples_says_what_to_expect_and_what_to_do(monitor):
    labels = ("--label", "urgent", "--label", "routine")
    (note,) = monitor("tasks", "add", "how urgent", *labels).err.splitlines()
    assert note.startswith("note: it knows only what its labels are called: half of its answers may be wrong")
    assert "`monitor label 'how urgent'`" in note
    file = monitor.write("own.csv", "text,label\nthe server burns,urgent\nsome day,routine\n")
    assert monitor("tasks", "add", "seeded", *labels, "--seeds", file).err == ""
    assert monitor("tasks", "add", "second", "--adapter", "mood").err == "", "its adapter brings examples"
    assert monitor("tasks", "show", "how urgent", "--json").json["notes"] == [], "it is said once"


@pytest.mark.parametrize("error", [RuntimeError("no\nlabels"), SystemExit(0)])
@pytest.mark.parametrize("method", ["__init__", "labels", "seeds"])
def test_an_adapter_that_raises_is_one_line_and_adds_nothing(fetched, monkeypatch, method, error):
    def fail(self, *given):
        raise error

    monkeypatch.setattr(Mood, method, fail)
    fetched.edit('adapter = "mood"', 'adapter = "labels"\nlabels = ["bad", "good"]')
    said = fetched("tasks", "add", "second", "--adapter", "mood", code=1)
    one_line = " ".join(f"{type(error).__name__}: {error}".split())
    assert said.err == f"Error: the task adapter 'mood' raised {one_line}\n"
    assert "second" not in fetched("tasks", "list").out


def test_a_seed_of_a_document_whose_adapter_cannot_be_made_is_one_line(fetched, monkeypatch):
    def fail(self, *given):
        raise RuntimeError("not today")

    monkeypatch.setattr(Mood, "__init__", fail)
    said = fetched("seeds", "add", "mood", "bad", "--document", "1", code=1)
    assert said.err == "Error: the task adapter 'mood' raised RuntimeError: not today\n"


def test_add_takes_labels_and_seeds_of_an_adapter(monitor):
    monitor("tasks", "add", "second", "--adapter", "mood", "--multi")
    record = monitor("tasks", "show", "second", "--json").json
    assert record["labels"] == {"bad": "something went wrong", "good": "something went well"}
    assert record["multi"] is True
    assert record["seeds"]["good"] == {"adapter": 1, "file": 0, "command": 0}


def test_add_says_whose_texts_a_task_reads(fetched):
    two = ["--label", "a", "--label", "b"]
    fetched("tasks", "add", "wide", *two)
    fetched("tasks", "add", "desk", *two, "--role", "agent", "--role", "customer", "--role", "agent")
    fetched("tasks", "add", "news", "--adapter", "topic", "--role", "customer")
    shown = {r["name"]: (r["roles"], r["settings"]) for r in fetched("tasks", "list", "--json").json}
    assert shown["desk"] == (["agent", "customer"], {"roles": ["agent", "customer"]})
    assert shown["news"] == (["customer"], {"roles": ["customer"]})
    assert shown["wide"] == (["publisher", "customer", "agent"], {})
    assert shown["mood"] == (None, {})  # its adapter has no such setting
    assert "roles:        agent, customer\n" in fetched("tasks", "show", "desk").out
    assert "roles:" not in fetched("tasks", "show", "mood").out
    # the texts of the source are a publisher's
    fetched("adapt")
    assert len(fetched("label", "wide", "--batch", 9, "--json").json) == 2
    assert fetched("label", "desk", "--batch", 9, "--json").json == []
    assert "not read document 1" in fetched("seeds", "add", "desk", "a", "--document", 1, code=1).err
    fetched("tasks", "remove", "desk")
    fetched("tasks", "add", "desk", *two, "--role", "publisher")
    assert fetched("tasks", "show", "desk", "--json").json["roles"] == ["publisher"]
    assert len(fetched("label", "desk", "--batch", 9, "--json").json) == 2


def test_add_refuses_a_task_of_the_configuration_and_says_where_to_edit_it(monitor):
    said = monitor("tasks", "add", "mood", "--label", "a", "--label", "b", code=1)
    assert f"comes from {monitor.config}: edit it there" in said.err
    assert not monitor.database.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["x", "--label", "only"], 1, "one label only"),
        (
            ["x", "--label", "Urgent=now", "--label", "urgent"],
            1,
            "'Urgent' and 'urgent' of the task 'x' differ only",
        ),
        (["x"], 1, "has no labels; give some with --label NAME\n"),
        (["labels"], 1, "has no labels; give some with --label NAME\n"),
        (["x", "--label", "a"], 1, "has one label only; give another with --label NAME, or say --multi\n"),
        (["x", "--label", "a", "--label", "a=again"], 2, "given twice"),
        (["x", "--label", "a", "--label", "*"], 1, "'*' cannot be a label"),
        (["x", "--label", "a", "--label", "\u200b"], 1, "cannot be a label"),
        (["x", "--label", "a", "--label", "b", "--threshold", "nan"], 1, "must be a probability from 0 to 1"),
        (["x", "--label", "a", "--label", "=text"], 1, "cannot be a label"),
        (["x", "--adapter", "nope"], 2, "known:"),
        (
            ["x", "--label", "a", "--label", "b", "--role", "boss"],
            2,
            "'boss' is not one of 'customer', 'agent'",
        ),
        (
            ["x", "--adapter", "mood", "--role", "agent"],
            1,
            "the adapter 'mood' itself decides whose texts are read: give the command without --role",
        ),
        (["x", "--label", "a", "--label", "b", "--threshold", "1.5"], 2, "0<=x<=1"),
        (["", "--label", "a", "--label", "b"], 2, "NAME"),
        (["a/b", "--label", "a", "--label", "b"], 2, "NAME"),
    ],
)
def test_add_refuses_what_cannot_be_a_task(monitor, arguments, code, message):
    assert message in monitor("tasks", "add", *arguments, code=code).err
    assert not monitor.database.exists()


def test_add_with_seeds_of_unknown_labels_adds_nothing(monitor):
    file = monitor.write("own.csv", "text,label\nfine,a\nsome text,c\n")
    said = monitor("tasks", "add", "x", "--label", "a", "--label", "b", "--seeds", file, code=2)
    assert "line 3" in said.err
    assert "known: a, b" in said.err
    assert not monitor.database.exists()
    missing = monitor("tasks", "add", "x", "--label", "a", "--label", "b", "--seeds", "none.csv", code=1)
    assert "none.csv cannot be read" in missing.err


def test_add_refuses_a_name_twice(monitor):
    monitor("tasks", "add", "x", "--label", "a", "--label", "b")
    said = monitor("tasks", "add", "x", "--label", "a", "--label", "b", code=1)
    assert "there is a task 'x' already, in the database" in said.err


def test_labels_that_are_described_unevenly_are_worth_a_note_while_seeds_are_few(monitor):
    note = (
        "note: 2 of 3 labels have a description: describe all or none, "
        "for a described label draws too many texts, or too few"
    )
    even = ["--label", "a=what is an a", "--label", "b=what is a b"]
    assert "description" not in monitor("tasks", "add", "even", *even).err
    assert "description" not in monitor("tasks", "add", "bare", "--label", "a", "--label", "b").err
    assert monitor("tasks", "add", "x", *even, "--label", "c").err.endswith(note + "\n")
    assert note.removeprefix("note: ") in monitor("tasks", "show", "x", "--json").json["notes"][0]
    assert "note:         2 of 3 labels" in monitor("tasks", "show", "x").out
    assert monitor("tasks", "show", "even", "--json").json["notes"] == []
    assert monitor("tasks", "extend", "even", "c", code=0).err == note + "\n"
    assert monitor("tasks", "extend", "bare", "c", "--description", "what is a c").err == (
        note.replace("2 of 3 labels have", "1 of 3 labels has") + "\n"
    )
    rows = "".join(f"text {n} of {label},{label}\n" for n in range(4) for label in "abc")
    monitor("seeds", "import", "x", monitor.write("own.csv", f"text,label\n{rows}"))
    assert monitor("tasks", "show", "x", "--json").json["notes"] == []
    # what a file describes is looked at before anything runs
    assert monitor("config", "check", "--json").json["notes"] == [
        f"bare: {note.removeprefix('note: ').replace('2 of 3 labels have', '1 of 3 labels has')}",
        f"even: {note.removeprefix('note: ')}",
    ]
    monitor.edit('money = "profit and sales"', 'money = ""')
    assert "note:         topic: 1 of 2 labels has a description" in monitor("config", "check").out
    assert not any(s.startswith("mood") for s in monitor("config", "check", "--json").json["notes"])


def test_texts_that_are_examples_of_two_labels_are_worth_a_note_where_a_text_has_one(monitor):
    rows = "text,label\nThe till is shut,bad\nall is well,good\nthe  till is shut,good\n"
    (monitor.folder / "mood.csv").write_text(rows)
    (note,) = monitor("config", "check", "--json").json["notes"]
    assert note == (
        "mood: a text is an example of several labels, of which a text has one: 'The till is shut' of 'bad' and 'good'"
    )
    (monitor.folder / "topic.csv").write_text("text,label\nfine for profit,court\nfine for profit,money\n")
    assert len(monitor("config", "check", "--json").json["notes"]) == 1, "there a text may have several"


def test_list_and_show_say_where_a_task_comes_from(fetched):
    fetched("tasks", "add", "urgency", "--label", "urgent", "--label", "routine")
    records = {r["name"]: r for r in fetched("tasks", "list", "--json").json}
    assert {name: r["origin"] for name, r in records.items()} == {
        "mood": "config",
        "topic": "config",
        "urgency": "command",
    }
    assert records["mood"]["seeds"] == {
        "bad": {"adapter": 1, "file": 1, "command": 0},
        "good": {"adapter": 1, "file": 1, "command": 0},
    }
    lines = {line.split()[0]: line for line in fetched("tasks", "list").out.splitlines()}
    assert "the configuration" in lines["mood"]
    assert "`tasks add`" in lines["urgency"]
    shown = fetched("tasks", "show", "topic").out
    assert str(fetched.config) in shown
    assert "several labels a text" in shown
    assert "lawsuits and fines" in shown


def test_show_names_the_head_in_use(fetched):
    fetched("adapt", "mood")
    fetched("seeds", "add", "mood", "bad", "a broken promise")
    fetched("adapt", "mood")
    record = fetched("tasks", "show", "mood", "--json").json
    assert (record["head"]["version"], record["head"]["seeds"], record["versions"]) == (2, 5, 2)
    assert (record["head"]["depth"], record["head"]["view"]) == ("seeds", "base")
    shown = fetched("tasks", "show", "mood").out
    assert "version 2" in shown
    assert "seeds, in the view base\n" in shown


def test_show_gives_a_share_of_left_out_seeds_only_where_there_are_some_twenty(fetched):
    assert "quality:" not in fetched("tasks", "show", "mood").out
    fetched("adapt")
    head = fetched("tasks", "show", "mood", "--json").json["head"]
    assert head["judged"] == 4
    right = round(4 * head["accuracy"])
    few = f"quality:      tells {right} of 4 left-out seeds right; too few to tell much\n"
    assert few in fetched("tasks", "show", "mood").out
    assert "quality:      not known without seeds\n" in fetched("tasks", "show", "topic").out
    rows = [
        f"{word} number {n},{label}" for n in range(9) for word, label in (("loss", "bad"), ("win", "good"))
    ]
    fetched.write("more.csv", "\n".join(["text,label", *rows, *(f"see you {n},(none)" for n in range(9))]))
    fetched("seeds", "import", "mood", fetched.folder / "more.csv")
    fetched("seeds", "add", "topic", "court", "a fine and a lawsuit")
    fetched("adapt")
    head = fetched("tasks", "show", "mood", "--json").json["head"]
    assert (head["seeds"], head["judged"]) == (31, 22)
    many = f"quality:      tells {head['accuracy']:.0%} of 22 left-out seeds right\n"
    assert many in fetched("tasks", "show", "mood").out
    one = fetched("tasks", "show", "topic", "--json").json["head"]
    several = f"gives {one['accuracy']:.0f} of 1 left-out seed exactly their labels; too few to tell much\n"
    assert several in fetched("tasks", "show", "topic").out
    store = fetched.store()
    store.connection.execute("update heads set judged = null")  # of heads made long ago it is not known
    store.close()
    many = f"quality:      tells {head['accuracy']:.0%} of left-out seeds right\n"
    assert many in fetched("tasks", "show", "mood").out
    assert "quality:      too few seeds to tell\n" in fetched("tasks", "show", "topic").out


def test_show_names_the_thresholds_in_use(fetched):
    assert "threshold:    chosen by the learner\n" in fetched("tasks", "show", "mood").out
    fetched("adapt")
    head = fetched("tasks", "show", "mood", "--json").json["head"]
    assert head["thresholds"].keys() == {"bad", "good"}
    assert len(set(head["thresholds"].values())) == 1
    least = head["thresholds"]["bad"]
    assert f"threshold:    {least:.2f}, chosen by the learner\n" in fetched("tasks", "show", "mood").out
    said = fetched("tasks", "show", "topic").out
    own = fetched("tasks", "show", "topic", "--json").json["head"]["thresholds"]
    assert "threshold:    chosen by the learner, for each label\n" in said
    rows = {line.split()[0]: line.split() for line in said.partition("\n\n")[2].splitlines()}
    assert rows["label"][-2:] == ["threshold", "description"]
    assert rows["court"][4] == f"{own['court']:.2f}"
    fetched.edit('adapter = "mood"', 'adapter = "mood"\nthreshold = 0.995')
    fetched("adapt")
    assert "threshold:    0.995\n" in fetched("tasks", "show", "mood").out
    assert fetched("tasks", "show", "mood", "--json").json["head"]["thresholds"]["good"] == 0.995
    store = fetched.store()
    store.connection.execute("update heads set data = x'00'")
    store.close()
    assert fetched("tasks", "show", "topic", "--json").json["head"]["thresholds"] is None
    assert "threshold:    chosen by the learner\n" in fetched("tasks", "show", "topic").out


def test_show_lists_known_tasks(fetched):
    assert "known: mood, topic" in fetched("tasks", "show", "nope", code=2).err


def test_remove_puts_a_task_to_rest_and_keeps_its_seeds(monitor):
    monitor("tasks", "add", "x", "--label", "a", "--label", "b")
    monitor("seeds", "add", "x", "a", "some text")
    assert "removed the task x" in monitor("tasks", "remove", "x").out
    assert "x" not in {r["name"] for r in monitor("tasks", "list", "--json").json}
    monitor("tasks", "remove", "x", code=2)
    monitor("tasks", "add", "x", "--label", "a", "--label", "c")
    assert monitor("tasks", "show", "x", "--json").json["seeds"]["a"]["command"] == 1


def test_a_task_that_reads_others_from_now_on_reads_the_past_again(fetched):
    def add(*options):
        fetched("tasks", "add", "x", "--label", "a", "--label", "b", *options)
        fetched("run", "--once", "--no-view")
        documents = fetched("documents", "list", "--json").json
        return [document for document in documents if "x" in document["predictions"]]

    assert {document["role"] for document in add()} == {"publisher"}
    fetched("tasks", "remove", "x")
    assert add("--role", "customer") == []
    fetched("tasks", "remove", "x")
    assert len(add("--role", "publisher")) == 2
    fetched("db", "check")


@pytest.mark.parametrize(
    "table",
    [
        '[[rules]]\nname = "many-a"\nkind = "threshold"\nat_least = 3\nwhere = { x = "a" }\n',
        '[[rules]]\nname = "odd"\nkind = "model"\ntasks = ["x"]\n',
        '[[digests]]\nname = "morning"\nat = "08:00"\nzone = "Europe/Vienna"\ntasks = ["x"]\n',
    ],
)
def test_remove_refuses_tasks_that_the_configuration_has_or_needs(fetched, table):
    assert "comes from the configuration file" in fetched("tasks", "remove", "mood", code=1).err
    fetched("tasks", "add", "x", "--label", "a", "--label", "b")
    fetched.config.write_text(f"{fetched.config.read_text()}\n{table}")
    fetched("config", "check")
    refused = fetched("tasks", "remove", "x", code=1).err
    assert "the configuration needs the task 'x', so change it first: " in refused
    assert len(refused.splitlines()) == 1
    assert "x" in [task["name"] for task in fetched("tasks", "list", "--json").json]


def test_what_a_removed_task_said_is_shown_nowhere(fetched):
    fetched("tasks", "add", "x", "--label", "a", "--label", "b")
    store = fetched.store()
    ids = [document.id for document in store.documents.find()]
    now = datetime.now(UTC)
    head = store.heads.add("x", inputs="x", encoder="e", seeds=0, data=b"", now=now).id
    for id_ in ids:
        store.predictions.record(id_, {"x": Answer([Prediction("a", 0.9, False)], head)})
    assert len(ids) == 2
    assert store.predictions.shown(ids)[ids[0]].keys() == {"x"}
    store.close()
    assert {"x": "a"} in [s["selection"] for s in fetched("trends", "--json").json["series"]]
    fetched("tasks", "remove", "x")
    assert [s["selection"] for s in fetched("trends", "--json").json["series"]] == [{}]
    assert "x=a" not in fetched("documents", "list").out
    assert all("x" not in d["predictions"] for d in fetched("documents", "list", "--json").json)
    assert "x:" not in fetched("documents", "show", ids[0]).out
    digest = fetched("digest", "--json").json
    assert "x" not in digest["unlabelled"]
    store = fetched.store()
    assert store.predictions.of(ids)[ids[0]].keys() == {"x"}
    store.close()
    fetched("tasks", "add", "x", "--label", "a", "--label", "b")
    assert "x=a" in fetched("documents", "list").out


def test_changes_say_that_a_running_monitor_takes_them_up(fetched):
    with DaemonLock(fetched.database):
        said = fetched("tasks", "add", "x", "--label", "a", "--label", "b")
    assert "the running monitor (process" in said.out


def test_extend_gives_a_task_of_the_database_a_label_with_documents_as_examples(fetched):
    fetched("tasks", "add", "urgency", "--label", "urgent", "--label", "routine")
    said = fetched("tasks", "extend", "urgency", "odd", "--description", "neither", "--seed", "1")
    assert "added the label odd to the task urgency, with 1 example;" in said.out
    again = fetched("tasks", "extend", "urgency", "odd", "--seed", "2").out
    fetched("tasks", "extend", "urgency", "routine", "--description", "can wait")
    assert fetched("tasks", "show", "urgency", "--json").json["labels"]["routine"] == "can wait"
    assert "the task urgency has the label odd, with 1 example;" in again
    task = fetched("tasks", "show", "urgency", "--json").json
    assert task["labels"]["odd"] == "neither"
    assert task["seeds"]["odd"]["command"] == 2
    unknown = fetched("tasks", "extend", "urgency", "new", "--seed", "999", code=1)
    assert "there is no document 999" in unknown.err
    twin = fetched("tasks", "extend", "urgency", "Odd", code=1).err
    assert "has the label 'odd', which differs from 'Odd' only in case or spaces: use that one" in twin
    assert "new" not in fetched("tasks", "show", "urgency", "--json").json["labels"]
    # twins that an older version let in stand in the way of nothing else
    store = Store(fetched.database)
    store.tasks.write("update tasks set labels = ? where name = 'urgency'", ['{"urgent": "", "Urgent": ""}'])
    store.close()
    assert "added the label odd" in fetched("tasks", "extend", "urgency", "odd", "--seed", "1").out


def test_extend_leaves_labels_of_the_configuration_to_the_configuration(fetched):
    err = fetched("tasks", "extend", "topic", "voucher", "--seed", "1", code=1).err
    assert (
        "add the label 'voucher' there, beside those that it has (which are gone otherwise), and give" in err
    )
    assert "with 1 example;" in fetched("tasks", "extend", "topic", "court", "--seed", "1").out
    assert "cannot be a label" in fetched("tasks", "extend", "topic", "*", code=2).err
    assert "cannot be a label" in fetched("tasks", "extend", "topic", "(none)", code=2).err
    assert "cannot be a label" in fetched("tasks", "extend", "topic", "\u200b", code=2).err


def test_add_names_the_adapter_that_is_called_like_the_task(monitor):
    monitor.edit('name = "mood"\nadapter = "mood"', 'name = "tone"\nadapter = "mood"')
    monitor.edit('where = { topic = "*", mood = "bad" }', 'where = { topic = "*" }')
    assert "has no labels; --adapter mood brings some\n" in monitor("tasks", "add", "mood", code=1).err
