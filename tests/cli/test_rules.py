"""monitor rules."""

from __future__ import annotations


def test_list_has_settings_with_defaults_and_open_alerts(fetched, alert_id):
    surge, threshold = fetched("rules", "list", "--json").json
    assert (surge["name"], surge["kind"], surge["where"], surge["notify"], surge["open_alerts"]) == (
        "bad-news",
        "surge",
        {"topic": "*", "mood": "bad"},
        ["desk"],
        1,
    )
    assert (surge["settings"]["window"], surge["settings"]["min_count"]) == (5400, 5)
    assert (threshold["settings"], threshold["notify"], threshold["open_alerts"]) == (
        {"window": 3600, "at_least": 3, "min_stories": 1},
        [],
        0,
    )


def test_list_speaks_in_words(fetched):
    text = " ".join(fetched("rules", "list").out.split())
    for part in ("each topic, mood bad", "window 1h 30m, min_count 5", "topic court", "at_least 3", "nobody"):
        assert part in text


def test_list_needs_no_database(monitor):
    assert [r["open_alerts"] for r in monitor("rules", "list", "--json").json] == [0, 0]
    assert not monitor.database.exists()


def test_no_rules(monitor):
    text = monitor.config.read_text()
    monitor.config.write_text(text[: text.index("[[rules]]")])
    assert "no rules" in monitor("rules", "list").out
    assert monitor("rules", "list", "--json").json == []
