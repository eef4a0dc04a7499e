"""The sample: history that repeats for a seed, a feed that grows, a wave that comes."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import tomllib
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import feedparser
import numpy as np
import pytest

from sample import history, live, run
from sample.feed import Feed
from sample.folder import FolderRefused, fresh
from sample.server import PATH, NewsServer
from sample.texts import read_companies, read_conversations, read_news, unconcerned

NOW = datetime(2025, 3, 12, 14, 30, 5, tzinfo=UTC)
ROOT = Path(__file__).parents[1]


@pytest.fixture
def prepared(tmp_path):
    return run.prepare(tmp_path, 1, NOW)


def entries(feed: Feed, seconds: float) -> list:
    """What the feed shows so long after NOW, earliest first."""
    parsed = feedparser.parse(feed.read(NOW + timedelta(seconds=seconds)).body)
    assert not parsed.bozo
    return parsed.entries[::-1]


def published(entry) -> datetime:
    return datetime(*entry.published_parsed[:6], tzinfo=UTC)


def wave_titles() -> set[str]:
    return {item.title for item in read_news() if item.wave}


# ------------------------------------------------------------------------------ texts


def test_texts_are_many_and_distinct():
    news = read_news()
    calm, wave = [n for n in news if not n.wave], [n for n in news if n.wave]
    assert len(calm) >= 330
    assert len(wave) >= 40
    assert len({item.title for item in news}) == len({item.summary for item in news}) == len(news)
    assert max(Counter(" ".join(item.summary.split()[:4]) for item in news).values()) <= 2


def test_texts_have_a_newsrooms_range():
    calm = [item for item in read_news() if not item.wave]
    moods = Counter(item.mood for item in calm)
    assert set(moods) == {"positive", "neutral", "negative"}
    assert 0.1 < moods["negative"] / len(calm) < 0.3
    bad = Counter(item.topic for item in calm if item.mood == "negative")
    assert set(bad) == {item.topic for item in calm}
    assert max(bad.values()) <= 15


def test_the_wave_is_bad_news_about_one_topic():
    assert {(item.topic, item.mood) for item in read_news() if item.wave} == {("litigation", "negative")}


def test_items_that_name_a_company_read_the_same_with_another():
    companies = read_companies()
    marked = [item for item in read_news() if item.company]
    assert len(marked) >= 20
    for item in marked:
        assert item.company in companies
        assert item.company in item.title
        assert item.company.split()[0] not in item.about("Nobody").title + item.about("Nobody").summary


def test_conversations_alternate_between_people_of_known_roles():
    conversations = read_conversations()
    assert len(conversations) >= 40
    assert {turn.role for chat in conversations for turn in chat.turns} == {"customer", "agent"}
    assert all(turn.text.strip() for chat in conversations for turn in chat.turns)


# ---------------------------------------------------------------------------- history


def test_a_seed_repeats_itself_to_the_byte(tmp_path):
    feeds, logs = [], []
    for name, seed in (("one", 5), ("two", 5), ("three", 6)):
        (tmp_path / name).mkdir()
        feed, chats = run.prepare(tmp_path / name, seed, NOW)
        feed.read(NOW)
        chats.write_due(NOW, NOW + timedelta(minutes=10))
        feeds.append(feed.read(NOW + timedelta(minutes=10)).body)
        logs.append([(tmp_path / name / "chats" / f).read_text() for f in ("history.jsonl", "live.jsonl")])
    assert feeds[0] == feeds[1] != feeds[2]
    assert logs[0] == logs[1] != logs[2]


@pytest.mark.parametrize("seed", range(5))
def test_history_spans_three_weeks_and_ends_now(tmp_path, seed):
    feed, _ = run.prepare(tmp_path, seed, NOW)
    times = [published(entry) for entry in entries(feed, 0)]
    lines = [json.loads(line) for line in (tmp_path / "chats" / "history.jsonl").read_text().splitlines()]
    spoken = [datetime.fromisoformat(line["time"]) for line in lines]
    for moments, days in ((times, 20), (spoken, 14)):
        assert moments == sorted(moments)
        assert moments[0] < NOW - timedelta(days=18)
        assert moments[-1] <= NOW
        by_day = Counter((NOW - moment).days for moment in moments)
        assert len(by_day) >= days
    assert 15 <= len(times) / 21 <= 20
    assert len({line["id"] for line in lines}) == len(lines)


def test_nights_and_weekends_are_quieter():
    rng = np.random.default_rng(0)
    times = history.arrivals(rng, 20_000, NOW, 21, history.NEWSROOM)
    assert all(NOW - timedelta(days=21) <= at <= NOW for at in times)
    hours = Counter(at.hour for at in times)
    assert sum(hours[h] for h in range(7, 19)) > 2.5 * sum(hours[h] for h in (19, 20, 21, 22, 23, *range(7)))
    weekend = sum(at.weekday() >= 5 for at in times)
    # Two days of 35 % against five whole ones: 12.3 % of all.
    assert weekend / len(times) == pytest.approx(0.7 / 5.7, abs=0.02)


def test_bad_news_about_the_waves_topic_is_rare_in_history():
    news = {item.title: item for item in read_news()}
    past, still_to_come = history.share_out(np.random.default_rng(1), list(news.values()), 45)
    bad = [item for item in past if item.mood == "negative" and item.topic == "litigation"]
    assert 5 <= len(bad) <= 15
    assert len(still_to_come) == 45
    assert not {item.title for item in past} & {item.title for item in still_to_come}
    later = Counter(item.topic for item in still_to_come if item.mood == "negative")
    assert "litigation" not in later
    assert set(later.values()) == {1}


def test_chat_lines_keep_their_thread_in_order(prepared, tmp_path):
    lines = [json.loads(line) for line in (tmp_path / "chats" / "history.jsonl").read_text().splitlines()]
    said = {}
    for line in lines:
        assert set(line) == {"id", "thread", "role", "time", "text"}
        said.setdefault(line["thread"], []).append(line["text"])
    written = {tuple(turn.text for turn in chat.turns) for chat in read_conversations()}
    assert {tuple(texts) for texts in said.values()} <= written


# ------------------------------------------------------------------------------- feed


def test_the_feed_parses_and_holds_what_was_written(prepared):
    feed, _ = prepared
    shown = entries(feed, 0)
    news = {item.title: item for item in read_news()}
    assert len({entry.id for entry in shown}) == len({entry.link for entry in shown}) == len(shown)
    assert all(entry.summary == news[entry.title].summary for entry in shown)
    assert not wave_titles() & {entry.title for entry in shown}


def test_the_programme_waits_for_the_first_reader(prepared):
    feed, _ = prepared
    first = feed.read(NOW + timedelta(minutes=5))
    assert not any(title.encode() in first.body for title in wave_titles())
    assert feed.started == NOW + timedelta(minutes=5)


@pytest.mark.parametrize("seed", range(5))
def test_the_wave_comes(tmp_path, seed):
    feed, _ = run.prepare(tmp_path, seed, NOW)
    before = entries(feed, 0)
    assert not wave_titles() & {entry.title for entry in entries(feed, 15)}
    shown = entries(feed, 80)
    assert [entry.id for entry in shown[: len(before)]] == [entry.id for entry in before]
    new = shown[len(before) :]
    assert all(NOW < published(entry) + timedelta(seconds=1) <= NOW + timedelta(seconds=81) for entry in new)
    in_wave = [entry for entry in new if entry.title in wave_titles()]
    assert len(in_wave) >= 18
    assert 5 <= len(new) - len(in_wave) <= 15


def test_the_feed_goes_on_all_night_and_stays_bounded(prepared):
    feed, _ = prepared
    feed.read(NOW)
    shown = entries(feed, 12 * 3600)
    assert len(shown) <= 1000
    assert wave_titles() <= {entry.title for entry in shown}
    late = [entry for entry in shown if published(entry) > NOW + timedelta(hours=6)]
    assert 50 <= len(late) <= 150
    assert not any("Halvorne" in entry.title for entry in late)
    assert len({entry.title for entry in late}) > 0.8 * len(late)


def test_companies_of_the_wave_are_left_out_of_other_news():
    names = unconcerned(read_companies(), read_news())
    assert "Halvorne Bank" not in names
    assert len(names) >= 12


# ------------------------------------------------------------------------------- HTTP


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def served(prepared):
    clock = Clock()
    with NewsServer(prepared[0], clock) as server:
        yield server, clock


def get(server: NewsServer, headers=None, path=PATH, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_unchanged_is_304_until_something_comes(served):
    server, clock = served
    status, headers, body = get(server)
    assert status == 200
    assert headers.get_content_type() == "application/rss+xml"
    assert len(feedparser.parse(body).entries) > 300
    for condition in (
        {"If-None-Match": headers["ETag"]},
        {"If-None-Match": f'"other", W/{headers["ETag"]}'},
        {"If-Modified-Since": headers["Last-Modified"]},
    ):
        status, again, nothing = get(server, condition)
        assert (status, nothing, again["ETag"]) == (304, b"", headers["ETag"])
    assert get(server, {"If-None-Match": '"other"'})[0] == 200
    assert get(server, {"If-Modified-Since": "last Tuesday"})[0] == 200

    clock.now += timedelta(seconds=60)
    for condition in (
        {"If-None-Match": headers["ETag"]},
        {"If-Modified-Since": headers["Last-Modified"]},
        # The tag goes before the date.
        {"If-None-Match": headers["ETag"], "If-Modified-Since": "Fri, 31 Dec 2100 00:00:00 GMT"},
    ):
        status, later, grown = get(server, condition)
        assert status == 200
        assert later["ETag"] != headers["ETag"]
        assert len(grown) > len(body)


def test_other_paths_are_404_and_head_has_no_body(served):
    server, _ = served
    assert get(server, path="/")[0] == 404
    status, headers, body = get(server, method="HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) > 10_000


def test_a_closed_server_frees_its_port(prepared, capfd):
    with NewsServer(prepared[0], Clock()) as server:
        assert get(server)[0] == 200
    with pytest.raises(ConnectionError):
        get(server)
    assert capfd.readouterr() == ("", "")


# ------------------------------------------------------------------------------- chats


def test_the_chat_log_grows_by_whole_lines(prepared, tmp_path):
    _, chats = prepared
    log = tmp_path / "chats" / "live.jsonl"
    assert log.read_text() == ""
    seen = ""
    for seconds in range(0, 3600, 60):
        chats.write_due(NOW, NOW + timedelta(seconds=seconds))
        assert log.read_text().startswith(seen)
        seen = log.read_text()
    lines = [json.loads(line) for line in seen.splitlines()]
    spoken = [datetime.fromisoformat(line["time"]) for line in lines]
    assert spoken == sorted(spoken)
    assert NOW <= spoken[0] < NOW + timedelta(minutes=1)
    assert NOW + timedelta(minutes=50) < spoken[-1] < NOW + timedelta(hours=1)
    past = {
        json.loads(line)["id"] for line in (tmp_path / "chats" / "history.jsonl").read_text().splitlines()
    }
    ids = [line["id"] for line in lines]
    assert len(set(ids)) == len(ids)
    assert not past & set(ids)


def test_conversations_overlap_and_keep_their_order():
    conversations = read_conversations()
    programme = live.chats(np.random.default_rng(2), conversations[:10], conversations[10:], 1)
    due = [next(programme) for _ in range(60)]
    assert [at for at, _ in due] == sorted(at for at, _ in due)
    threads = [thread for _, (thread, _, _) in due]
    assert threads != sorted(threads)
    for thread in set(threads):
        turns = [turn for _, (number, turn, _) in due if number == thread]
        assert turns == list(range(len(turns)))


# -------------------------------------------------------------------------- the folder


def test_a_fresh_folder_replaces_an_earlier_one_of_its_own(tmp_path):
    folder = tmp_path / "var" / "sample"
    with fresh(folder):
        (folder / "chats").mkdir()
        (folder / "chats" / "old.jsonl").write_text("old")
        (folder / "monitor.db").write_text("old")
        with pytest.raises(FolderRefused, match="is running"), fresh(folder):
            pass
        assert (folder / "monitor.db").exists()
    with fresh(folder):
        assert [path.name for path in folder.iterdir()] == [".made-by-the-sample"]


def test_what_the_sample_did_not_make_is_refused(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(FolderRefused, match="not made by the sample"), fresh(mine):
        pass
    link = tmp_path / "link"
    link.symlink_to(mine)
    with pytest.raises(FolderRefused, match="not a folder"), fresh(link):
        pass
    assert (mine / "thesis.txt").read_text() == "years of work"
    refused = subprocess.run(
        [sys.executable, "-m", "sample.run", "--folder", str(mine)], cwd=ROOT, capture_output=True, text=True
    )
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("Error: ")
    assert refused.stderr.count("\n") == 1


def test_links_in_an_earlier_folder_are_not_followed(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with fresh(tmp_path / "sample") as folder:
        (folder / "link").symlink_to(mine)
    with fresh(tmp_path / "sample") as folder:
        assert not (folder / "link").exists()
    assert (mine / "thesis.txt").exists()


# ------------------------------------------------------------------------------ runner


def test_the_config_names_the_port_and_nothing_else_of_this_run():
    shipped = (ROOT / "sample" / "config.toml").read_text()
    assert shipped.count(":PORT/") == 1
    rule = tomllib.loads(shipped)["rules"][0]
    # The wave has to fire the rule as it ships.
    assert set(rule) == {"name", "kind", "where", "notify"}
    assert rule["kind"] == "surge"


@pytest.fixture
def attended():
    """A child in place of the monitor, attended by a process of its own."""
    script = (
        "import sys, pathlib, datetime, subprocess\n"
        "from sample import run\n"
        "folder, program = pathlib.Path(sys.argv[1]), sys.argv[2]\n"
        "feed, chats = run.prepare(folder, 1, datetime.datetime.now(datetime.UTC))\n"
        "told = run.listen()\n"
        "child = subprocess.Popen([sys.executable, '-c', program], process_group=0)\n"
        "duration = float(sys.argv[3]) if len(sys.argv) > 3 else None\n"
        "sys.exit(run.attend(child, feed, chats, told, duration))\n"
    )
    started = []

    def start(folder: Path, program: str, *more: str) -> subprocess.Popen:
        command = [sys.executable, "-c", script, str(folder), program, *more]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


WAITS = """
import signal, sys
def leave(number, frame):
    print(signal.Signals(number).name, flush=True)
    sys.exit(7)
signal.signal(signal.SIGINT, leave)
signal.signal(signal.SIGTERM, leave)
print("ready", flush=True)
while True:
    signal.pause()
"""


@pytest.mark.parametrize(
    ("sent", "heard"),
    [(signal.SIGINT, "SIGINT"), (signal.SIGTERM, "SIGTERM"), (signal.SIGHUP, "SIGTERM")],
)
def test_signals_are_passed_on_and_the_exit_code_comes_back(attended, tmp_path, sent, heard):
    (tmp_path / "folder").mkdir()
    process = attended(tmp_path / "folder", WAITS)
    assert process.stdout.readline() == "ready\n"
    os.kill(process.pid, sent)
    assert process.communicate(timeout=30)[0] == f"{heard}\n"
    assert process.returncode == 7


def test_a_duration_ends_it(attended, tmp_path):
    (tmp_path / "folder").mkdir()
    process = attended(tmp_path / "folder", "import signal; signal.pause()", "0.5")
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM


def test_a_child_that_fails_at_once_ends_it(attended, tmp_path):
    (tmp_path / "folder").mkdir()
    process = attended(tmp_path / "folder", "import sys; sys.exit(2)")
    process.communicate(timeout=30)
    assert process.returncode == 2
