"""Templates: what they may use, what is wrong with one, and that the page on them is true."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.alerts.grouping import group_message
from monitor.alerts.message import compose, context
from monitor.errors import ConfigError
from monitor.pipeline.alerting.wording import dress
from monitor.runtime import Runtime
from monitor.templating import BUILT_IN, NAMES, Templates, faults, render
from monitor.testing import Recorder
from monitor.types import Document, Notification

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "templates.md").read_text(encoding="utf-8")
DATA: dict[str, Any] = {
    "id": 7,
    "rule": "bad-news",
    "kind": "surge",
    "selection": {"topic": "court"},
    "state": "firing",
    "fired_at": "2026-03-04T02:10:00+00:00",
    "resolved_at": None,
    "observed": 12.0,
    "expected": 0.6,
    "low": 0.0,
    "high": 3.0,
    "reason": "12 texts in 1 h where 0.6 are usual",
    "documents": [],
    "evidence": {
        "observed": 12.0,
        "expected": 0.6,
        "low": 0.0,
        "high": 3.0,
        "since": "2026-03-04T01:10:00+00:00",
        "until": "2026-03-04T02:10:00+00:00",
        "seconds": 3600,
        "shares": [
            {
                "of": {},
                "what": "all documents",
                "now": 0.5,
                "usual": 0.1,
                "part": 12,
                "whole": 24,
                "judged": False,
            }
        ],
        "read": 12,
        "limited": False,
        "stories": 1,
        "conversations": 0,
        "in_conversations": 0,
        "first_at": "2026-03-04T01:20:00+00:00",
        "last_at": "2026-03-04T02:05:00+00:00",
        "sources": [{"name": "wire", "texts": 12, "stories": 1}],
        "sources_in_all": 1,
        "words": [{"term": "recall", "texts": 12, "usual": 0.01, "score": 4.2}],
        "names": [{"name": "Acme Bank", "texts": 8, "of": 12, "usual": 0.11, "score": 4.1}],
        "texts": [
            {
                "id": 3,
                "source": "wire",
                "role": "publisher",
                "thread": "",
                "title": "Fines & <fees>",
                "text": "A judge spoke.",
                "cut": False,
                "url": "https://wire.example/3",
                "event_at": "2026-03-04T02:05:00+00:00",
                "alike": 12,
            }
        ],
        "behind": 12,
        "newest": 12,
        "newest_of": None,
        "late": [],
        "rule": "bad-news (surge) watches topic court: window 1h.",
        "ends_after": {"firing": 3600.0, "flapping": 43200.0},
        "history": {
            "start": "2026-03-03T14:10:00+00:00",
            "step": 3600,
            "counts": [0, 1, 0, 12],
            "usual": [None, 0.5, 0.5, 0.6],
            "low": [None, 0, 0, 0],
            "high": [None, 2, 2, 2],
            "window": [3, 4],
        },
        "at": "2026-03-04T02:10:00+00:00",
    },
}
NOTIFICATION = Notification("k", "firing", "built-in title", "built-in body", DATA, "<p>built-in</p>")


# -- what a template may use -------------------------------------------------------------


def test_the_context_has_the_names_that_are_declared() -> None:
    assert context("firing", DATA).keys() == NAMES.keys()


def test_every_name_is_explained_on_the_page() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE.partition("\n## Evidence")[0], re.MULTILINE))
    assert rows == dict(NAMES)


def test_every_field_of_the_evidence_is_explained_on_the_page() -> None:
    section = PAGE.partition("\n## Evidence\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == DATA["evidence"].keys()
    inner = {
        key for part in ("shares", "sources", "words", "names", "texts") for key in DATA["evidence"][part][0]
    }
    inner |= DATA["evidence"]["history"].keys()
    assert not {key for key in inner if f"`{key}`" not in section}


def test_the_examples_of_the_page_work() -> None:
    examples = re.findall(r'"""\n(.*?)"""', PAGE, re.DOTALL) + re.findall(r'_template = "(.*?)"\n', PAGE)
    assert len(examples) >= 2
    for text in examples:
        assert faults(text) == []
        assert compose("firing", DATA, Templates(body=text)).body.strip()


# -- what is wrong with one --------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{{ what }", "line 1: unexpected '}'"),
        ("fine\n{% if what %}", "line 2: Unexpected end of template"),
        ("a\nb\n{{ what | nofilter }}", "line 3: No filter named 'nofilter'"),
        ("{{ alrt.id }}", "line 1: 'alrt' is not known; known: event, alert"),
        ("x\n{% include 'other' %}", "line 2: include has nothing to load here"),
    ],
)
def test_faults_have_their_line(text: str, wrong: str) -> None:
    (found,) = faults(text)
    assert found.startswith(wrong)


def test_own_names_are_no_fault() -> None:
    assert faults("{% for text in texts %}{% set a = text.title %}{{ a }}{{ loop.index }}{% endfor %}") == []


@pytest.mark.parametrize(
    "text",
    [
        "{{ what.__class__.__mro__ }}",
        "{{ alert.__init__.__globals__ }}",
        "{% for x in range(10**9) %}{% endfor %}",
        "{{ alert.update({'id': 1}) }}",
        "{{ alert.nothing }}",
        "{{ alert.id / 0 }}",
    ],
)
def test_the_sandbox_holds_and_a_notification_goes_out_in_the_built_in_words(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Exception, match=r".+"):
        render(text, context("firing", DATA))
    with caplog.at_level(logging.ERROR):
        assert dress(NOTIFICATION, Templates(title="mine", body=text), Recorder()) == NOTIFICATION
    assert "the built-in words are sent" in caplog.text


def test_words_of_the_owner() -> None:
    own = Templates(
        title="{{ what }}\n now", body="{{ facts[0] }} {{ alert.fired_at | clock }}", zone="Europe/Vienna"
    )
    said = dress(NOTIFICATION, own, Recorder())
    assert said.title == "texts on court now"
    assert said.body.startswith(
        "12 texts on court in 1 h; usually 0 to 3 at this hour, 0.6 on average. That is 20"
    )
    assert said.body.endswith(" 2026-03-04 03:10 CET\n")
    assert said.html == "", "a message says one thing"
    assert (said.key, said.data) == (NOTIFICATION.key, NOTIFICATION.data)
    html = dress(NOTIFICATION, replace(own, html="<b>{{ texts[0].title }}</b>"), Recorder()).html
    assert html == "<b>Fines &amp; &lt;fees&gt;</b>\n"
    assert dress(NOTIFICATION, BUILT_IN, Recorder()) == NOTIFICATION
    local = dress(NOTIFICATION, Templates(zone="Europe/Vienna"), Recorder())
    assert "raised 03:10 CET on Wed 4 Mar" in local.body
    assert "03:10 CET" in local.html


def test_notifications_with_the_earlier_form_of_times_are_read_as_those_of_today() -> None:
    new = json.loads(json.dumps(DATA).replace("+00:00", "Z"))
    assert new != DATA
    own = Templates(body="{{ alert.fired_at | clock }} {{ facts | join(' ') }}", zone="Europe/Vienna")
    for event in ("firing", "resolved"):
        for templates in (own, BUILT_IN):
            assert compose(event, new, templates) == compose(event, DATA, templates)


@pytest.mark.parametrize(
    ("title", "body"),
    [("{% if false %}x{% endif %}", None), (None, " \n\t"), ("  ", "{{ alert.owner or '' }}")],
)
def test_a_template_that_says_nothing_is_as_if_it_were_not_there(title: str | None, body: str | None) -> None:
    data = {**DATA, "owner": ""}
    assert compose("firing", data, Templates(title=title, body=body)) == compose("firing", data)
    own = Templates(title=title, body=body, html="<b>{{ what }}</b>")
    said = compose("firing", data, own)
    assert (said.body, said.html) == (compose("firing", data).body, "<b>texts on court</b>\n")
    assert compose("firing", data, replace(own, html="{# none #}")) == compose("firing", data)
    assert compose("firing", data, Templates(body="own", html=" ")).html == "", "a message says one thing"


@pytest.mark.parametrize(
    "url", ["https://a.example/\x1b[31mred", "https://a.example/a\nb", "javascript:alert(1)", ""]
)
def test_an_address_that_is_no_link_is_none_in_html(url: str) -> None:
    texts = [{**DATA["evidence"]["texts"][0], "id": 5, "url": url}]
    data = {**DATA, "evidence": {**DATA["evidence"], "texts": texts}}
    html = compose("firing", data).html
    assert [part for part in ("<a ", "javascript:", "\x1b") if part in html] == []
    assert "<code>monitor documents show 5</code>" in html
    several = group_message({"group": {}, "alerts": [{**data, "event": "firing", "new": True}] * 2}).html
    assert "<a " not in several
    assert "\x1b" not in several


def test_an_address_that_is_a_link_is_one_in_html() -> None:
    texts = [{**DATA["evidence"]["texts"][0], "url": 'HTTPS://a.example/ü?q="a b"&c'}]
    html = compose("firing", {**DATA, "evidence": {**DATA["evidence"], "texts": texts}}).html
    assert '<a href="HTTPS://a.example/ü?q=&#34;a b&#34;&amp;c"' in html
    assert "monitor documents show" not in html


def test_only_notifiers_that_show_pictures_get_one() -> None:
    class Shows(Recorder):
        pictures = True

    assert dress(NOTIFICATION, BUILT_IN, Recorder()).picture == b""
    assert dress(NOTIFICATION, BUILT_IN, Shows()).picture.startswith(b"\x89PNG")
    broken = {**DATA, "evidence": {**DATA["evidence"], "history": {"start": "never"}}}
    assert dress(replace(NOTIFICATION, data=broken), BUILT_IN, Shows()).picture == b""
    test = Notification("k", "test", "t", "b", {"event": "test"})
    assert dress(test, Templates(title="mine"), Shows()) == test


# -- in the configuration ----------------------------------------------------------------


def test_templates_of_the_configuration_are_delivered(
    make_runtime: Callable[..., Runtime], monitor_now: datetime, tmp_path: Path
) -> None:
    from tests.conftest import CONFIG

    (tmp_path / "body.j2").write_text("{{ alert.observed | int }} texts, says {{ rule }}")
    own = 'title_template = "{{ alert.rule }}!"\nbody_template = { file = "body.j2" }\n'
    runtime = make_runtime(CONFIG + own)
    runtime.fetch("news", monitor_now)
    later = monitor_now + timedelta(minutes=10)
    runtime.sources["news"].waiting = [
        Document(str(n), f"judge fine lawsuit terrible loss {n}", published_at=later - timedelta(minutes=n))
        for n in range(4)
    ]
    runtime.fetch("news", later)
    runtime.classify(later)
    assert runtime.deliver("desk", later) == 1
    (sent,) = runtime.notifiers["desk"].sent
    assert sent.title == "any-court!"
    assert " texts, says any-court (threshold) watches topic court" in sent.body


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ('title_template = "{{ alrt }}"', "notifiers[1] (desk).title_template: line 1: 'alrt' is not known"),
        ('body_template = { file = "no.j2" }', "no.j2 cannot be read: No such file"),
        ('html_template = """\n\n{% for %}"""', "notifiers[1] (desk).html_template: line 2: "),
        ('zone = "Vienna"', "notifiers[1] (desk).zone: 'Vienna' is no time zone"),
    ],
)
def test_faults_of_the_configuration(make_runtime: Callable[..., Runtime], setting: str, fault: str) -> None:
    from tests.conftest import CONFIG

    with pytest.raises(ConfigError) as raised:
        make_runtime(f"{CONFIG}{setting}\n")
    assert fault in str(raised.value)
