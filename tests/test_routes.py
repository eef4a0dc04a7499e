"""Matchers, times of the week, and what a configuration may say of routes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from monitor.alerts.detectors import KINDS
from monitor.alerts.lifecycle import Pace
from monitor.calendars import in_week, parse_hours, parse_weekdays, parse_zone
from monitor.config.model import Config, RuleTable
from monitor.config.reader import load_config
from monitor.errors import ConfigError
from monitor.matching import Matcher, all_match, parse_matcher, parse_matchers
from monitor.pipeline.declared import make_rules
from monitor.plugins import Plugins
from monitor.routes import Mute, Route
from tests.conftest import CONFIG

# -- matchers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value", "matches"),
    [
        ("topic=court", "court", True),
        ("topic=court", "courts", False),
        ("topic!=court", "money", True),
        ("topic!=court", "court", False),
        ("topic=~co.*|fine", "court", True),
        ("topic=~cour", "court", False),
        ("topic!~co.*", "money", True),
        ("topic!~co.*", "court", False),
        ('topic="a = b"', "a = b", True),
        ('topic = "say \\"no\\""', 'say "no"', True),
        ('topic=""', "", True),
        ("topic=", "", True),
    ],
)
def test_a_matcher_is_as_in_alertmanager(text: str, value: str, matches: bool) -> None:
    assert parse_matcher(text).matches({"topic": value}) is matches


def test_a_label_that_is_not_there_is_empty() -> None:
    assert parse_matcher("owner=").matches({})
    assert parse_matcher("owner!=ada").matches({})
    assert not parse_matcher("owner=~.+").matches({})


@given(st.text(min_size=1).filter(lambda t: t == t.strip() and not set(t) & set("=!~")), st.text())
def test_a_matcher_can_be_written_and_read_again(label: str, value: str) -> None:
    for operator in ("=", "!="):
        matcher = Matcher(label, operator, value)  # type: ignore[arg-type]
        assert parse_matcher(str(matcher)) == matcher


@pytest.mark.parametrize("text", ["topic", "=court", "", "topic=~[", 'topic="court', "topic=~(a"])
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_matcher(text)


def test_a_table_of_matchers_asks_for_equality() -> None:
    matchers = parse_matchers({"topic": "court", "owner": "desk"})
    assert all_match(matchers, {"topic": "court", "owner": "desk", "rule": "x"})
    assert not all_match(matchers, {"topic": "court"})
    assert all_match((), {"anything": "at all"})


# -- times of the week ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("local", "inside"),
    [
        ("2026-03-06 21:59", False),  # a Friday
        ("2026-03-06 22:00", True),
        ("2026-03-07 06:59", True),  # early on Saturday: Friday's night
        ("2026-03-07 07:00", False),
        ("2026-03-07 23:00", False),  # Saturday has none
        ("2026-03-09 03:00", False),  # early on Monday: Sunday's night
        ("2026-03-09 22:30", True),
        ("2026-03-29 23:00", False),
        ("2026-03-30 22:00", True),  # after the clocks went forward
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins_by_the_clocks_of_its_zone(
    local: str, inside: bool
) -> None:
    zone = ZoneInfo("Europe/Berlin")
    now = datetime.fromisoformat(local).replace(tzinfo=zone).astimezone(UTC)
    assert in_week(now, parse_weekdays("mon-fri"), parse_hours("22:00-07:00"), zone) is inside


def test_days_and_hours_each_alone() -> None:
    monday = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    zone = ZoneInfo("UTC")
    assert in_week(monday, parse_weekdays(["sat-mon"]), (), zone)
    assert not in_week(monday, parse_weekdays(["tue", "Wed"]), (), zone)
    assert parse_weekdays("mon, tue,thursday-SAT") == {0, 1, 3, 4, 5}, (
        "days in one text are not the first alone"
    )
    assert in_week(monday, frozenset(), parse_hours(["00:00-09:00", "9:30-9:31"]), zone)
    assert in_week(monday, frozenset(), parse_hours("00:00-24:00"), zone)


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_weekdays, "someday"),
        (parse_weekdays, "monkey"),
        (parse_weekdays, ["mon,tue"]),
        (parse_weekdays, "mon-tue-wed"),
        (parse_weekdays, 6),
        (parse_hours, 22),
        (parse_hours, time(22)),
        (parse_hours, "22-7"),
        (parse_hours, "25:00-26:00"),
        (parse_hours, "09:00-09:00"),
        (parse_hours, ["22:00-24:00", "0:00-00:00"]),
        (parse_hours, "10:00-09:75"),
        (parse_zone, "Berlin"),
        (parse_zone, ""),
    ],
)
def test_what_is_no_time_is_refused(parse: Callable[[Any], object], text: Any) -> None:
    with pytest.raises(ValueError, match=r"is no|no time zone"):
        parse(text)


def test_a_maintenance_window_is_by_the_clocks_of_its_zone_or_by_its_own_offset() -> None:
    starts = datetime.fromisoformat("2026-07-01T08:00")
    mute = Mute(name="move", zone="Europe/Berlin", match=[], starts=starts, ends=starts + timedelta(hours=2))
    assert [mute.active(datetime(2026, 7, 1, h, 0, tzinfo=UTC)) for h in (5, 6, 7, 8)] == [
        False,
        True,
        True,
        False,
    ]
    own = Mute(name="move", zone="Europe/Berlin", match=[], starts=starts.replace(tzinfo=UTC))
    assert [own.active(datetime(2026, 7, 1, h, 0, tzinfo=UTC)) for h in (7, 8)] == [False, True]


# -- the configuration ---------------------------------------------------------------------

ROUTES = """
[[routes]]
name = "press"
match = ["owner=press", "topic=~court"]
notify = ["desk"]
group_by = ["rule", "topic"]
continue = true
mute = ["nights"]

