"""monitor adapt."""

from __future__ import annotations

from monitor.learn.deep import DeepFit
from monitor.store.lock import DaemonLock


def heads(monitor):
    records = monitor("tasks", "list", "--json").json
    return {r["name"]: r["head"] and (r["head"]["version"], r["head"]["seeds"]) for r in records}


def test_adapts_every_task_and_leaves_those_alone_where_nothing_changed(fetched):
    out = fetched("adapt").out
    assert [line.split()[:3] for line in out.splitlines()[1:]] == [
        ["mood", "version", "1"],
        ["topic", "version", "1"],
    ]
    assert heads(fetched) == {"mood": (1, 4), "topic": (1, 0)}
    assert "version" not in fetched("adapt").out
    fetched("seeds", "add", "mood", "bad", "a broken promise")
    fetched("adapt")
    assert heads(fetched) == {"mood": (2, 5), "topic": (1, 0)}


def test_adapts_one_task_by_force(fetched):
    fetched("adapt")
    fetched("adapt", "mood", "--force")
    assert heads(fetched) == {"mood": (2, 4), "topic": (1, 0)}


def test_reads_the_past_again(fetched):
    fetched("run", "--once", "--no-view")
    assert (
        fetched("documents", "search", "terrible", "--json").json[0]["predictions"]["mood"]["label"] == "bad"
    )
    for seed in ("terrible loss", "awful failure"):
        fetched("seeds", "add", "mood", "good", f"{seed} again and again, good", code=0)
    fetched("seeds", "add", "mood", "bad", "wonderful growth")
    before = fetched("documents", "search", "wonderful", "--json").json[0]["predictions"]["mood"]
    fetched("adapt", "mood")
    after = fetched("documents", "search", "wonderful", "--json").json[0]["predictions"]["mood"]
    assert before["label"] == "good"
    assert after["label"] == "bad"
    fetched("db", "check")


def test_a_task_that_cannot_be_learned_does_not_stop_the_others(fetched):
    store = fetched.store()
    store.connection.execute("update tasks set adapter = 'gone' where name = 'topic'")
    store.connection.execute("insert into tasks select 'lost', 'gone', '', 0, null, labels, '{}', 'command', 1, "
                             "created_at from tasks where name = 'topic'")  # fmt: skip
    store.close()
    said = fetched("adapt", code=1)
    assert "lost: its adapter cannot be used" in said.err
    assert heads(fetched)["mood"] == (1, 4)


def test_leaves_the_work_to_a_running_monitor(fetched):
    with DaemonLock(fetched.database):
        assert "adapts by itself" in fetched("adapt").out
        assert "known: mood, topic" in fetched("adapt", "nope", code=2).err
        assert "stop it" in fetched("adapt", "--force", code=1).err
    assert heads(fetched) == {"mood": None, "topic": None}


def test_lists_known_tasks(fetched):
    assert "known: mood, topic" in fetched("adapt", "nope", code=2).err


def mood_of(fetched, words):
    return fetched("documents", "search", words, "--json").json[0]["predictions"]["mood"]["label"]


def test_goes_back_to_the_version_before(fetched):
    fetched("run", "--once", "--no-view")
    assert mood_of(fetched, "wonderful") == "good"
    for text in ("wonderful growth", "wonderful growth again", "growth, wonderful"):
        fetched("seeds", "add", "mood", "bad", text)
    fetched("adapt", "mood")
    assert mood_of(fetched, "wonderful") == "bad"
    said = fetched("adapt", "--revert", "mood").out
    assert said == "mood: version 1 is in use again (4 seeds); 1 document of the past got other labels\n"
    assert mood_of(fetched, "wonderful") == "good"
    assert "as it was" in fetched("adapt", "mood").out
    assert heads(fetched)["mood"] == (1, 4)
    assert "no head before version 1" in fetched("adapt", "--revert", "mood", code=1).err
    fetched("seeds", "add", "mood", "bad", "a broken promise")
    assert fetched("adapt", "mood", "--json").json[0]["version"] == 3
    fetched("db", "check")


