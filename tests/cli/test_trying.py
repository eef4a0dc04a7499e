"""monitor rules test and suggest."""

from __future__ import annotations

import csv
import json
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from monitor.cli.tried import raised_again
from monitor.pipeline.trying import suggesting
from tests.cli.conftest import Mood

START = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """Three weeks of calm, with a wave on the last day."""
    counts = np.random.default_rng(0).poisson(2.0, 21 * 288)
    counts[20 * 288 + 100 :][:4] = [20, 30, 40, 20]
    path = tmp_path / "counts.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["timestamp", "count"])
        for n, count in enumerate(counts):
            writer.writerow([f"{START + n * timedelta(minutes=5):%Y-%m-%d %H:%M:%S}", count])
    return path


def test_a_kind_is_tried_on_a_file_with_scores_and_a_picture(monitor, series, tmp_path):
    scores, picture = tmp_path / "scores.csv", tmp_path / "out.png"
    report = monitor(
        "rules", "test", "surge", "--series", series, "--scores", scores, "--plot", picture, "--json"
    ).json
    (alert,) = report["alerts"]
    assert alert["fired_at"].startswith("2026-01-25T08:25:00")
    assert alert["observed"] >= 20 > alert["expected"]
    assert alert["resolved_at"] > alert["fired_at"]
    assert alert["early"] > 0
    with scores.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 21 * 288
    assert [row["timestamp"] for row in rows if float(row["anomaly_score"]) == 1] == ["2026-01-25 08:20:00"]
    assert max(float(row["anomaly_score"]) for row in rows if row["anomaly_score"] != "1") <= 0.5
    assert picture.read_bytes().startswith(b"\x89PNG")
    text = monitor("rules", "test", "surge", "--series", series).out
    assert "1 alert in 17d on 1 series: 1.8 a month" in text, (
        "nothing fires in the days that are learned from"
    )
    assert report["alerts_a_month"] == pytest.approx(30 / 17)
    assert report["since"] == "2026-01-09T00:00:00Z"
    assert "the first 4d of history are learned from" in text


def test_a_rule_of_the_configuration_is_tried_with_its_settings(monitor, series):
    found = monitor("rules", "test", "court", "--series", series, "--json").json
    assert found["kind"] == "threshold"
    assert found["alerts"][0]["reason"].endswith("at least the 3 that the rule sets")


@pytest.mark.parametrize(
    ("rule", "heads"),
    [
        ("surge", ["texts", "usual", "worst"]),
        ("court", ["texts", "limit", "worst"]),
        ("loss", ["texts", "worst", "early"]),
    ],
)
def test_the_table_says_what_texts_were_held_against(monitor, series, rule, heads):
    monitor.edit(
        "[[notifiers]]", '[[rules]]\nname = "loss"\nkind = "keyword"\nwords = ["loss"]\n[[notifiers]]'
    )
    now = datetime.now(UTC)
    monitor.write("news.txt", "")
    line = json.dumps({"id": "1", "text": "terrible loss", "time": (now - timedelta(days=2)).isoformat()})
    monitor("documents", "import", monitor.write("old.jsonl", line + "\n"))
    monitor("run", "--once")
    of_file = [] if rule == "loss" else ["--series", series]
    said = monitor("rules", "test", rule, *(of_file or ["--as-live"])).out.splitlines()[0].split()
    assert said[3:6] == heads


def test_the_kind_entity_is_tried_on_every_name(monitor):
    monitor.edit('encoder = "hash"', 'encoder = "hash"\n[entities]\nLoss = []\nGrowth = []\nNobody = []\n')
    monitor("run", "--once", "--no-view")
    report = monitor("rules", "test", "entity", "--as-live", "--json").json
    assert sorted(alert["selection"]["entity"] for alert in report["alerts"]) == ["Growth", "Loss"]


def test_the_kind_entity_is_tried_where_there_are_no_names(fetched):
    assert "no series that the rule watches" in fetched("rules", "test", "entity", "--as-live").out


