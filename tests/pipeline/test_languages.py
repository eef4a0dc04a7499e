"""What is said of texts in languages that the encoder reads badly."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from monitor.errors import LearnError
from monitor.pipeline.learning.hints import hints
from monitor.pipeline.learning.languages import foreign, prepared, texts_unread, unprepared
from monitor.store import Store
from monitor.store.predictions import Answer
from monitor.testing import HashEncoder
from monitor.types import Document, Prediction, Seed, Task
from monitor_plugins.encoders import MiniLm, MiniLmSettings

ALONE = MiniLmSettings(glosses=False)  # reads English, and nothing else
MINILM = MiniLm(ALONE, Path())
ANLIEGEN = Task(
    "Anliegen", {"Beschwerde": "Kunde beschwert sich über Gebühren", "Störung": "die App geht nicht"}
)
URGENCY = Task("urgency", {"urgent": "somebody must act within the hour", "routine": "can wait for its turn"})
GERMAN = [
    Seed(f"{text} {number}", label)
    for label, text in (
        ("Beschwerde", "Warum wurden mir Gebühren abgebucht"),
        ("Störung", "Die App stürzt ständig ab"),
    )
    for number in range(4)
]


@pytest.mark.parametrize(
    "text",
    [
        "Ich komme nicht ins Onlinebanking",
        "Je veux un remboursement",
        "Quiero cancelar mi cuenta",
        "Nie mogę się zalogować",
        "Не могу войти в приложение",
        "我无法登录网银",
        "アプリにログインできません",
        "البنك المركزي يفرض غرامة",
    ],
)
def test_other_languages_are_told_from_english_without_loading_the_model(text: str) -> None:
    encoder = MiniLm(ALONE, Path())
    assert foreign(encoder, text)
    assert encoder._model is None


def test_languages_with_a_list_of_words_are_no_others() -> None:
    encoder = MiniLm(MiniLmSettings(), Path())
    assert not foreign(encoder, "Ich komme nicht ins Onlinebanking")
    assert not foreign(encoder, "Не могу войти в приложение")
    assert foreign(encoder, "Ní féidir liom logáil isteach i mo chuntas")
    assert hints(ANLIEGEN, [], [], encoder) == []
    assert encoder._model is None


@pytest.mark.parametrize("text", ["refund", "I want a refund", "👍", "", "12,50 €"])
def test_english_and_what_is_no_language_are_not(text: str) -> None:
    assert not foreign(MINILM, text)


@pytest.mark.parametrize(
    "text",
    [
        "Bitcoin slumps below 60,000",
        "Nasdaq rebounds 2.5% after Tuesday's selloff",
        "Halvorne chairman subpoenaed, refuses to answer",
        "Good luck @skyblazers! #solarimpulse #Flight8 https://t.co/eTkBW1RCrv",
    ],
)
def test_short_english_texts_with_rare_words_are_not(text: str) -> None:
    assert not foreign(MiniLm(MiniLmSettings(), Path()), text)


def test_labels_in_such_a_language_want_examples_in_it() -> None:
    (note,) = hints(ANLIEGEN, [], [], MINILM)
    assert note.startswith("its labels are in a language that the encoder reads badly")
    assert "monitor seeds import Anliegen FILE" in note
    assert hints(ANLIEGEN, GERMAN[:-1], [], MINILM) == [note], "one label has three"
    english = [Seed(f"why was I charged a fee {number}", "Störung") for number in range(40)]
    assert hints(ANLIEGEN, [*GERMAN, *english], [], MINILM) == [note], "most are English"
    assert hints(ANLIEGEN, GERMAN, [], MINILM) == []
    assert hints(URGENCY, [], [], MINILM) == []
    assert hints(ANLIEGEN, [], [], HashEncoder(HashEncoder.Settings(), Path())) == [], (
        "an encoder that cannot tell"
    )
    assert hints(ANLIEGEN, [], [], None) == []


def test_english_examples_do_not_count() -> None:
    english = [
        Seed(f"why was I charged a fee {number}", label) for label in ANLIEGEN.labels for number in range(9)
    ]
    assert prepared(MINILM, ANLIEGEN, GERMAN)
    assert not prepared(MINILM, ANLIEGEN, english)


def test_what_is_asked_of_a_task_without_such_examples() -> None:
    texts = ["Ich komme nicht ins Onlinebanking", "I want a refund"]
    said = unprepared(MINILM, texts, [(ANLIEGEN, GERMAN), (URGENCY, [])])
    assert said.startswith(
        "1 of the 2 texts look to be in a language that the encoder reads badly; for urgency, configure"
    )
    assert unprepared(MINILM, texts[1:], [(URGENCY, [])]) == ""
    assert unprepared(MINILM, texts, [(ANLIEGEN, GERMAN)]) == ""


def test_what_a_task_was_asked_of_late(monitor_store: Store, monitor_now: datetime) -> None:
    store = monitor_store
    store.sources.sync([("chats", "chatlog", 300.0)])
    store.tasks.sync([(URGENCY, "labels", {})], monitor_now)
    store.heads.add("urgency", inputs="x", encoder="e", seeds=0, data=b"", now=monitor_now)
    texts = ["thank you very much", "Wann kommt meine Rückerstattung", "Die App stürzt ständig ab"]
    said = []
    for number, text in enumerate(texts):
        store.documents.add(
            "chats", Document(str(number), text), now=monitor_now, event_at=monitor_now, live=True
        )
        document = store.documents.pending(100)[-1].document.id
        store.predictions.record(document, {"urgency": Answer([Prediction("urgent", 0.4, True)], 1)})
        said.append(texts_unread(MINILM, store, URGENCY, []))
    assert said[0] == []
    assert said[2][0].startswith(
        "most of the newest texts are in a language that the encoder reads badly: configure"
    )
    assert texts_unread(MINILM, store, Task("other", {"a": "", "b": ""}), []) == [], "it was not asked"


def test_an_encoder_that_cannot_be_used_says_nothing_here() -> None:
    class Broken(HashEncoder):
        def unread(self, text: str) -> float:
            raise LearnError("it is not installed")

    assert not foreign(Broken(HashEncoder.Settings(), Path()), "Ich komme nicht ins Onlinebanking")
