"""monitor alerts preview."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest


def test_a_preview_is_made_of_texts_that_are_there_and_leaves_nothing(fetched):
    before = fetched.store()
    counts = before.row_counts()
    before.close()
    got = fetched("alerts", "preview", "court")
    assert "nothing is sent" in got.err
    assert "[court]" in got.out
    (number,) = re.findall(r"monitor alerts ack (\d+)", got.out)
    assert f"Alert {number} does not exist, nor does a made-up text: such numbers are examples." in got.err
    after = fetched.store()
    assert after.row_counts() == counts
    after.close()
    assert not (fetched.folder / "sent.jsonl").exists()


def test_a_preview_of_words_is_made_of_texts_that_say_them(fetched):
    fetched("run", "--once", "--no-view")
    with fetched.config.open("a") as file:
        file.write('\n[[rules]]\nname = "words"\nkind = "keyword"\nwords = ["terrible", "wonder"]\n')
    got = fetched("alerts", "preview", "words")
    assert "made of 1 text of all documents, as the rule would have fired last, at 20" in got.err
    assert "terrible loss" in got.out
    assert "wonderful" not in got.out
    fetched.edit('words = ["terrible", "wonder"]', 'words = ["flood"]')
    got = fetched("alerts", "preview", "words")
    assert "made of 1 made-up text; nothing is sent" in got.err
    assert "1 text with 'flood': \"flood: " in got.out
    assert "flood: Nobody answers" in got.out


def test_a_preview_is_not_of_a_time_to_come(fetched):
    fetched("run", "--once", "--no-view")
    seen = fetched("alerts", "preview", "court", "--json").json["data"]
    assert datetime.fromisoformat(seen["fired_at"]) <= datetime.now(UTC)


def test_without_texts_they_are_made_up_and_it_says_so(monitor):
    got = monitor("alerts", "preview", "bad-news")
    said = "5 made-up texts; the figures and times are made up, since the rule would not have fired in the last 28 days"
    assert said in got.err
    assert "the parcel is two weeks late" in got.out
    assert not (monitor.folder / "data").exists()


def test_files_and_json(fetched):
    page, png = fetched.folder / "a.html", fetched.folder / "a.png"
    record = fetched("alerts", "preview", "court", "--json", "--html", page, "--resolved").json
    assert record.keys() == {"event", "title", "body", "html", "data", "made_of"}
    assert record["event"] == "resolved"
    assert record["title"].startswith("Over after ")
    assert record["data"]["evidence"]["texts"]
    assert page.read_text().startswith("<!doctype html>")
    got = fetched("alerts", "preview", "court", "--picture", png, code=1)
    assert "there is no picture: nothing was counted" in got.err


def test_in_the_words_of_a_notifier(fetched):
    with (fetched.folder / "config.toml").open("a") as file:
        file.write('title_template = "{{ alert.rule | upper }}"\nbody_template = "{{ alert.nothing }}"\n')
    assert (
        "the template fails: UndefinedError"
        in fetched("alerts", "preview", "court", "--notifier", "desk", code=1).err
    )
    fetched.edit("{{ alert.nothing }}", "{{ what }}")
    assert fetched("alerts", "preview", "court", "--notifier", "desk").out.startswith("COURT\n\n")
    page = fetched.folder / "a.html"
    assert (
        "there is no HTML"
        in fetched("alerts", "preview", "court", "--notifier", "desk", "--html", page, code=1).err
    )


@pytest.mark.parametrize(
    ("words", "said"), [(["nope"], "known: bad-news, court"), (["court", "--notifier", "x"], "known: desk")]
)
def test_unknown_names(fetched, words, said):
    assert said in fetched("alerts", "preview", *words, code=2).err


def test_commands_that_a_message_names_are_there(fetched):
    from monitor.alerts.message import COMMANDS
    from monitor.cli.alerts import alerts_command

    known = set(alerts_command.commands)
    named = {run.split()[1] for run, _ in COMMANDS}
    assert {"show", "ack"} <= named & known