def test_a_kind_is_tried_on_the_database(fetched):
    report = fetched("rules", "test", "surge", "--json").json
    assert (report["alerts"], report["alerts_a_month"], report["series"]) == ([], None, 0)
    text = fetched("rules", "test", "bad-news", "--since", "7d").out
    assert "nothing can fire in the first 4d of history" in text
    assert "there is no series that the rule watches yet" in text


def test_suggestions_are_for_series_that_fired_now_and_then(fetched):
    assert fetched("rules", "suggest", "--json").json == []
    assert "too short to say what would fire a few times a month" in fetched("rules", "suggest").out


def test_suggestions_are_written_as_the_configuration_has_them(monitor):
    monitor.edit(
        "[[notifiers]]", '[[rules]]\nname = "keyword-loss"\nkind = "keyword"\nwords = ["loss"]\n[[notifiers]]'
    )
    now = datetime.now(UTC)
    texts = [("wonderful win", now - timedelta(days=20))]
    texts += [(f"terrible loss {n}", now - timedelta(days=9)) for n in range(12)]
    lines = [{"id": str(n), "text": text, "time": at.isoformat()} for n, (text, at) in enumerate(texts)]
    monitor("documents", "import", monitor.write("old.jsonl", "".join(f"{json.dumps(x)}\n" for x in lines)))
    monitor.write("news.txt", "")
    monitor("run", "--once")
    assert monitor("rules", "suggest", "--since", "30d", "--json").json == []
    said = monitor("rules", "suggest", "--since", "90d", "--as-live")
    rules = {rule["name"]: rule for rule in tomllib.loads(said.out)["rules"]}
    assert rules == {
        "surge-mood": {"name": "surge-mood", "kind": "surge", "where": {"mood": "*"}, "rare": "30d"}
    }, "of those with the same alert times one is enough"
    # A profile begins at the midnight after the first text, and learns for four days.
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    could_fire = (now - midnight + timedelta(days=15)) / timedelta(days=1)
    assert f"# {30 / could_fire:.1f} alerts a month" in said.out, (
        "of the days of 20 known ones in which it could fire, not of the 90 that were asked for"
    )
    assert "; 2 other rules would have fired at the same times\n" in said.out
    assert "# Some may be about good news: no task of the family sentiment has a label `negative`" in said.out
    (found,) = monitor("rules", "suggest", "--since", "90d", "--as-live", "--json").json
    assert (found["name"], found["alike"]) == ("surge-mood", ["threshold-mood", "ratio-mood"])
    report = monitor("rules", "test", "court", "--as-live", "--json").json
    assert (
        now - timedelta(days=20, hours=1) < datetime.fromisoformat(report["since"]) < now - timedelta(days=19)
    )
    assert "no text that counts came earlier" in monitor("rules", "test", "keyword-loss", "--as-live").out
    assert "13 texts came as history" in monitor("rules", "test", "court").out


