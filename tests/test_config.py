"""Reading the configuration: everything that is wrong with it, at once, each with its place."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from monitor import hookimpl
from monitor.alerts.detectors import KINDS
from monitor.config.reader import load_config
from monitor.durations import Duration
from monitor.errors import ConfigError
from monitor.interfaces import Encoder, Notifier, Settings, Source, TaskAdapter
from monitor.pipeline.declared import configured_seeds
from monitor.plugins import load_plugins
from monitor.testing import HashEncoder
from monitor.types import Seed, label_twins


class FeedSettings(Settings):
    url: str
    timeout: Duration = Field(30.0, gt=0)
    password: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    files: tuple[Path, ...] = ()


class Feed(Source):
    name = "feed"
    Settings = FeedSettings

    def fetch(self, cursor: Any, now: Any) -> Iterator[Any]:
        yield from ()


class Login(BaseModel):
    pin: SecretStr = Field(SecretStr(""), max_length=4)


class SafeSettings(Settings):
    timeout: Duration = 30.0
    port: int = 80
    token: SecretStr | None = Field(None, min_length=20)
    tokens: dict[str, list[SecretStr]] = Field(default_factory=dict)
    login: Login | None = Field(None, alias="log-in")
    greeting: str = ""
    answer: str = ""

    @field_validator("answer")
    @classmethod
    def _apt(cls, value: str, info: ValidationInfo) -> str:
        if "no" in value:
            raise AssertionError(f"{value!r} is no answer")
        if "what" in value:
            raise ValueError(f"{value!r} is no answer to {info.data['greeting']!r}")
        if value:
            raise PydanticCustomError("odd", "{value} is odd", {"value": repr(value)})
        return value

    @field_validator("greeting")
    @classmethod
    def _polite(cls, value: str) -> str:
        if "hello" not in value:
            raise ValueError(f"{value!r} is not polite")
        if "hello " in value:
            raise KeyError(value)  # a fault of the plugin's
        if "bye" in value:
            sys.exit(value)
        return value


class Safe(Feed):
    name = "safe"
    Settings = SafeSettings


class Mood(TaskAdapter):
    name = "mood"
    multi = False

    def labels(self):
        return {"bad": "something went wrong", "good": "something went well"}


class RolesSettings(Settings):
    roles: list[str] = Field(default_factory=list)


class Own(TaskAdapter):
    name = "labels"


class Pager(Notifier):
    name = "pager"

    def send(self, notification: Any) -> None:
        raise AssertionError


class Pulse(Pager):
    name = "pulse"
    receives_alerts = False


class Parts:
    @hookimpl
    def register_sources(self) -> list[type[Source]]:
        return [Feed, Safe]

    @hookimpl
    def register_task_adapters(self) -> list[type[TaskAdapter]]:
        return [Mood, Own]

    @hookimpl
    def register_notifiers(self) -> list[type[Notifier]]:
        return [Pager, Pulse]

    @hookimpl
    def register_encoders(self) -> list[type[Encoder]]:
        return [HashEncoder]


PLUGINS = load_plugins(found=(), extra={"parts": Parts()})


@pytest.fixture
def read(tmp_path):
    """Reads a configuration; the encoder is the fast one unless it says another."""

    def read(text, *, known_tasks=None, environ=None, **options):
        path = tmp_path / "config.toml"
        path.write_text(text if text.lstrip().startswith("encoder") else f'encoder = "hash"\n{text}')
        return load_config(path, PLUGINS, KINDS, known_tasks, environ or {}, **options)

    return read


@pytest.fixture
def faults(read):
    """The faults of a configuration as ``[(place, message)]``."""

    def faults(text, **options):
        with pytest.raises(ConfigError) as raised:
            read(text, **options)
        assert raised.value.exit_code == 2
        return [(fault.place, fault.message) for fault in raised.value.faults]

    return faults


FEED = '[[sources]]\nplugin = "feed"\nname = "news"\nurl = "x"\n'
MOOD = '[[tasks]]\nname = "mood"\nadapter = "mood"\n'


def test_a_whole_configuration(read, tmp_path):
    config = read(
        'database = "data/m.db"\n'
        + FEED
        + 'every = "1h30m"\ntimeout = 5\n'
        + MOOD
        + '[[rules]]\nname = "r"\nkind = "threshold"\nwhere = { mood = "bad" }\nat_least = 3\nwindow = "2h"\n'
        + '[[notifiers]]\nplugin = "pager"\nname = "desk"\n'
    )
    assert config.base == tmp_path
    assert config.database == tmp_path / "data" / "m.db"
    (source,) = config.sources
    assert (source.name, source.every, source.settings.timeout) == ("news", 5400, 5)
    (task,) = config.tasks
    assert list(task.task.labels) == ["bad", "good"]
    (rule,) = config.rules
    assert (rule.notify, rule.settings.window, rule.settings.at_least) == (("desk",), 7200, 3)


def test_an_empty_file_is_a_configuration(read):
    config = read("")
    assert (config.sources, config.tasks, config.rules, config.notifiers) == ((), (), (), ())


def test_all_faults_at_once_each_with_its_place(faults):
    found = faults(
        'databse = "x"\n'
        '[log]\nlevel = "loud"\n'
        '[[sources]]\nplugin = "fed"\nname = "a"\n'
        '[[sources]]\nplugin = "feed"\nname = "b"\nevery = "often"\ntimeout = -1\ncolour = "red"\n'
        '[[tasks]]\nname = "t"\nadapter = "nope"\n'
        '[[tasks]]\nname = "u"\nlabels = ["one"]\n'
        '[[rules]]\nname = "r"\nkind = "burst"\nwhere = { mod = "bad" }\nnotify = ["nobody"]\n'
        '[[notifiers]]\nplugin = "pigeon"\nname = "n"\n'
    )
    assert [place for place, _ in found] == [
        "log.level",
        "databse",
        "sources[1].plugin",
        "sources[2].every",
        "sources[2].url",
        "sources[2].timeout",
        "sources[2].colour",
        "tasks[1].adapter",
        "tasks[2].labels",
        "notifiers[1].plugin",
        "rules[1].where",
        "rules[1].notify",
        "rules[1].kind",
    ]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ('[log]\nlevel = "loud"', "log.level", "'debug', 'info', 'warning' or 'error'"),
        ('databse = "x"', "databse", "known: database, digests, encoder"),
        (FEED + 'every = "often"', "sources[1].every", "write it like 90s, 5m, 1h30m or 2d"),
        (FEED + "every = inf", "sources[1].every", "inf is too long; the longest duration is 36500d"),
        (FEED + "every = nan", "sources[1].every", "nan is too long"),
        (FEED + "every = -inf", "sources[1].every", "-inf is too long"),
        (FEED + f"every = {10**18}", "sources[1].every", "is too long"),
        (FEED + f'every = "{"9" * 400}w"', "sources[1].every", "is too long"),
        (FEED + "every = 0", "sources[1].every", "must be at least 1s (it is 0s)"),
        (FEED + "timeout = -1", "sources[1].timeout", "more than 0s (it is -1s)"),
        (FEED + 'colour = "red"', "sources[1].colour", "known: files, headers, password, timeout, url"),
        ('[[sources]]\nname = "x"', "sources[1].plugin", "is required"),
        ('[[sources]]\nplugin = "feed"\nname = "x"', "sources[1].url", "is required"),
        (FEED + 'evry = "5m"', "sources[1].evry", "timeout, url; in all sources: every, name, plugin"),
        (MOOD + "thresold = 0.5", "tasks[1].thresold", "known in all tasks: adapter, default_seeds, labels, multi, "),
        (
            MOOD + '[[rules]]\nname = "r"\nkind = "surge"\nwhere = { mood = "bad" }\nownr = "me"',
            "rules[1].ownr",
            "; in all rules: flap_count, flap_span, for, keep_firing_for, kind, labels, name, notify, owner, where",
        ),
        ('[[sources]]\nplugin = "fed"\nname = "x"', "sources[1].plugin", "no source is called 'fed'; known: feed"),
        ('[[sources]]\nplugin = "feed"\nurl = "x"\nname = "/"', "sources[1].name", "match"),
        ("sources = 3", "sources", "must be a list (it is 3)"),
        ("sources = [3]", "sources[1]", "must be a table (it is 3)"),
        ('[[tasks]]\nname = "x"\nadapter = "nope"', "tasks[1].adapter", "known: labels, mood"),
        ('[[tasks]]\nname = "x"', "tasks[1].labels", "has no labels; give some"),
        ('[[tasks]]\nname = "mood"', "tasks[1].labels", 'has no labels; adapter = "mood" brings some'),
        ('[[tasks]]\nname = "x"\nlabels = ["a", "A "]', "tasks[1].labels", "'a' and 'A ' of the task 'x' differ"),
        ('[[tasks]]\nname = "x"\nlabels = ["a"]', "tasks[1].labels", "one label only; add another, or say multi"),
        ('[[tasks]]\nname = "x"\nlabels = ["a", "*"]', "tasks[1].labels", "'*' cannot be a label"),
        ('[[tasks]]\nname = "x"\nlabels = ["a", " "]', "tasks[1].labels", "' ' cannot be a label"),
        ('[[tasks]]\nname = "x"\nlabels = ["a", "(none)"]', "tasks[1].labels", "'(none)' cannot be a label"),
        (MOOD + "threshold = 2", "tasks[1].threshold", "less than or equal to 1"),
        (MOOD + 'seeds = "none.csv"', "tasks[1].seeds", "there is no file"),
        ('[[notifiers]]\nplugin = "pigeon"\nname = "x"', "notifiers[1].plugin", "known: pager"),
        (MOOD + '[[rules]]\nname = "r"\nkind = "burst"', "rules[1].kind", "surge, threshold"),
        (MOOD + '[[rules]]\nname = "r"\nkind = "surge"\nwhere = { mod = "bad" }', "rules[1].where", "known: mood"),
        (
            MOOD + '[[rules]]\nname = "r"\nkind = "surge"\nwhere = { mood = "sad" }',
            "rules[1].where.mood",
            "no label is called 'sad'; known: *, bad, good",
        ),
        ('[[rules]]\nname = "r"\nkind = "surge"\nnotify = ["x"]', "rules[1].notify", "known: there are none yet"),
        ('[[rules]]\nname = "r"\nkind = "threshold"', "rules[1].at_least", "is required"),
        ('[[rules]]\nname = "r"\nkind = "surge"\nrare = "1h"', "rules[1].rare", "must be at least 1d (it is 1h)"),
        ('[[rules]]\nname = "r"\nkind = "surge"\nwindow = "5h"', "rules[1].window", "must be at most 2h (it is 5h)"),
        (
            '[[rules]]\nname = "r"\nkind = "threshold"\nat_least = 3\nwhere = { entity = "*" }',
            "rules[1].where.entity",
            "there are no entities yet; list their names under [entities]",
        ),
        ('[[tasks]]\nname = "entity"\nlabels = ["a", "b"]', "tasks[1].labels", "cannot be called 'entity'"),
        ('[[tasks]]\nname = "read by"\nlabels = ["a", "b"]', "tasks[1].labels", "cannot be called 'read by'"),
        ('[[tasks]]\nname = "x"\nlabels = ["a", "b", "a"]', "tasks[1].labels", "the label 'a' is given twice"),
        ('[entities]\na = ["x"]\nb = ["X"]', "entities.b", "'X' is also a name of 'a'"),
        (
            '[entities]\na = ["x"]\n[[rules]]\nname = "r"\nkind = "surge"\nwhere = { entity = "c" }',
            "rules[1].where.entity",
            "known: *, a",
        ),
        ('[[rules]]\nname = "r"\nkind = "ratio"\nat_least = 0.5', "rules[1].where", "a share is that of a label"),
        ('encoder = "nope"', "encoder", "known: hash"),
        ('encoder = { plugin = "hash", size = 3 }', "encoder.size", "is not known here"),
    ],
)  # fmt: skip
def test_a_fault_has_a_place_and_says_what_is_allowed(faults, text, place, message):
    ((where, said),) = faults(text)
    assert where == place
    assert message in said


def test_names_are_there_once(faults):
    found = faults(FEED + FEED + MOOD + MOOD)
    assert found == [
        ("sources[2].name", "'news' is also the name of sources[1]"),
        ("tasks[2].name", "'mood' is also the name of tasks[1]"),
    ]


def test_a_task_with_faults_is_not_blamed_on_its_rules(faults):
    found = faults('[[tasks]]\nname = "x"\n[[rules]]\nname = "r"\nkind = "surge"\nwhere = { x = "a" }\n')
    assert [place for place, _ in found] == ["tasks[1].labels"]


def test_three_tasks_cannot_be_crossed(faults):
    tasks = "".join(f'[[tasks]]\nname = "{n}"\nadapter = "mood"\n' for n in "abc")
    ((place, message),) = faults(
        tasks + '[[rules]]\nname = "r"\nkind = "surge"\nwhere = { a = "*", b = "*", c = "bad" }'
    )
    assert (place, "more than two tasks" in message) == ("rules[1].where", True)


def test_one_label_is_enough_where_a_text_may_have_none(read):
    (task,) = read('[[tasks]]\nname = "x"\nlabels = ["a"]\nmulti = true').tasks
    assert list(task.task.labels) == ["a"]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"a": None, "b": "the second"}, "labels() must map texts to texts, not 'a' to None"),
        ({1: "the first", 2: "the second"}, "labels() must map texts to texts, not 1 to 'the first'"),
        (["a", "b"], "labels() must give a mapping of labels to descriptions, not list"),
        (None, "not NoneType"),
    ],
)
def test_labels_that_are_no_texts_leave_the_task_out(read, monkeypatch, labels, said):
    monkeypatch.setattr(Own, "labels", lambda self: labels)
    config = read(MOOD + '[[tasks]]\nname = "own"\nadapter = "labels"\n')
    assert [task.task.name for task in config.tasks] == ["mood"]
    assert [fault.place for fault in config.left_out] == ["tasks[2].adapter"]
    assert said in config.left_out[0].message


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SystemExit(3), "the plugin raised SystemExit: 3"),
        (ValueError("two\nlines of hunter2"), "the plugin raised ValueError: two lines of ***"),
    ],
)
def test_an_adapter_that_raises_leaves_its_task_out_in_one_line(read, monkeypatch, error, said):
    def labels(self):
        raise error

    monkeypatch.setattr(Own, "labels", labels)
    task = '[[tasks]]\nname = "own"\nadapter = "labels"\nroles = [{ env = "TOKEN" }]\n'
    monkeypatch.setattr(Own, "Settings", RolesSettings)
    config = read(MOOD + task, environ={"TOKEN": "hunter2"})
    assert [task.task.name for task in config.tasks] == ["mood"]
    assert [(fault.place, fault.message) for fault in config.left_out] == [("tasks[2].adapter", said)]


def test_half_a_character_in_what_an_adapter_brings_is_replaced(read, monkeypatch):
    monkeypatch.setattr(Own, "labels", lambda self: {"a\ud83d": "half \ude00", "b": "\ud83d\ude00"})
    monkeypatch.setattr(Own, "seeds", lambda self: [Seed("x \ud83d", "a\ud83d"), Seed("y", "c")])
    config = read('[[tasks]]\nname = "own"\nadapter = "labels"\n')
    assert config.tasks[0].task.labels == {"a\ufffd": "half \ufffd", "b": "\N{GRINNING FACE}"}
    assert configured_seeds(config.tasks[0], config)["adapter"] == [Seed("x \ufffd", "a\ufffd")]


@pytest.mark.parametrize("seeds", ["leave", None, [("x", "a")], [Seed(5, "a")], [Seed("x", None)]])
def test_seeds_that_are_no_texts_stay_as_they_are(read, monkeypatch, caplog, seeds):
    monkeypatch.setattr(Mood, "seeds", lambda self: sys.exit(3) if seeds == "leave" else seeds)
    config = read(MOOD)
    assert "adapter" not in configured_seeds(config.tasks[0], config)
    assert "the task adapter mood raised; its seeds stay as they are" in caplog.text


def test_labels_get_the_descriptions_of_the_adapter(read):
    (task,) = read(MOOD + 'labels = ["bad", "odd"]').tasks
    assert task.task.labels == {"bad": "something went wrong", "odd": ""}
    (task,) = read(MOOD + 'labels = { bad = "", good = "fine" }').tasks
    assert task.task.labels == {"bad": "something went wrong", "good": "fine"}


def test_rules_may_watch_tasks_that_commands_added(read, faults, tmp_path):
    asked = []

    def known(database):
        asked.append(database)
        return {"urgency": ["urgent", "routine"]}

    rule = '[[rules]]\nname = "r"\nkind = "surge"\nwhere = { urgency = "LABEL" }'
    text = 'database = "x.db"\n' + rule
    assert read(text.replace("LABEL", "urgent"), known_tasks=known).rules[0].where == {"urgency": "urgent"}
    assert asked == [tmp_path / "x.db"]
    ((_, message),) = faults(text.replace("LABEL", "nope"), known_tasks=known)
    assert "known: *, routine, urgent" in message


def test_rules_notify_everybody_unless_they_say_whom(read):
    text = "".join(f'[[notifiers]]\nplugin = "pager"\nname = "{n}"\n' for n in "ab")
    rule = '[[rules]]\nname = "r"\nkind = "surge"\n'
    assert read(text + rule).rules[0].notify == ("a", "b")
    assert read(text + rule + 'notify = ["b"]').rules[0].notify == ("b",)
    assert read(text + rule + "notify = []").rules[0].notify == ()


def notifier(name, more="", plugin="pager"):
    return f'[[notifiers]]\nplugin = "{plugin}"\nname = "{name}"\n{more}\n'


def test_the_terms_of_a_notifier(read):
    text = notifier("a", 'at_most = "10/1h30m"\nfallback = "b"\nfallback_after = "5m"') + notifier("b")
    first, second = read(text).notifiers
    assert (first.at_most, first.fallback, first.fallback_after) == ((10, 5400), "b", 300)
    assert (second.at_most, second.fallback, second.fallback_after) == (None, None, 900)


@pytest.mark.parametrize(
    ("text", "places", "message"),
    [
        (notifier("a", 'at_most = "many"'), ["notifiers[1].at_most"], "write it like 10/1h"),
        (notifier("a", 'fallback = "x"'), ["notifiers[1].fallback"], "known: a"),
        (notifier("a", 'fallback = "a"'), ["notifiers[1].fallback"], "goes in a circle: a -> a"),
        (notifier("a", "fallback = 3"), ["notifiers[1].fallback"], "must be a text"),
        (
            notifier("a", 'fallback_after = "1h"'),
            ["notifiers[1].fallback_after"],
            "no use without a fallback",
        ),
        (
            notifier("a", 'fallback = "b"')
            + notifier("b", 'fallback = "c"')
            + notifier("c", 'fallback = "b"'),
            ["notifiers[1].fallback", "notifiers[2].fallback", "notifiers[3].fallback"],
            "b -> c -> b",
        ),
        (
            notifier("a", 'fallback = "p"') + notifier("p", plugin="pulse"),
            ["notifiers[1].fallback"],
            "'p' does not receive alerts",
        ),
    ],
)
def test_terms_that_cannot_be_kept(faults, text, places, message):
    found = faults(text)
    assert [place for place, _ in found] == places
    assert message in found[0][1]


def test_notifiers_that_receive_no_alerts_are_named_by_no_rule(read, faults):
    text = notifier("a") + notifier("p", plugin="pulse")
    rule = '[[rules]]\nname = "r"\nkind = "surge"\n'
    assert read(text + rule).rules[0].notify == ("a",)
    assert faults(text + rule + 'notify = ["p"]') == [("rules[1].notify", "'p' does not receive alerts")]


def test_secrets_come_from_the_environment(read, faults):
    text = FEED + 'password = { env = "FEED_PASSWORD" }\nheaders = { Authorization = { env = "TOKEN" } }'
    (source,) = read(text, environ={"FEED_PASSWORD": "hush", "TOKEN": "t0ken"}).sources
    assert (source.settings.password, source.settings.headers) == ("hush", {"Authorization": "t0ken"})
    assert faults(text, environ={"TOKEN": "t0ken"}) == [
        ("sources[1].password", "the environment variable FEED_PASSWORD is not set")
    ]


@pytest.mark.parametrize(
    ("line", "place", "message"),
    [
        ('token = { env = "TOKEN" }', "token", "value should have at least 20 items after validation, not 13"),
        ('token = "hunter2secret"', "token", "value should have at least 20 items after validation, not 13"),
        ('port = { env = "TOKEN" }', "port", "input should be a valid integer, unable to parse string as an integer"),
        ('timeout = { env = "TOKEN" }', "timeout", "'***' is not a duration; write it like 90s, 5m, 1h30m or 2d"),
        ('greeting = { env = "TOKEN" }', "greeting", "'***' is not polite"),
        ('answer = { env = "NO" }', "answer", "assertion failed, '***' is no answer"),
        ('greeting = { env = "HELLO" }\nanswer = "what"', "answer", "'what' is no answer to '***'"),
        ('answer = { env = "TOKEN" }', "answer", "'***' is odd"),
        ('every = { env = "SECONDS" }', "every", "must be at least 1s"),
        ("tokens = { a = [12345] }", "tokens.a[1]", "must be a text"),
        ("log-in = { pin = 12345 }", "log-in.pin", "must be a text"),
    ],
)  # fmt: skip
def test_secrets_are_told_to_nobody(faults, line, place, message):
    environ = {"TOKEN": "hunter2secret", "SECONDS": "0.25s", "NO": "nonsecret", "HELLO": "hello-secret"}
    assert faults(f'[[sources]]\nplugin = "safe"\nname = "news"\n{line}', environ=environ) == [
        (f"sources[1].{place}", message)
    ]


@pytest.mark.parametrize("setting", ["port", "timeout", "token", "greeting", "every"])
def test_a_secret_that_is_not_set_is_one_fault(faults, setting):
    text = f'[[sources]]\nplugin = "safe"\nname = "news"\n{setting} = {{ env = "NO" }}\n'
    unset = (f"sources[1].{setting}", "the environment variable NO is not set")
    assert faults(text) == [unset]
    assert faults(text + "other = 1")[0] == unset
    assert [place for place, _ in faults(text + "other = 1")] == [unset[0], "sources[1].other"]
    assert faults('retention = { features = { env = "NO" } }') == [("retention.features", unset[1])]


def test_a_validator_that_raises_is_a_fault_with_its_place(faults):
    text = '[[sources]]\nplugin = "safe"\nname = "news"\ngreeting = '
    assert faults(text + '"hello you"') == [("sources[1]", "the plugin raised KeyError: 'hello you'")]
    hidden = faults(text + '{ env = "TOKEN" }', environ={"TOKEN": "hello hunter2secret"})
    assert hidden == [("sources[1]", "the plugin raised KeyError: '***'")]
    assert faults(text + '"hello, bye"') == [("sources[1]", "the plugin raised SystemExit: hello, bye")]


def test_paths_are_relative_to_the_file(read, tmp_path, monkeypatch):
    (tmp_path / "seeds.csv").write_text("text,label\n")
    monkeypatch.chdir("/")
    config = read(MOOD + 'seeds = "seeds.csv"')
    assert config.tasks[0].seeds == tmp_path / "seeds.csv"
    assert config.database == tmp_path / "monitor.db"
    assert read('database = "/var/x.db"').database == Path("/var/x.db")


def test_seeds_are_checked_where_that_is_asked_for(read, faults, tmp_path):
    (tmp_path / "seeds.csv").write_text("text,label\nfine,good\n,bad\nwell,odd\n")
    text = MOOD + 'seeds = "seeds.csv"'
    assert read(text).tasks[0].seeds == tmp_path / "seeds.csv"
    found = faults(text, check_files=True)
    assert [place for place, _ in found] == ["tasks[1].seeds"] * 2
    assert "line 3: has no text" in found[0][1]
    assert "line 4: no label is called 'odd'; known: bad, good" in found[1][1]


@pytest.mark.parametrize("content", [b"not TOML", b"a = 1\na = 2", b"\xff\xfe", b"[[sources]\n"])
def test_not_toml(tmp_path, content):
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="is not TOML"):
        load_config(path, PLUGINS, KINDS)


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ('Kündigung = "x"', 'write names with such letters in quotes: "Kündigung"'),
        ('labels = { ok = "über", Störung = "x" }', 'write names with such letters in quotes: "Störung"'),
        ('ok "über" # für', ""),
    ],
)
def test_names_in_other_letters_want_quotes(tmp_path, line, advice):
    path = tmp_path / "config.toml"
    path.write_text(f"[a]\n{line}\n", "utf-8")
    with pytest.raises(ConfigError, match="is not TOML") as caught:
        load_config(path, PLUGINS, KINDS)
    assert [fault.advice for fault in caught.value.faults] == [advice]


def test_no_file(tmp_path):
    with pytest.raises(ConfigError, match=r"there is no such file; name another with --config FILE"):
        load_config(tmp_path / "none.toml", PLUGINS, KINDS)
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path, PLUGINS, KINDS)


def test_the_message_has_a_line_for_each_fault(read):
    with pytest.raises(ConfigError) as raised:
        read("a = 1\nb = 2")
    head, *lines = str(raised.value).splitlines()
    assert head.endswith("config.toml cannot be used:")
    assert [line.split(":")[0] for line in lines] == ["  a", "  b"]


def test_a_fault_names_its_table(read):
    rules = (
        '[[rules]]\nname = "calm"\nkind = "surge"\n[[rules]]\nname = "quick"\nkind = "surge"\nwindow = "5h"\n'
    )
    with pytest.raises(ConfigError) as raised:
        read(rules + "[[tasks]]\n")
    assert "rules[2] (quick).window: must be at most 2h (it is 5h)" in str(raised.value)
    assert "  tasks[1].name: is required" in str(raised.value), "one without a name has its place alone"


def test_labels_whose_letters_are_coded_otherwise_are_the_same():
    assert label_twins(["sto\N{COMBINING DIAERESIS}rung", "störung"]) is not None
    assert label_twins(["störung", "storung"]) is None