def test_lists_the_versions_of_a_task(fetched):
    assert "no head yet" in fetched("adapt", "--history", "topic").out
    fetched("adapt")
    fetched("adapt", "mood", "--force")
    reverted = fetched("adapt", "mood", "--revert", "--json").json
    assert reverted == {"task": "mood", "version": 1, "depth": "seeds", "seeds": 4, "reason": "4 seeds",
                        "changed": 0}  # fmt: skip
    newer, older = fetched("adapt", "--history", "mood", "--json").json
    assert newer.keys() == {"version", "active", "created_at", "depth", "view", "encoder", "seeds",
                            "log_loss", "accuracy", "judged", "reason"}  # fmt: skip
    assert [(v["version"], v["active"]) for v in (newer, older)] == [(2, False), (1, True)]
    assert newer["reason"] == "4 seeds; reverted to version 1"
    assert 0 <= older["accuracy"] <= 1
    assert older["judged"] == 4
    assert older["log_loss"] > 0
    lines = fetched("adapt", "--history", "mood").out.splitlines()
    assert lines[2].split()[:3] == ["1", "in", "use"]
    [named] = fetched("adapt", "--history", "topic", "--json").json
    assert (named["depth"], named["reason"]) == ("names", "names alone")
    assert (named["log_loss"], named["accuracy"], named["judged"]) == (None, None, None)


def test_a_score_of_few_seeds_is_not_shown(fetched):
    fetched("adapt", "mood")
    rows = "".join(f"a broken promise {n},bad\n" for n in range(16))
    fetched("seeds", "import", "mood", fetched.write("more.csv", f"text,label\n{rows}"))
    fetched("adapt", "mood")
    _, many, few = fetched("adapt", "--history", "mood").out.splitlines()
    assert "too few seeds" in few
    assert "%" not in few
    assert "%" in many
    assert "too few" not in many


def test_says_why_the_stream_is_not_used(fetched):
    out = fetched("adapt", "mood", "--depth", "stream").out
    assert "mood: not promoted to depth stream: " in out
    assert "too few for 2 labels" in out
    assert heads(fetched)["mood"] == (1, 4)


def test_learns_from_the_stream_and_goes_back_to_seeds_alone(fetched):
    words = {
        "bad": ("terrible", "loss", "awful", "failure"),
        "good": ("wonderful", "win", "great", "success"),
    }
    fetched.write("news.txt", "".join(
        f"{own[n % 4]} {own[(n + 1 + n // 4 % 3) % 4]} item {n}\n" for n in range(60) for own in words.values()
    ))  # fmt: skip
    fetched("sources", "fetch", "news")
    [told] = fetched("adapt", "mood", "--depth", "stream", "--json").json
    assert (told["made"], told["version"], told["depth"], told["note"]) == (True, 2, "stream", "")
    assert fetched("adapt", "--history", "mood", "--json").json[0]["depth"] == "stream"
    assert "as it was" in fetched("adapt", "mood").out
    [told] = fetched("adapt", "mood", "--depth", "seeds", "--json").json
    assert (told["made"], told["version"], told["depth"]) == (True, 3, "seeds")
    assert fetched("adapt", "mood", "--depth", "seeds", "--json").json[0]["made"] is False


def test_options_that_do_not_go_together(fetched):
    assert "--revert goes with a TASK" in fetched("adapt", "--revert", code=2).err
    assert "--history goes with a TASK" in fetched("adapt", "--history", code=2).err
    assert "--revert goes alone" in fetched("adapt", "mood", "--revert", "--force", code=2).err
    assert "known: mood, topic" in fetched("adapt", "--revert", "nope", code=2).err
    assert "known: mood, topic" in fetched("adapt", "--history", "nope", code=2).err


