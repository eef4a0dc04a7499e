"""monitor adapt."""

from __future__ import annotations

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