[[inhibit]]
source = { rule = "any-court" }
target = ["kind=surge"]
equal = ["topic"]

[[mutes]]
name = "nights"
zone = "Europe/Berlin"
hours = ["22:00-07:00"]
"""


def load(path: Path, plugins: Plugins) -> Config:
    return load_config(path, plugins, KINDS)


def test_routes_inhibition_and_mutes_are_read(write_config: Callable[..., Path], plugins: Plugins) -> None:
    policy = load(write_config(CONFIG + ROUTES), plugins).policy
    (route,) = policy.routes
    assert (route.name, route.continue_, route.group_by, route.group_wait) == (
        "press",
        True,
        ("rule", "topic"),
        30,
    )
    assert [str(m) for m in route.match] == ['owner="press"', 'topic=~"court"']
    (inhibit,) = policy.inhibits
    assert [str(m) for m in (*inhibit.source, *inhibit.target)] == ['rule="any-court"', 'kind="surge"']
    assert inhibit.equal == ("topic",)
    assert policy.mutes[0].zone.key == "Europe/Berlin"


def test_every_rule_says_how_its_alerts_live(write_config: Callable[..., Path], plugins: Plugins) -> None:
    text = CONFIG.replace(
        'kind = "surge"\n', 'kind = "surge"\nowner = "ada"\nfor = "10m"\nwindow = "2h"\nflap_count = 0\n'
    ).replace("at_least = 3", 'at_least = 3\nkeep_firing_for = "5m"\nnotify = ["desk"]\nflap_span = "1h"')
    surge, threshold = make_rules(load(write_config(text), plugins))
    assert (surge.owner, surge.routed, surge.pace) == ("ada", True, Pace(600, 3600, 0, 43200))
    assert (threshold.owner, threshold.routed, threshold.pace) == ("", False, Pace(0, 300, 4, 3600))


def test_rules_give_their_alerts_labels(write_config: Callable[..., Path], plugins: Plugins) -> None:
    text = CONFIG.replace("at_least = 3", 'at_least = 3\nlabels = { severity = "page", team = "credit" }')
    text += ROUTES.replace('"owner=press"', '"severity=~page|mail"').replace('"kind=surge"', '"team=credit"')
    config = load(write_config(text), plugins)
    assert [dict(rule.labels) for rule in make_rules(config)] == [{}, {"severity": "page", "team": "credit"}]
    assert str(config.policy.routes[0].match[0]) == 'severity=~"page|mail"'


@pytest.mark.parametrize(
    ("labels", "fault"),
    [
        (
            'rule = "x"',
            "rules[2] (any-court).labels.rule: is a label that alerts have anyway; choose another name",
        ),
        ('topic = "x"', "rules[2] (any-court).labels.topic: is a label that alerts have anyway"),
        ('source = "x"', "rules[2] (any-court).labels.source: is a label that alerts have anyway"),
        ('alertname = "x"', "rules[2] (any-court).labels.alertname: is a label that alerts have anyway"),
        ('"how bad" = "x"', "rules[2] (any-court).labels.how bad"),
        ('severity = ""', "rules[2] (any-court).labels.severity: "),
        ("severity = 3", "rules[2] (any-court).labels.severity: "),
    ],
)
def test_labels_that_cannot_be_are_named(
    labels: str, fault: str, write_config: Callable[..., Path], plugins: Plugins
) -> None:
    text = CONFIG.replace("at_least = 3", f"at_least = 3\nlabels = {{ {labels} }}")
    with pytest.raises(ConfigError) as caught:
        load(write_config(text), plugins)
    (found,) = caught.value.faults
    assert str(found).startswith(fault)
    assert "\n" not in str(found)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            'notify = ["desk"]',
            'notify = ["nobody"]',
            "routes[1].notify: no notifier is called 'nobody'; known: desk",
        ),
        (
            'mute = ["nights"]',
            'mute = ["nights", "days"]',
            "routes[1].mute: no mute is called 'days'; known: nights",
        ),
        ('mute = ["nights"]', "", "mutes[1]: is used by no route and matches nothing; say match = []"),
        ("owner=press", "owner", "routes[1].match: 'owner' is not a matcher; write label=value"),
        ("topic=~court", "topic=~(", "routes[1].match: 'topic=~(' has no valid regular expression"),
        ("topic=~court", "toppic=x", "routes[1].match: no label of alerts is called 'toppic'; known: "),
        (
            "topic=~court",
            "topic=cuort",
            "routes[1].match: no label of topic is called 'cuort'; known: court, money",
        ),
        ("topic=~court", "rule=typo", "routes[1].match: no rule is called 'typo'; known: "),
        ("kind=surge", "kind=serge", "inhibit[1].target: no rule kind is called 'serge'; known: "),
        ('["rule", "topic"]', '["tone"]', "routes[1].group_by: no label of alerts is called 'tone'"),
        ('equal = ["topic"]', 'equal = ["tone"]', "inhibit[1].equal: no label of alerts is called 'tone'"),
        ('target = ["kind=surge"]', "target = []", "inhibit[1].target: "),
        ("Europe/Berlin", "Berlin", "mutes[1].zone: 'Berlin' is no time zone"),
        ('zone = "Europe/Berlin"\n', "", "mutes[1].zone: is required"),
        ("22:00-07:00", "22-7", "mutes[1].hours: '22-7' is no span of hours; write 22:00-07:00"),
        (
            "22:00-07:00",
            "09:00-09:00",
            "mutes[1].hours: '09:00-09:00' is no span of hours: it ends as it begins; write 00:00-24:00 for all hours",
        ),
        ('hours = ["22:00-07:00"]', "", "mutes[1]: would mute for ever"),
        ("continue = true", "continues = true", "routes[1].continues: is not known here; known: continue, "),
        ('name = "press"\n', "", "routes[1].name: is required"),
        ("continue = true", 'group_wait = "soon"', "routes[1].group_wait: 'soon' is not a duration"),
        ("continue = true", "worse = 1", "routes[1].worse: must be more than 1, or the same would be said"),
    ],
)
def test_faults_are_found_and_named(
    old: str, new: str, fault: str, write_config: Callable[..., Path], plugins: Plugins
) -> None:
    assert old in ROUTES
    with pytest.raises(ConfigError) as caught:
        load(write_config(CONFIG + ROUTES.replace(old, new)), plugins)
    assert [str(f) for f in caught.value.faults if str(f).startswith(fault)], str(caught.value)
    assert len(caught.value.faults) == 1, str(caught.value)


def test_two_routes_of_one_name_are_a_fault(write_config: Callable[..., Path], plugins: Plugins) -> None:
    with pytest.raises(ConfigError, match=r"routes\[2\].name: 'press' is also the name of routes\[1\]"):
        load(write_config(CONFIG + ROUTES + '[[routes]]\nname = "press"\nnotify = ["desk"]\n'), plugins)


def test_the_examples_in_the_docs_are_in_order(write_config: Callable[..., Path], plugins: Plugins) -> None:
    page = (Path(__file__).parent.parent / "docs" / "alerts.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    policy = load(write_config(CONFIG + "\n".join(blocks)), plugins).policy
    assert (len(policy.routes), len(policy.inhibits), len(policy.mutes)) == (2, 1, 2)


@pytest.mark.parametrize(("model", "heading"), [(Route, "Routes"), (RuleTable, "What every rule can say")])
def test_every_setting_has_its_row(model: type[BaseModel], heading: str) -> None:
    page = (Path(__file__).parent.parent / "docs" / "alerts.md").read_text(encoding="utf-8")
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    shown = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    names = {field.alias or name for name, field in model.model_fields.items()}
    assert shown - {"setting"} == names - ({"name", "kind", "where"} if model is RuleTable else set())