def test_a_running_monitor_takes_up_what_was_reverted(fetched):
    fetched("adapt")
    fetched("adapt", "mood", "--force")
    with DaemonLock(fetched.database):
        assert "stop it to learn at depth stream" in fetched("adapt", "--depth", "stream", code=1).err
        assert fetched("adapt", "--json").json == []
        said = fetched("adapt", "--revert", "mood").out
        assert "takes it up and reads the past again" in said
        assert heads(fetched)["mood"] == (1, 4)


def test_says_why_a_task_is_not_fine_tuned(fetched):
    out = fetched("adapt", "mood", "--depth", "deep").out
    assert "mood: not promoted to depth deep: a label has 2 seeds, and views are fine-tuned from 4 on" in out
    assert heads(fetched)["mood"] == (1, 4)


def test_an_encoder_that_cannot_be_fine_tuned_is_one_line(fetched):
    for label, words in {"bad": ("sad", "grim"), "good": ("glad", "happy")}.items():
        for word in words:
            fetched("seeds", "add", "mood", label, f"a {word} day")
    failed = fetched("adapt", "mood", "--depth", "deep", code=1)
    assert "cannot be fine-tuned" in failed.err
    assert "Traceback" not in failed.err


def test_what_was_fine_tuned_stands_until_seeds_change(fetched, monkeypatch):
    asked = []

    def promoted(task, seeds, encoder, head, *, progress=None):
        asked.append(head.view)
        return DeepFit(head, True, "", -0.2, -0.4, 0.75)

    monkeypatch.setattr("monitor.pipeline.learning.promotion.fit_deep", promoted)
    [told] = fetched("adapt", "mood", "--depth", "deep", "--json").json
    assert (told["made"], told["version"], told["depth"], told["note"]) == (True, 2, "deep", "")
    assert "as it was" in fetched("adapt", "mood", "--depth", "deep").out
    # the stream would be judged by seeds that these layers were tuned on
    out = fetched("adapt", "mood", "--depth", "stream").out
    assert "not promoted to depth stream: it has layers of its own; learn from seeds first" in out
    assert asked == ["base"]
    newest = fetched("adapt", "--history", "mood", "--json").json[0]
    assert (newest["log_loss"], newest["accuracy"], newest["judged"]) == (0.2, 0.75, newest["seeds"])
    assert newest["reason"] == "4 seeds, by fine-tuning base; log-loss was 0.400 without"
    fetched("seeds", "add", "mood", "bad", "a broken promise")
    [told] = fetched("adapt", "mood", "--json").json
    assert (told["version"], told["depth"]) == (3, "seeds")
    [told] = fetched("adapt", "mood", "--depth", "deep", "--json").json
    assert (told["version"], told["depth"]) == (4, "deep")
    [told] = fetched("adapt", "mood", "--depth", "seeds", "--json").json
    assert (told["version"], told["depth"]) == (5, "seeds")


def test_a_damaged_head_is_learned_again_by_whatever_needs_it(fetched):
    fetched("run", "--once", "--no-view")
    for number, command in enumerate(
        [
            ("adapt", "mood"),
            ("run", "--once", "--no-view"),
            ("label", "mood", "--batch", 1),
        ],
        2,
    ):
        damage(fetched)
        fetched(*command)
        assert heads(fetched)["mood"] == (number, 4)
    assert "as it was" in fetched("adapt", "mood").out


def test_a_damaged_head_does_not_keep_a_text_from_its_label(fetched):
    fetched("run", "--once", "--no-view")
    before = fetched("classify", "terrible loss", "--task", "mood", "--json").json
    damage(fetched)
    assert fetched("classify", "terrible loss", "--task", "mood", "--json").json == before
    assert fetched("explain", "terrible loss", "--task", "mood", "--json").json["label"] == "bad"


def damage(monitor):
    store = monitor.store()
    store.connection.execute("update heads set data = substr(data, 1, 100) where task = 'mood'")
    store.close()