def test_suggestions_are_for_bad_news_and_the_others_are_counted(monitor, monkeypatch):
    monkeypatch.setattr(Mood, "family", "sentiment")
    monkeypatch.setattr(suggesting, "NEGATIVE", "bad")
    now = datetime.now(UTC)
    texts = [("wonderful win", now - timedelta(days=20))]
    for days, said in [(9, "terrible loss"), (6, "wonderful win")]:
        texts += [(f"{said} {n}", now - timedelta(days=days)) for n in range(12)]
    lines = [{"id": str(n), "text": text, "time": at.isoformat()} for n, (text, at) in enumerate(texts)]
    monitor("documents", "import", monitor.write("old.jsonl", "".join(f"{json.dumps(x)}\n" for x in lines)))
    monitor.write("news.txt", "")
    monitor("run", "--once")
    said = monitor("rules", "suggest", "--as-live").out
    shown = [rule["where"] for rule in tomllib.loads(said)["rules"]]
    assert shown
    assert all(where == {"mood": "bad"} for where in shown)
    assert "# Not for bad news" not in said
    assert "not about bad news; --all prints" in said
    every = monitor("rules", "suggest", "--as-live", "--all").out
    assert len(tomllib.loads(every)["rules"]) > len(shown)
    assert "# Not for bad news: good news raises it as well\n[[rules]]" in every
    found = monitor("rules", "suggest", "--as-live", "--all", "--json").json
    assert [one["negative"] for one in found if not one["remark"]] == [1.0] * len(shown)
    assert {one["remark"] for one in found} == {"", "good news raises it as well"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "no rule or kind is called 'nope'; known: bad-news, "),
        (["threshold"], "the kind threshold has no default for at_least; write it as a rule"),
        (["surge", "--scores", "x.csv"], "--scores needs --series"),
        (["surge", "--series", "gone.csv"], "cannot be read: No such file"),
        (["model"], "cannot be tried on history: they compare what heads said when the texts came"),
        (["new_topic"], "cannot be tried on history: they look for what fitted no label then"),
        (["silence", "--series", "gone.csv"], "cannot be read: No such file"),
        (["keyword"], "the kind keyword has no default for words; write it as a rule"),
    ],
)
def test_what_cannot_be_tried_is_said(fetched, arguments, said):
    failed = fetched("rules", "test", *arguments, code=2 if {"--scores", "nope"} & set(arguments) else 1)
    assert said in failed.err + failed.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,count\n1,2\n", "must have the columns timestamp,count"),
        ("timestamp,count\n2026-01-01,x\n", 'line 2: the count "x" must be a number'),
        ("timestamp,count\n2026-01-01,inf\n", 'line 2: the count "inf" must be a number'),
        (
            "timestamp,count\nfoo,1\n",
            'line 2: the timestamp "foo" must be a time such as 2026-03-04T02:00:00Z',
        ),
        ("timestamp,count\ninf,1\n", 'line 2: the timestamp "inf" must be a time such as'),
        ("timestamp,count\n2026-01-01,1\n2026-01-01,1\n", "line 3: is not after the line before"),
        ("timestamp,count\n2026-01-01,1\n", "fewer than two rows"),
        ("timestamp,count\n2026-01-01,1\n2026-01-02,1\n", "they are 86400 seconds apart"),
    ],
)
def test_a_file_that_cannot_be_used_names_the_line(monitor, tmp_path, text, said):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    failed = monitor("rules", "test", "surge", "--series", path, code=1)
    assert said in failed.err + failed.out


def test_a_drop_is_tried_on_a_file_though_it_has_one_series(monitor, series):
    text = monitor("rules", "test", "drop", "--series", series).out
    assert "in 7d on 1 series" in text
    assert "the first 14d of history are learned from" in text


def test_a_trend_needs_no_whole_unless_it_is_that_of_a_share(monitor, series):
    assert "on 1 series" in monitor("rules", "test", "trend", "--series", series).out
    monitor.edit(
        "[[notifiers]]",
        '[[rules]]\nname = "share"\nkind = "trend"\nwhere = { topic = "court", mood = "bad" }\n'
        'of = "mood"\n[[notifiers]]',
    )
    failed = monitor("rules", "test", "share", "--series", series, code=1)
    assert "needs the whole as well as the part" in failed.err


def test_a_file_that_is_too_short_for_any_alert_says_so(monitor, series):
    lines = series.read_text().splitlines()
    rows = [
        line.split(",")[0] + (",400" if n > 700 else ",2") for n, line in enumerate(lines[1 : 3 * 288 + 1])
    ]
    series.write_text("\n".join([lines[0], *rows]) + "\n")
    text = monitor("rules", "test", "surge", "--series", series).out
    assert (
        "nothing can fire in the first 4d of history, here until 2026-01-09 00:00:00 UTC; there are 3d of it"
        in text
    )
    assert "would not have fired" not in text


@pytest.mark.parametrize(
    ("real", "said"),
    [
        ([], "none again"),
        ([True], "1 again, which was real"),
        ([False], "1 again, which was false"),
        ([True, True, False], "3 again, 2 of them real"),
    ],
)
def test_how_many_judged_alerts_were_raised_again_is_a_sentence(real, said):
    assert raised_again(real) == said
